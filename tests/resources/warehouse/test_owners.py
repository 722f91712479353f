"""Roles that write, tested by logging in as one: it can do its work, and nothing else."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from resources.variables import SettingsError
from resources.warehouse.server.connect import check_tables, engine
from resources.warehouse.server.migrations import upgrade
from resources.warehouse.server.owners import grant_dagster, grant_loader
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute


def refused(on: Engine, *statements: str) -> None:
    free = on.execution_options(isolation_level="AUTOCOMMIT")
    for statement in statements:
        with free.connect() as conn, pytest.raises(WarehouseError, match="permission denied"):
            conn.execute(text(statement))


@pytest.fixture
def role(warehouse: Engine) -> Iterator[str]:
    """Return a name that no role has; the role is dropped after the test with what it owns."""
    name = f"o_{uuid.uuid4().hex[:12]}"
    yield name
    execute(warehouse, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


@pytest.fixture
def as_role(warehouse: Engine, role: str) -> Iterator[Engine]:
    """Return the database as the role has it."""
    made = engine(warehouse.url.set(username=role).render_as_string(hide_password=False))
    yield made
    made.dispose()


OUTSIDE = (
    "CREATE ROLE r_other",
    "CREATE DATABASE d_other",
    "CREATE TABLE public.mine (id int)",
    "ALTER ROLE postgres NOLOGIN",
)


def test_the_loader_gets_what_an_administrator_has_loaded_and_can_go_on(
    warehouse: Engine, role: str, as_role: Engine
) -> None:
    execute(
        warehouse,
        "CREATE SCHEMA mart",
        "CREATE TABLE mart.issue (id int)",
        "CREATE VIEW mart.issues AS SELECT id FROM mart.issue",
    )
    access = grant_loader(warehouse, role)
    assert (access.created, access.schemas) == (True, ("raw", "ops", "staging", "mart"))
    assert access.new_password
    upgrade(as_role)
    execute(
        as_role,
        "ALTER TABLE raw.issues ADD COLUMN one_more int",
        "DROP VIEW mart.issues",
        "DROP TABLE mart.issue",
        "CREATE SCHEMA staging",
        "INSERT INTO ops.spaces (space_key, url) VALUES ('acme', 'https://acme.backlog.com')",
    )
    refused(as_role, *OUTSIDE)
    again = grant_loader(warehouse, role)
    assert (again.created, again.new_password) == (False, None)


def test_the_loader_makes_its_schemas_in_an_empty_database(
    warehouse: Engine, role: str, as_role: Engine
) -> None:
    execute(warehouse, "DROP SCHEMA raw, ops CASCADE")
    grant_loader(warehouse, role)
    upgrade(as_role)
    owners = text(
        "SELECT DISTINCT schemaname, tableowner FROM pg_tables WHERE schemaname IN "
        "('raw', 'ops') ORDER BY 1"
    )
    with as_role.connect() as conn:
        assert list(conn.execute(owners)) == [("ops", role), ("raw", role)]


def test_dagster_keeps_its_tables_and_reads_no_warehouse(
    warehouse: Engine, role: str, as_role: Engine
) -> None:
    execute(warehouse, "CREATE TABLE public.runs (id int)")
    access = grant_dagster(warehouse, role)
    assert access.schemas == ("public",)
    check_tables(as_role.url.render_as_string(hide_password=False), "event_logs")
    execute(as_role, "ALTER TABLE runs ADD COLUMN tags text", "CREATE TABLE event_logs (id int)")
    refused(
        as_role,
        "SELECT * FROM raw.issues",
        "SELECT * FROM ops.oauth_tokens",
        "CREATE SCHEMA mine",
        *OUTSIDE[:2],
    )


def test_an_administrator_is_no_role_for_either(warehouse: Engine) -> None:
    for grant in (grant_loader, grant_dagster):
        with pytest.raises(SettingsError, match="--role is 'postgres': expected another role"):
            grant(warehouse, "postgres")


def test_a_user_who_may_not_create_roles_sees_what_an_administrator_can_run(
    warehouse: Engine, role: str, as_role: Engine
) -> None:
    execute(warehouse, f"CREATE ROLE {role} LOGIN")
    with pytest.raises(
        WarehouseError,
        match=r'The user of DAGSTER_POSTGRES_URL may not create.*CREATE ROLE "another" LOGIN',
    ) as caught:
        grant_dagster(as_role, "another")
    assert "SCRAM" not in str(caught.value)

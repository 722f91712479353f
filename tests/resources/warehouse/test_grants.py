"""Roles for readers, by logging in as one: what it can read before and after a build, and what it
cannot.

The server of the tests trusts who connects; where a test is about a password, the server is
configured to ask that role for one.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from resources.variables import SettingsError
from resources.warehouse.server.connect import engine
from resources.warehouse.server.grants import Limits, grant_bi
from resources.warehouse.server.roles import Access
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute, one

PASSWORD = "s3cr3t % of 'BI'"
NewRole = Callable[..., str]


@pytest.fixture
def new_role(warehouse: Engine) -> Iterator[NewRole]:
    """Return a function that gives a name of a role that nobody has, or makes that role; it is
    dropped after the test.
    """
    with ExitStack() as stack:

        def drop(name: str) -> None:
            if one(warehouse, f"SELECT count(*) FROM pg_roles WHERE rolname = '{name}'"):
                execute(warehouse, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")

        def name(attributes: str | None = None) -> str:
            made = f"r_{uuid.uuid4().hex[:12]}"
            stack.callback(drop, made)
            if attributes is not None:
                execute(warehouse, f"CREATE ROLE {made} {attributes}")
            return made

        yield name


def login(warehouse: Engine, role: str, password: str = "") -> Engine:
    """Return the warehouse as a role has it."""
    url = warehouse.url.set(username=role, password=password)
    return engine(url.render_as_string(hide_password=False))


@pytest.fixture
def marts(warehouse: Engine) -> Engine:
    """Return the warehouse with a mart, a view on raw data and a table of staging, and a table of
    somebody else.
    """
    execute(
        warehouse,
        "CREATE SCHEMA mart",
        "CREATE TABLE mart.issue AS SELECT 1 AS issue_id",
        "CREATE VIEW mart.sync_stats AS SELECT count(*) AS n FROM "
        "ops.sync_history AS h, raw.issues AS i",
        "CREATE SCHEMA staging",
        "CREATE TABLE staging.stg_issue AS SELECT 1 AS issue_id",
        "CREATE TABLE public.other AS SELECT 1 AS id",
    )
    return warehouse


@contextmanager
def asked_for_a_password(server: Engine, role: str) -> Iterator[None]:
    """Have the server ask a role for its password; other roles are trusted as before."""
    file = Path(str(one(server, "SHOW hba_file")))
    before = file.read_text()
    file.write_text(f"local all {role} scram-sha-256\nhost all {role} all scram-sha-256\n{before}")
    one(server, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        file.write_text(before)
        one(server, "SELECT pg_reload_conf()")


REFUSED = [
    "SELECT * FROM raw.issues",
    "SELECT * FROM ops.sync_history",
    "SELECT * FROM staging.stg_issue",
    "SELECT * FROM public.other",
    "INSERT INTO mart.issue VALUES (2)",
    "DELETE FROM mart.issue",
    "CREATE TABLE mart.mine (id int)",
    "CREATE TABLE public.mine (id int)",
    "CREATE SCHEMA mine",
]


def test_it_reads_marts_also_those_that_are_made_later_and_nothing_else(
    marts: Engine, new_role: NewRole
) -> None:
    role = new_role()
    grant_bi(marts, role, PASSWORD)
    reader = login(marts, role)
    assert one(reader, "SELECT issue_id FROM issue") == 1, "mart is where it looks for tables"
    assert one(reader, "SELECT n FROM mart.sync_stats") == 0, (
        "a view reads with the rights of its owner"
    )
    # As dbt does it: a new table in place of the old one, and one that was not there before.
    execute(
        marts,
        "CREATE TABLE mart.issue__dbt_tmp AS SELECT 2 AS issue_id",
        "ALTER TABLE mart.issue RENAME TO issue__dbt_backup",
        "ALTER TABLE mart.issue__dbt_tmp RENAME TO issue",
        "DROP TABLE mart.issue__dbt_backup CASCADE",
        "CREATE TABLE mart.calendar AS SELECT 3 AS day",
    )
    assert (
        one(reader, "SELECT issue_id FROM issue"),
        one(reader, "SELECT day FROM mart.calendar"),
    ) == (2, 3)
    with pytest.raises(WarehouseError, match="read-only"):
        execute(reader, "CREATE TABLE mart.mine (id int)")
    for statement in REFUSED:
        with pytest.raises(WarehouseError, match=r"permission denied"):
            execute(reader, "SET TRANSACTION READ WRITE", statement)
    limits = {
        "default_transaction_read_only": "on",
        "statement_timeout": "2min",
        "idle_in_transaction_session_timeout": "1min",
        "temp_file_limit": "10GB",
    }
    if int(str(one(reader, "SHOW server_version_num"))) >= 170_000:
        limits["transaction_timeout"] = "10min"
    assert {name: one(reader, f"SHOW {name}") for name in limits} == limits


def test_again_it_changes_nothing_but_what_is_not_as_it_should_be(
    marts: Engine, new_role: NewRole
) -> None:
    def rights() -> object:
        return one(
            marts,
            "SELECT string_agg(t, ' ' ORDER BY t) FROM (SELECT nspname || "
            "nspacl::text FROM pg_namespace "
            "UNION SELECT oid || relacl::text FROM pg_class UNION SELECT defaclnamespace || "
            "defaclacl::text FROM pg_default_acl "
            "UNION SELECT r.rolname || r.rolconfig::text || a.rolpassword FROM pg_roles AS r "
            "JOIN pg_authid a USING (oid)) f (t)",
        )

    role = new_role()
    first = grant_bi(marts, role, None)
    assert first.created
    assert first.new_password
    before = rights()
    again = grant_bi(marts, role, None)
    assert (again.created, again.new_password, again.url) == (False, None, first.url)
    assert rights() == before
    execute(
        marts,
        f"GRANT USAGE ON SCHEMA raw TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA raw TO {role}",
        f"GRANT ALL ON mart.issue TO {role}",
        f"ALTER ROLE {role} SET statement_timeout = 0",
        f"ALTER ROLE {role} NOLOGIN",
    )
    grant_bi(marts, role, None)
    reader = login(marts, role)
    assert one(reader, "SHOW statement_timeout") == "2min"
    for statement in REFUSED:
        with pytest.raises(WarehouseError, match="permission denied"):
            execute(reader, "SET TRANSACTION READ WRITE", statement)


def test_the_limits_of_a_role_are_those_of_the_last_command(
    marts: Engine, new_role: NewRole
) -> None:
    role = new_role()
    grant_bi(marts, role, None, Limits(connections=2, statement_seconds=1))
    with login(marts, role).connect() as conn:
        with pytest.raises(
            WarehouseError, match="cancelled the statement: raise statement_timeout"
        ):
            conn.execute(text("SELECT pg_sleep(60)"))
        with (
            login(marts, role).connect(),
            pytest.raises(WarehouseError, match="too many connections for role"),
            login(marts, role).connect(),
        ):
            pass
    grant_bi(marts, role, None)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(login(marts, role).connect())
    assert one(login(marts, role), "SHOW statement_timeout") == "2min"


def test_passwords_are_asked_for_kept_replaced_and_never_logged(
    marts: Engine, new_role: NewRole
) -> None:
    role = new_role()
    execute(marts, f"ALTER DATABASE {marts.url.database} SET log_statement = 'all'")
    marts.dispose()
    made_up = grant_bi(marts, role, None).new_password
    assert made_up
    with asked_for_a_password(marts, role):
        grant_bi(marts, role, None)
        assert one(login(marts, role, made_up), "SELECT current_user") == role
        access = grant_bi(marts, role, PASSWORD)
        assert one(login(marts, role, PASSWORD), "SELECT current_user") == role
        for wrong in (made_up, ""):
            with pytest.raises(WarehouseError, match="password"):
                one(login(marts, role, wrong), "SELECT 1")
    log = Path(str(one(marts, "SHOW data_directory")), "log").read_text()
    assert f'ALTER ROLE "{role}" PASSWORD \'SCRAM-SHA-256$' in log
    for secret in (made_up, PASSWORD, PASSWORD.replace("'", "''")):
        assert secret not in log + repr(access)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Backlog",
        "1st",
        "a-b",
        "pg_monitor",
        "public",
        "none",
        'x"; DROP ROLE y',
        "x" * 64,
        "日本",
    ],
)
def test_a_name_that_cannot_be_one_is_refused(warehouse: Engine, name: str) -> None:
    with pytest.raises(SettingsError, match="--role is "):
        grant_bi(warehouse, name, None)


def test_a_role_that_can_do_other_things_is_refused(marts: Engine, new_role: NewRole) -> None:
    group, owner = new_role("NOLOGIN"), new_role("LOGIN")
    execute(marts, f"ALTER TABLE public.other OWNER TO {owner}")
    refusals = {
        str(one(marts, "SELECT current_user")): "that makes it",
        new_role("LOGIN CREATEROLE"): "an administrator",
        owner: "owns tables",
        new_role(f"LOGIN IN ROLE {group}"): f"rights of {group}",
    }
    for role, said in refusals.items():
        with pytest.raises(SettingsError, match=f"--role is '{role}': expected .*{said}"):
            grant_bi(marts, role, None)


@pytest.fixture
def plain_loader(marts: Engine, new_role: NewRole) -> Engine:
    """Return the warehouse as a loader has it that owns its schemas, and may do nothing else."""
    loader = new_role("LOGIN")
    schemas = ("raw", "ops", "staging", "mart")
    execute(
        marts,
        f"GRANT CREATE ON DATABASE {marts.url.database} TO {loader}",
        *(f"ALTER SCHEMA {schema} OWNER TO {loader}" for schema in schemas),
        *(
            f"ALTER TABLE {table} OWNER TO {loader}"
            for table in ("mart.issue", "mart.sync_stats", "staging.stg_issue")
        ),
        *(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {loader}" for schema in schemas),
    )
    return login(marts, loader)


def test_a_loader_that_may_not_make_roles_says_what_an_administrator_can_run(
    marts: Engine, plain_loader: Engine, new_role: NewRole
) -> None:
    role = new_role()
    with pytest.raises(WarehouseError, match="Let an administrator run this") as caught:
        grant_bi(plain_loader, role, PASSWORD)
    assert caught.value.cause == "database_refused"
    assert "\n" not in str(caught.value)
    assert "SCRAM" not in str(caught.value)
    assert one(marts, f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == 0
    script = (
        str(caught.value)
        .split("run the command again: ")[1]
        .replace("…", PASSWORD.replace("'", "''").replace("%", "%%"))
    )
    with marts.begin() as conn:
        conn.exec_driver_sql(script)
    access = grant_bi(plain_loader, role, None)
    assert (access.created, access.too_much) == (False, ())
    execute(
        plain_loader, "DROP TABLE mart.issue", "CREATE TABLE mart.issue AS SELECT 5 AS issue_id"
    )
    assert one(login(marts, role), "SELECT issue_id FROM issue") == 5


def test_a_loader_that_may_make_roles_needs_no_administrator(
    marts: Engine, plain_loader: Engine, new_role: NewRole
) -> None:
    role = new_role()
    execute(marts, f"ALTER ROLE {plain_loader.url.username} CREATEROLE")
    assert grant_bi(plain_loader, role, PASSWORD).created
    assert not grant_bi(plain_loader, role, "another one").created
    assert one(login(marts, role), "SELECT issue_id FROM issue") == 1


def test_what_everybody_may_is_taken_from_the_role_and_from_nobody_else(
    marts: Engine, plain_loader: Engine, new_role: NewRole
) -> None:
    role, neighbour = new_role(), new_role("LOGIN")
    execute(marts, "GRANT CREATE ON SCHEMA public TO PUBLIC", "GRANT USAGE ON SCHEMA raw TO PUBLIC")
    grant_bi(marts, role, PASSWORD)
    execute(marts, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert grant_bi(plain_loader, role, None).too_much == ("CREATE on schema public",), (
        "not the loader's to take away"
    )
    assert grant_bi(marts, role, None).too_much == ()
    with pytest.raises(WarehouseError, match="permission denied"):
        execute(
            login(marts, role), "SET TRANSACTION READ WRITE", "CREATE TABLE public.mine (id int)"
        )
    execute(login(marts, neighbour), "CREATE TABLE public.mine (id int)")


def test_a_warehouse_without_marts_gets_their_schema(warehouse: Engine, new_role: NewRole) -> None:
    role = new_role()
    access: Access = grant_bi(warehouse, role, PASSWORD)
    execute(
        warehouse,
        "CREATE SCHEMA IF NOT EXISTS mart",
        "CREATE TABLE mart.issue AS SELECT 1 AS issue_id",
    )
    assert one(engine(access.url), "SELECT concat(current_user, issue_id) FROM issue") == f"{role}1"

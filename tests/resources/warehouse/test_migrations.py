"""Migrations: the database is what the schema says, however many start at once."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from dagster._core.test_utils import instance_for_test
from sqlalchemy import Engine

from resources.warehouse.raw.spec import metadata
from resources.warehouse.server.connect import engine
from resources.warehouse.server.migrations import HEAD, upgrade, version, versions
from resources.warehouse.state.schema_ops import OPS_TABLES
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute, heard, one
from tests.deployment import Deployment
from tests.integration.commands import Shell

UPGRADE = """
import sys
from resources.warehouse.server.connect import engine
from resources.warehouse.server.migrations import upgrade
upgrade(engine(sys.argv[1]))
"""


def test_the_migrated_database_is_what_the_schema_says(warehouse: Engine) -> None:
    assert OPS_TABLES
    assert versions()[0] == HEAD
    options = {
        "include_schemas": True,
        "compare_type": True,
        "compare_server_default": True,
        "version_table_schema": "ops",
        "include_name": lambda name, kind, _: kind != "schema" or name in {"raw", "ops"},
    }
    with warehouse.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []


def test_two_processes_that_migrate_at_once_both_succeed(empty_url: str) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", UPGRADE, empty_url],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [(process.communicate(timeout=120)[1], process.returncode) for process in both] == [
        ("", 0),
        ("", 0),
    ]
    made = engine(empty_url)
    assert one(made, "SELECT version_num FROM ops.alembic_version") == HEAD
    assert one(made, "SELECT count(*) FROM raw.issues") == 0
    made.dispose()


def test_a_failed_migration_leaves_nothing_behind(empty_url: str) -> None:
    made = engine(empty_url)
    execute(made, "CREATE SCHEMA raw", "CREATE TABLE raw.teams (mine integer)")
    with pytest.raises(
        WarehouseError, match=r'holds a table of another program .*"teams" already exists'
    ):
        upgrade(made)
    tables = (
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('raw', 'ops')"
    )
    assert one(made, tables) == "raw.teams"
    execute(made, "DROP TABLE raw.teams")
    upgrade(made)
    made.dispose()


def test_a_migrated_database_is_left_alone(warehouse: Engine) -> None:
    with heard(warehouse, "before_cursor_execute", 2) as statements:
        upgrade(warehouse)
    assert statements
    assert not [statement for statement in statements if not statement.startswith("SELECT")]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("9999",), "has version 9999, which this program does not know.*restore the backup"),
        (("0012",), "has version 0012, from before the first release.*drop the schemas.*load"),
        ((HEAD, "0007"), f"versions \\(0007, {HEAD}\\).* delete the rows that are not {HEAD}\\.$"),
        (("x", "y"), r"versions \(x, y\).* delete the rows that are not that of the tables\.$"),
    ],
)
def test_a_version_that_is_not_known_and_several_are_refused_with_the_way_out(
    warehouse: Engine, named: tuple[str, ...], said: str
) -> None:
    execute(
        warehouse,
        "DELETE FROM ops.alembic_version",
        *(f"INSERT INTO ops.alembic_version VALUES ('{one}')" for one in named),
    )
    with pytest.raises(WarehouseError, match=said) as caught:
        upgrade(warehouse)
    assert caught.value.cause == "warehouse_version"


def test_migrate_keeps_the_runs_of_a_storage_that_has_some(
    loaded: Deployment, empty_url: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, {"BACKLOG_ELT_HOME": str(tmp_path / "home")})
    with instance_for_test(
        overrides={"storage": {"postgres": {"postgres_url": empty_url}}}
    ) as instance:
        deployment = replace(loaded, instance=instance).discover()
        assert deployment.run("users").success
        before = [(run.run_id, run.status, run.tags) for run in instance.get_runs()]
        events = len(instance.all_logs(before[0][0]))
        done = shell.run(
            "migrate", WAREHOUSE_URL=loaded.warehouse_url, DAGSTER_POSTGRES_URL=empty_url
        )
        assert done.code == 0, done.err
        assert done.out.splitlines() == [
            f"warehouse: version {version(loaded.engine)}",
            "Dagster's storage: up to date",
        ]
        assert [(run.run_id, run.status, run.tags) for run in instance.get_runs()] == before
        assert len(instance.all_logs(before[0][0])) == events > 0
        assert deployment.run("users").success

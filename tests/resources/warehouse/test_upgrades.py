"""An older warehouse that is full of data, brought to the newest schema: nothing is lost, and loads go on with it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from dagster._core.test_utils import instance_for_test
from sqlalchemy import Engine, inspect, text

from resources.warehouse import migrations
from resources.warehouse.connect import engine
from resources.warehouse.migrations import upgrade, version
from tests.deployment import Deployment, counts, metadata, recorded
from tests.integration.commands import Shell

#: Table -> its rows as PostgreSQL writes them.
Rows = dict[str, list[bytes]]
#: What no load of a small quiet space leaves behind.
MORE = {
    "ops.rejected_records": "(space_key, table_name, record_key, payload, reason, error, run_id) "
    "VALUES ('acme', 'issues', '1', E'é\\t\\\\n', 'rejected', 'why', 'r')",
    "ops.unexpected_fields": "(space_key, table_name, field, example) VALUES ('acme', 'issues', 'novel', '1')",
    "ops.webhook_events": "(space_key, activity_id, payload) VALUES ('acme', 7, '{}')",
    "ops.mart_builds": "(began_at, project, run_id) VALUES (now(), 'p', 'r')",
}


@pytest.fixture
def older(empty_url: str) -> Iterator[Engine]:
    """Give a way into it."""
    made = engine(empty_url)
    yield made
    made.dispose()


def migrate_to(made: Engine, revision: str) -> None:
    """Bring an empty database to an older version, as the program of that day did."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with made.begin() as conn:
        conn.execute(text("CREATE SCHEMA ops"))
        config.attributes["connection"] = conn
        command.upgrade(config, revision)


def columns_of(made: Engine) -> dict[str, str]:
    """Return table -> its columns, as SQL has them."""
    found = inspect(made)
    tables = [(schema, table) for schema in ("raw", "ops") for table in found.get_table_names(schema) if table != "alembic_version"]
    return {
        f"{schema}.{table}": ", ".join(f'"{column["name"]}"' for column in found.get_columns(table, schema))
        for schema, table in tables
    }


def rows_of(made: Engine, columns: dict[str, str]) -> Rows:
    """Return what some columns of some tables hold."""
    found = {}
    with closing(made.raw_connection()) as raw:
        for table, names in columns.items():
            lines = BytesIO()
            raw.cursor().copy_expert(f"COPY (SELECT {names} FROM {table}) TO STDOUT", lines)
            found[table] = sorted(lines.getvalue().splitlines())
    return found


def fill(made: Engine, columns: dict[str, str], rows: Rows) -> None:
    """Write rows into empty tables."""
    with closing(made.raw_connection()) as raw:
        for table, names in columns.items():
            raw.cursor().copy_expert(f"COPY {table} ({names}) FROM STDIN", BytesIO(b"".join(line + b"\n" for line in rows[table])))
        raw.commit()
    numbered = [
        table for table in columns if inspect(made).get_columns(table.split(".")[1], table.split(".")[0])[0].get("identity")
    ]
    with made.begin() as conn:
        for table in numbered:
            conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT count(*) + max(id) FROM {table}))"))


@pytest.mark.parametrize("revision", ["0001", "0006"])
def test_the_rows_of_an_older_version_are_all_there_after_the_upgrade_and_a_load_finds_nothing_to_write_again(
    loaded: Deployment, older: Engine, empty_url: str, revision: str
) -> None:
    migrate_to(older, revision)
    columns = columns_of(older)
    for table in MORE.keys() & columns.keys():
        loaded.change(f"INSERT INTO {table} {MORE[table]}")
    before = rows_of(loaded.engine, columns)
    assert [table for table in ("raw.issues", "raw.users", "ops.sync_state", "ops.rejected_records") if not before[table]] == []
    fill(older, columns, before)
    with older.begin() as conn:
        conn.execute(text("UPDATE raw.users SET content_hash = 'one that a login changes'"))
    upgrade(older)
    assert rows_of(older, columns) == before
    assert columns_of(older) == columns_of(loaded.engine)
    upgraded = replace(loaded, warehouse_url=empty_url, engine=older)
    users = upgraded.run("users")
    assert (users.success, metadata(users, "users")["load/rows_updated"]) == (True, 0)
    run = upgraded.run_issues()
    assert run.success
    assert {name for figures in recorded(run).values() for name in counts(figures)} == {"read", "unchanged"}
    for table in ("comments", "issue_changes"):
        assert len(upgraded.rows(table)) == len(loaded.rows(table)) > 0


def test_migrate_keeps_the_runs_of_a_storage_that_has_some(loaded: Deployment, empty_url: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"BACKLOG_ELT_HOME": str(tmp_path / "home")})
    with instance_for_test(overrides={"storage": {"postgres": {"postgres_url": empty_url}}}) as instance:
        deployment = replace(loaded, instance=instance).discover()
        assert deployment.run("users").success
        before = [(run.run_id, run.status, run.tags) for run in instance.get_runs()]
        events = len(instance.all_logs(before[0][0]))
        done = shell.run("migrate", WAREHOUSE_URL=loaded.warehouse_url, DAGSTER_POSTGRES_URL=empty_url)
        assert done.code == 0, done.err
        assert done.out.splitlines() == [f"warehouse: version {version(loaded.engine)}", "Dagster's storage: up to date"]
        assert [(run.run_id, run.status, run.tags) for run in instance.get_runs()] == before
        assert len(instance.all_logs(before[0][0])) == events > 0
        assert deployment.run("users").success

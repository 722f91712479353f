"""The role of BI tools does what it can to hold up a load, on a real server as a login of its own:
the load completes.
"""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from psycopg2 import connect
from sqlalchemy import text

from resources.warehouse.server.connect import engine, parse_url
from resources.warehouse.warehouse_errors import WarehouseError
from simulator import Simulator, SpaceSpec
from tests.databases import execute
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

SPEC = SpaceSpec(seed=3, users=3, projects=2, issues=20, history_days=240)
CONNECTIONS = 5
#: Each would be a way to hold a lock, to seem to, or to take one away.
REFUSED = [
    "LOCK TABLE ops.locks IN ACCESS SHARE MODE",
    "SELECT * FROM ops.locks FOR UPDATE",
    "INSERT INTO ops.locks SELECT 'acme', 'users', pg_backend_pid(), now(), 0, 'me', now()",
    "DELETE FROM ops.locks",
    "LOCK TABLE mart.sync_stats IN ROW SHARE MODE",
    "LOCK TABLE mart.issue IN EXCLUSIVE MODE",
    "LOCK TABLE ops.forgotten_users IN ROW SHARE MODE",
    "LOCK TABLE ops.alembic_version IN ACCESS SHARE MODE",
    (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename <> current_user"
    ),
]


@pytest.fixture
def roles(new_database: NewDatabase) -> Iterator[tuple[str, str, str]]:
    """Return the URL of an administrator of a new database, and names for a loader and a reader,
    dropped after the test.
    """
    url, suffix = new_database(), uuid.uuid4().hex[:8]
    names = f"loader_{suffix}", f"bi_{suffix}"
    yield url, *names
    admin = engine(url)
    for name in names:
        execute(admin, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")
    admin.dispose()


def test_a_load_completes_while_the_bi_role_does_its_worst(
    shell: Shell, roles: tuple[str, str, str], new_database: NewDatabase
) -> None:
    url, loader, reader = roles
    storage = {"DAGSTER_POSTGRES_URL": new_database()}
    shell.succeed("grant", "loader", "--role", loader, WAREHOUSE_URL=url, **storage)
    own = (
        parse_url(url)
        .set(username=loader, drivername="postgresql")
        .render_as_string(hide_password=False)
    )
    admin, made = engine(url), engine(own)
    execute(admin, f"ALTER ROLE {loader} CREATEROLE")
    with Simulator(SPEC) as sim, ExitStack() as stack:
        space = {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key, "WAREHOUSE_URL": own}
        shell = Shell(shell.folder, {**shell.variables, **storage, **space})
        shell.succeed("grant", "bi", "--role", reader, "--connections", str(CONNECTIONS))
        shell.succeed("load", "--json")
        execute(
            made,
            "CREATE TABLE mart.issue AS SELECT id AS issue_id FROM raw.issues",
            "CREATE VIEW mart.sync_stats AS SELECT h.id FROM ops.sync_history AS h, raw.issues",
        )

        # It opens what it may have and a few more, lifts its own time limits, and keeps
        # transactions open on all that it may read.
        parsed = parse_url(url).set(username=reader, drivername="postgresql")
        asked = [connect(parsed.render_as_string(hide_password=False)) for _ in range(CONNECTIONS)]
        for connection in asked:
            stack.callback(connection.close)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
                    "SET default_transaction_read_only = off"
                )
            connection.commit()
        with pytest.raises(WarehouseError, match="too many connections for role"):
            engine(parsed.render_as_string(hide_password=False)).connect()
        holder, trier, *_ = asked
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE mart.issue, mart.sync_stats IN ACCESS SHARE MODE")
            cursor.execute("SELECT count(*) FROM mart.sync_stats")

        for statement in REFUSED:
            with trier.cursor() as cursor, pytest.raises(Exception, match=r"permission denied"):
                cursor.execute(statement)
            trier.rollback()
        changed = next(iter(sim.space.issues.values()))
        sim.space.edit_issue(changed.id, summary="changed meanwhile")
        shell.succeed("load", "--json")
        with made.connect() as conn:
            stored = conn.execute(
                text("SELECT summary FROM raw.issues WHERE id = :id"), {"id": changed.id}
            ).scalar_one()
        assert stored == "changed meanwhile"
    made.dispose()
    admin.dispose()

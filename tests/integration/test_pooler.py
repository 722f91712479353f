"""Behind a real PgBouncer: nothing begins in transaction mode, and locks work in session mode."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.server.connect import engine
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_errors import WarehouseError
from simulator import Simulator
from tests.databases import heard
from tests.deployment import SMALL
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase
from tests.pooler import PROGRAM, pooler

_MISSING = "there is no PgBouncer (.ci/run installs it)"
pytestmark = pytest.mark.skipif(PROGRAM is None, reason=_MISSING)

REFUSED = (
    "WAREHOUSE_URL leads to a pooler in transaction mode, through which no lock can be held: "
    "point it at PostgreSQL itself, or at a pooler in session mode."
)
HOLD = """
import sys
from resources.warehouse.server.connect import engine
from resources.warehouse.state.locks import Locks
with Locks(engine(sys.argv[1]), "acme") as locks:
    locks.acquire("issues")
    print("held", flush=True)
    sys.stdin.read()
"""
WORK = """
import sys
import psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
print("works", flush=True)
while True:
    connection.cursor().execute("SELECT 1")
"""


@pytest.fixture
def session_pooled(warehouse_url: str) -> Iterator[str]:
    """URL of the database of this test through a pooler in session mode."""
    with pooler(warehouse_url, "session") as url:
        yield url


def _rows(warehouse: Engine) -> int:
    with warehouse.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM ops.locks")).scalar_one())


@pytest.mark.parametrize(("round_robin", "kept"), [(False, 0), (False, 4), (True, 0), (True, 4)])
def test_no_lock_is_taken_through_a_pooler_in_transaction_mode(
    warehouse: Engine, warehouse_url: str, round_robin: bool, kept: int
) -> None:
    with pooler(warehouse_url, "transaction", round_robin=round_robin, kept=kept) as url:
        pooled = engine(url)
        for _ in range(5):  # whichever sessions it hands out
            with (
                pytest.raises(WarehouseError, match="in transaction mode") as refused,
                Locks(pooled, "acme"),
            ):
                pass
            assert refused.value.cause == "database_refused"
        pooled.dispose()
    assert _rows(warehouse) == 0


def test_a_pooler_in_transaction_mode_is_recognised_when_others_use_it_too(
    warehouse: Engine, warehouse_url: str
) -> None:
    """Its sessions are never idle, so that the server ends none of them."""
    with pooler(warehouse_url, "transaction", round_robin=True, kept=2) as url:
        command = [sys.executable, "-c", WORK, url]
        others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        try:
            for other in others:
                assert other.stdout is not None
                assert other.stdout.readline() == "works\n"
            pooled = engine(url)
            with pytest.raises(WarehouseError, match="in transaction mode"), Locks(pooled, "acme"):
                pass
            pooled.dispose()
        finally:
            for other in others:
                other.kill()
                other.communicate()
    assert _rows(warehouse) == 0


def test_a_load_through_such_a_pooler_is_one_line_and_hinders_no_direct_load(
    shell: Shell,
    new_database: NewDatabase,
) -> None:
    direct, storage = new_database(), new_database()
    with Simulator(SMALL) as sim, pooler(direct, "transaction") as pooled:
        variables = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "DAGSTER_POSTGRES_URL": storage,
            "BACKLOG_HISTORY_START": "2026-01",
        }
        for command in ("load", "status"):
            refused = shell.run(command, **variables, WAREHOUSE_URL=pooled)
            assert (refused.code, refused.out, refused.lines) == (1, "", [f"Error: {REFUSED}"])
        loaded = shell.run("load", **variables, WAREHOUSE_URL=direct)
    assert (loaded.code, "waiting" in loaded.text) == (0, False), loaded.text


def test_locks_work_through_a_pooler_in_session_mode_which_is_tried_once(
    warehouse: Engine,
    session_pooled: str,
) -> None:
    pooled = engine(session_pooled)
    with heard(pooled, "before_cursor_execute", 2) as statements:
        for _ in range(3):
            with Locks(pooled, "acme") as mine, Locks(warehouse, "acme") as theirs:
                mine.acquire("issues")
                mine.verify()
                assert not theirs.try_acquire("issues")
            with Locks(warehouse, "acme") as theirs:
                theirs.acquire("issues")
    assert sum("%(milliseconds)s" in statement for statement in statements) == 1
    pooled.dispose()


def start_holder(url: str) -> "subprocess.Popen[str]":
    """Return a process that holds the lock of issues."""
    command = [sys.executable, "-c", HOLD, url]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_lock_dies_with_its_holder_also_where_a_pooler_keeps_the_session(
    warehouse: Engine,
    session_pooled: str,
) -> None:
    holder = start_holder(session_pooled)
    with Locks(warehouse, "acme") as mine:
        assert mine.holder("issues")
        holder.kill()
        holder.communicate()
        end = time.monotonic() + 60
        while not mine.try_acquire("issues"):
            assert time.monotonic() < end
            time.sleep(0.05)
    of_others = "datname = current_database() AND pid <> pg_backend_pid()"
    others = text(f"SELECT count(*) FROM pg_stat_activity WHERE {of_others}")
    warehouse.dispose()
    with warehouse.connect() as connection:
        assert connection.execute(others).scalar_one() > 0, "the pooler keeps its session"


def test_a_lock_of_a_dead_holder_is_not_that_of_the_next_one_in_the_same_session(
    warehouse: Engine,
    session_pooled: str,
) -> None:
    holder = start_holder(session_pooled)
    holder.kill()
    holder.communicate()
    pooled = engine(session_pooled)
    with Locks(pooled, "acme") as mine, Locks(pooled, "acme") as theirs:
        mine.acquire("users")
        theirs.acquire("issues", wait_seconds=60)
        mine.verify()
        theirs.verify()
    pooled.dispose()

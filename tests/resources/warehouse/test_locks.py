"""One holder of a lock at a time, while its connection lives; a holder that has lost its locks gets
an error.
"""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.server.connect import engine
from resources.warehouse.state.locks import Locks, free_condition, held_condition
from resources.warehouse.warehouse_errors import WarehouseBusyError, WarehouseError
from tests.databases import execute, one
from tests.waiting import eventually

HOLD = """
import sys
from resources.warehouse.server.connect import engine
from resources.warehouse.state.locks import Locks
with Locks(engine(sys.argv[1]), "acme") as locks:
    locks.acquire("issues")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(warehouse_url: str) -> Iterator[Engine]:
    """Engine of another process, as it were."""
    made = engine(warehouse_url)
    yield made
    made.dispose()


def _held(warehouse: Engine) -> int:
    return int(one(warehouse, f"SELECT count(*) FROM ops.locks AS l WHERE {held_condition('l')}"))


def _is_free(warehouse: Engine, space_key: str, name: str) -> bool:
    query = text(f"SELECT {free_condition('CAST(:space_key AS text)', 'CAST(:name AS text)')}")
    with warehouse.connect() as conn:
        return bool(conn.execute(query, {"space_key": space_key, "name": name}).scalar_one())


def _lose(warehouse: Engine) -> None:
    execute(
        warehouse,
        "SELECT pg_terminate_backend(p) FROM (SELECT DISTINCT pid::int FROM ops.locks) AS h (p)",
    )
    eventually(lambda: not _held(warehouse))


def test_one_holder_of_a_lock_and_no_one_hinders_another_name(
    warehouse: Engine, other: Engine
) -> None:
    with (
        Locks(warehouse, "acme") as mine,
        Locks(other, "acme") as theirs,
        Locks(other, "beta") as elsewhere,
    ):
        mine.acquire("issues/300")
        with pytest.raises(
            WarehouseBusyError,
            match=r"sync of issues/300 is running on acme \(process \d+ on "
            r".*, since 20.* UTC\): wait",
        ):
            theirs.acquire("issues/300")
        assert not theirs.try_acquire("issues/300")
        assert theirs.held == frozenset()
        theirs.acquire("issues/301")
        elsewhere.acquire("issues/300")
        assert not mine.try_acquire("issues/301")
    with Locks(other, "acme") as theirs:
        theirs.acquire("issues/300")


def test_a_lock_can_be_given_back_before_the_end_and_a_second_time_is_one(
    warehouse: Engine, other: Engine
) -> None:
    with Locks(warehouse, "acme") as mine, Locks(other, "acme") as theirs:
        mine.acquire("issues/300")
        mine.acquire("issues/300")
        assert mine.try_acquire("issues/300")
        mine.acquire("issues/301")
        mine.release("issues/300")
        mine.release("issues/300")
        mine.release("never taken")
        assert theirs.try_acquire("issues/300")
        assert not theirs.try_acquire("issues/301")
        assert mine.held == {"issues/301"}
        mine.verify()


def test_whether_a_lock_is_free_can_be_asked_without_taking_it(warehouse: Engine) -> None:
    with Locks(warehouse, "acme") as mine:
        mine.acquire("load/1/issues")
        assert not _is_free(warehouse, "acme", "load/1/issues")
        assert _is_free(warehouse, "acme", "load/1/users")
        assert _is_free(warehouse, "beta", "load/1/issues")
        assert _held(warehouse) == 1
    assert _is_free(warehouse, "acme", "load/1/issues")


def test_a_lock_is_released_by_an_error_and_by_the_death_of_its_holder(
    warehouse: Engine, warehouse_url: str
) -> None:
    def fail() -> None:
        with Locks(warehouse, "acme") as mine:
            mine.acquire("issues")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, warehouse_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    said: list[str] = []
    with Locks(warehouse, "acme") as mine:
        started = time.monotonic()
        with pytest.raises(WarehouseBusyError) as busy:
            mine.acquire("issues", wait_seconds=0.5, on_wait=said.append)
        assert busy.value.cause == "other_load"
        assert time.monotonic() - started >= 0.5
        assert re.fullmatch(rf"process {holder.pid} on \S+, since 20\d\d-[-0-9 :]+ UTC", said[0])
        assert len(said) == 1
        holder.kill()
        holder.communicate()
        mine.acquire("issues", wait_seconds=10)


def test_locks_leave_no_transaction_open_and_no_connection_behind(warehouse: Engine) -> None:
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    with Locks(warehouse, "acme") as mine:
        mine.acquire("issues")
        assert one(warehouse, idle) == 0
    assert _held(warehouse) == 0


def test_a_holder_that_lost_its_locks_learns_it_before_the_commit(warehouse: Engine) -> None:
    with Locks(warehouse, "acme") as mine:
        mine.acquire("issues")
        mine.verify()
        _lose(warehouse)
        for use in (mine.verify, lambda: mine.acquire("users"), lambda: mine.release("issues")):
            with pytest.raises(
                WarehouseError, match="connection that held the locks was lost"
            ) as lost:
                use()
            assert lost.value.cause == "database_stopped"
    assert _held(warehouse) == 0


def test_locks_that_another_session_holds_are_not_taken_for_ones_own(warehouse: Engine) -> None:
    # As behind a pooler in transaction mode, which sends a statement to whatever session is idle.
    with Locks(warehouse, "acme") as mine:
        mine.acquire("issues")
        mine.acquire("users")
        execute(warehouse, "UPDATE ops.locks SET pid = pg_backend_pid() WHERE name = 'users'")
        with pytest.raises(WarehouseError, match="pooler in session mode") as refused:
            mine.verify()
        assert refused.value.cause == "database_refused"


def test_locks_whose_connection_is_lost_do_not_hide_how_the_block_ended(warehouse: Engine) -> None:
    def lose_them(error: Exception | None) -> None:
        with Locks(warehouse, "acme") as mine:
            mine.acquire("issues")
            _lose(warehouse)
            if error:
                raise error

    lose_them(None)
    with pytest.raises(ValueError, match="own failure"):
        lose_them(ValueError("the block's own failure"))


def test_a_session_that_holds_locks_is_not_ended_for_being_idle(
    warehouse: Engine, warehouse_url: str
) -> None:
    execute(
        warehouse, f"ALTER DATABASE {warehouse.url.database} SET idle_session_timeout = '300ms'"
    )
    impatient = engine(warehouse_url)
    with Locks(impatient, "acme") as mine:
        mine.acquire("issues")
        time.sleep(1)
        mine.verify()
    impatient.dispose()


def test_of_many_that_ask_for_a_lock_at_the_same_moment_one_gets_it(
    warehouse: Engine, warehouse_url: str
) -> None:
    """In each round also from the hands of a session that has died."""
    engines = [engine(warehouse_url) for _ in range(6)]
    barrier = threading.Barrier(len(engines))

    def take(made: Engine, name: str) -> bool:
        barrier.wait(60)
        # The session begins here, too: who waits for the row must not have looked at the list of
        # sessions before.
        with Locks(made, "acme") as locks:
            taken = locks.try_acquire(name)
            barrier.wait(60)
            locks._held.clear()  # the row stays
        return taken

    with ThreadPoolExecutor(len(engines)) as pool:
        for number in range(40):
            if number % 2:
                execute(
                    warehouse,
                    "UPDATE ops.locks SET session_began_at = session_began_at - interval '1 hour'",
                )
            taken = pool.map(take, engines, [f"n{number // 2}"] * len(engines))
            assert sorted(taken) == [False] * (len(engines) - 1) + [True]
    for made in engines:
        made.dispose()


def test_a_session_of_another_role_with_the_pid_of_a_dead_one_holds_nothing(
    warehouse: Engine,
) -> None:
    with Locks(warehouse, "acme") as dead, Locks(warehouse, "acme") as mine:
        dead.acquire("issues")
        execute(warehouse, "UPDATE ops.locks SET role_id = role_id + 1")
        assert _is_free(warehouse, "acme", "issues")
        assert mine.try_acquire("issues")
        with pytest.raises(WarehouseError, match="not held by the connection that took them"):
            dead.verify()

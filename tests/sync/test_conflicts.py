"""Transactions that are in each other's way: nobody waits in a circle, and one that PostgreSQL has
rolled back is done again.
"""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from resources.masking import Mask
from resources.warehouse.server.connect import engine
from resources.warehouse.state import webhook_inbox
from resources.warehouse.warehouse_errors import WarehouseError
from sync.webhook_effects import Drained, drain
from tests.databases import execute
from tests.sync.trouble import beside
from tests.syncs import Syncs, load, load_feed, refetch_requests
from tests.waiting import eventually

#: The statements that lock rows of the inbox, and that store requests.
TAKES = re.compile(r"SELECT ops\.webhook_events.* FOR UPDATE", re.DOTALL)
REQUESTS = re.compile(r"INSERT INTO ops\.issue_sync_state")
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def waits(on: Engine, sessions: int = 1) -> bool:
    """Return whether so many sessions of the database wait for a lock."""
    with on.connect() as connection:
        return int(connection.execute(_WAITING).scalar_one()) >= sessions


@contextmanager
def another(of: Engine) -> Iterator[Engine]:
    """Give an engine on the same database, as another process has it."""
    other = engine(of.url.render_as_string(hide_password=False))
    yield other
    other.dispose()


@contextmanager
def after(on: Engine, statement: re.Pattern[str], do: Callable[[], object]) -> Iterator[None]:
    """Do something after each statement of a kind, in the thread that has sent it."""

    def look(*arguments: Any) -> None:
        if statement.match(arguments[2]):
            do()

    event.listen(on, "after_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(on, "after_cursor_execute", look)


def post(on: Engine, *issues: int, first: int = 1) -> None:
    """Put an event about each issue into the inbox, the activities numbered from `first`."""
    with on.begin() as connection:
        for number, issue in enumerate(issues, first):
            said = {"id": number, "type": 2, "content": {"id": issue, "key_id": issue}}
            webhook_inbox.receive(connection, "acme", json.dumps(said))


def requested(on: Engine) -> set[int]:
    with on.connect() as connection:
        query = text("SELECT issue_id FROM ops.issue_sync_state WHERE refetch_issue")
        return {*connection.execute(query).scalars()}


def is_open(on: Engine) -> bool:
    """Return whether an event is in the inbox that nobody has taken out."""
    with on.connect() as connection:
        query = text("SELECT count(*) FROM ops.webhook_events WHERE processed_at IS NULL")
        return bool(connection.execute(query).scalar_one())


def test_two_that_empty_the_inbox_never_wait_for_each_other(warehouse: Engine) -> None:
    """A requests issue 2, B issue 1, A 1, B 2: each of them is held until the other has come so
    far.
    """
    with another(warehouse) as a, another(warehouse) as b, ThreadPoolExecutor(1) as pool:
        begun: list[Future[Drained]] = []
        b_has_requested: list[bool] = []

        def a_has_requested() -> None:
            if not begun:
                post(warehouse, 1, 2, first=11)
                begun.append(pool.submit(drain, b, "acme", Mask()))
                eventually(lambda: bool(b_has_requested) or waits(warehouse))

        def b_waits_for_a() -> None:
            if not b_has_requested:
                b_has_requested.append(True)
                eventually(lambda: waits(warehouse) or not a.pool.checkedout())  # type: ignore[attr-defined]

        post(warehouse, 2, 1)
        looks: list[Engine] = []
        with (
            after(a, TAKES, lambda: looks.append(a)),
            after(b, TAKES, lambda: looks.append(b)),
            after(a, REQUESTS, a_has_requested),
            after(b, REQUESTS, b_waits_for_a),
        ):
            assert drain(a, "acme", Mask()) == Drained(2, 2)
            assert begun[0].result(60) == Drained(2, 2)
        assert [looks.count(one) for one in (a, b)] == [2, 2], "one was done again"
    assert requested(warehouse) == {1, 2}
    assert not is_open(warehouse)


@dataclass
class InTheWay:
    """A connection that holds the request of issue 1 and waits for the events of whoever empties
    the inbox: PostgreSQL rolls that one back, since it waits last. It is in the way so many times.
    """

    engine: Engine
    pool: ThreadPoolExecutor
    times: int
    tries: int = 0
    done: list[Future[None]] = field(default_factory=list)

    def events_taken(self) -> None:
        """Be in the way of the transaction that has just locked events."""
        self.tries += 1
        if self.tries <= self.times:
            self.done.append(self.pool.submit(self._lock))
            eventually(lambda: waits(self.engine))

    def try_again(self) -> None:
        """Be gone before the next transaction looks for events."""
        for one in self.done:
            one.result(60)

    def _lock(self) -> None:
        with self.engine.connect() as connection:
            connection.execute(text("SET LOCAL deadlock_timeout = '1h'"))
            connection.execute(
                text(
                    "INSERT INTO ops.issue_sync_state (space_key, issue_id, project_id) "
                    "VALUES ('acme', 1, 0)"
                )
            )
            connection.execute(text("SELECT id FROM ops.webhook_events FOR UPDATE"))


@pytest.fixture
def victim(warehouse: Engine) -> Iterator[Engine]:
    """An engine whose deadlocks PostgreSQL finds at once."""
    name = warehouse.url.database
    with warehouse.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'"))
    with another(warehouse) as made:
        yield made


@pytest.mark.parametrize("times", [1, 2])
def test_a_transaction_that_was_rolled_back_for_a_deadlock_is_done_again(
    warehouse: Engine, victim: Engine, times: int
) -> None:
    post(warehouse, 1)
    with ThreadPoolExecutor(1) as pool:
        other = InTheWay(warehouse, pool, times)
        event.listen(victim, "begin", lambda _: other.try_again())
        with after(victim, TAKES, other.events_taken):
            assert drain(victim, "acme", Mask()) == Drained(1, 1)
        assert other.tries == times + 2, "again for each time, and once for an empty inbox"
    assert requested(warehouse) == {1}
    assert not is_open(warehouse)


def test_the_third_deadlock_in_a_row_is_an_error_and_nothing_is_lost(
    warehouse: Engine, victim: Engine
) -> None:
    post(warehouse, 1)
    with ThreadPoolExecutor(1) as pool:
        other = InTheWay(warehouse, pool, times=99)
        event.listen(victim, "begin", lambda _: other.try_again())
        with (
            after(victim, TAKES, other.events_taken),
            pytest.raises(WarehouseError, match=r"PostgreSQL broke a deadlock .*: run again"),
        ):
            drain(victim, "acme", Mask())
        other.try_again()
        assert other.tries == 3
    assert is_open(warehouse)
    assert requested(warehouse) == set()
    assert drain(warehouse, "acme", Mask()) == Drained(1, 1)


def test_webhooks_in_any_order_and_a_load_of_the_same_issues_all_end(loaded: Syncs) -> None:
    space, rounds = loaded.space, 12
    issues = sorted(space.issues)

    def hooks(order: list[int], first: int) -> int:
        with beside(loaded) as other:
            drained = 0
            for number in range(rounds):
                post(other.engine, *order, first=first + number * len(order))
                drained += drain(other.engine, "acme", Mask()).events
            return drained

    with ThreadPoolExecutor(3) as pool:
        begun = [
            pool.submit(hooks, order, first)
            for order, first in ((issues, 10**9), (issues[::-1], 2 * 10**9), (issues, 3 * 10**9))
        ]
        while not all(one.done() for one in begun):
            for issue in issues[:3]:
                space.edit_issue(issue, summary=f"of {len(space.activities)}", comment="said")
            assert load(loaded).success
            load_feed(loaded)
        assert sum(one.result(60) for one in begun) == 3 * rounds * len(issues)
    assert not is_open(loaded.engine)
    load_feed(loaded)
    assert load(loaded, "targeted").success
    assert refetch_requests(loaded) == {}
    assert not loaded.compare().differences


def test_nothing_is_done_again_that_failed_otherwise(warehouse: Engine) -> None:
    post(warehouse, 1)
    execute(warehouse, "DROP TABLE ops.issue_sync_state")
    looks: list[bool] = []
    with after(warehouse, TAKES, lambda: looks.append(True)), pytest.raises(WarehouseError):
        drain(warehouse, "acme", Mask())
    assert len(looks) == 1

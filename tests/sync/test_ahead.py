"""Reading one step ahead of who commits: in order, never two steps at once, and never after the
end of the load.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from resources.backlog import waits
from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from simulator import Fault, RequestInfo
from sync.ahead import Ahead
from sync.events import Events, Listener
from tests.syncs import COMMENTS, SMALL, Loaded, StartSyncs, Syncs, failures

CATEGORIES = "/projects/{project}/categories"
WAIT = 60.0  # seconds, for a machine that is very busy
#: More rows than may be committed while others come in.
MANY = 100


def ahead(read: Generator[int, None, str], *listeners: Listener) -> Ahead[int, str]:
    """Return the iteration over a generator, beside a client that has asked nothing."""
    client = BacklogClient("http://127.0.0.1:9", ApiKeyQuery("key"))
    return Ahead(client, Events(listeners), read)


def numbers(count: int, step: Callable[[int], object] = id) -> Generator[int, None, str]:
    """Read numbers from 0 on; `step` is called before each."""
    for number in range(count):
        step(number)
        yield number
    return "all"


def test_batches_come_in_their_order_and_with_what_the_read_ends_with() -> None:
    found = []
    with ahead(numbers(5)) as batches:
        for batch in batches:
            found.append(batch)
            with batches.meanwhile(MANY if batch % 2 else None):
                time.sleep(0.01)
    assert found == list(range(5))
    assert batches.end == "all"


def test_the_next_batch_is_read_while_one_is_committed_but_not_the_one_after_it() -> None:
    asked = [threading.Event() for _ in range(4)]
    with ahead(numbers(4, lambda number: asked[number].set())) as batches:
        assert next(batches) == 0
        assert not asked[1].wait(0.1), "what comes before a commit may ask the source itself"
        with batches.meanwhile():
            assert asked[1].wait(WAIT)
            assert not asked[2].wait(0.1)
        assert next(batches) == 1
        assert not asked[2].wait(0.1)


def test_many_rows_are_committed_before_the_next_are_asked_for_that_come_sooner() -> None:
    asked = [threading.Event() for _ in range(4)]
    with ahead(numbers(4, lambda number: asked[number].set())) as batches:
        for batch in batches:
            with batches.meanwhile(MANY):
                time.sleep(0.05)
                assert batch == 3 or not asked[batch + 1].is_set()


def test_many_rows_are_committed_while_the_next_are_under_way_if_that_takes_longer(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SMALL)
    syncs.sim.faults.add(Fault(kind="slow", seconds=0.5, times=None))
    asked = [threading.Event() for _ in range(5)]
    with (
        syncs.client() as client,
        Ahead(client, Events(()), numbers(5, lambda number: asked[number].set())) as batches,
    ):
        client.space()
        assert next(batches) == 0
        with batches.meanwhile(MANY):
            time.sleep(0.05)
            assert not asked[1].is_set(), "how long that takes is not known yet"
        assert next(batches) == 1
        with batches.meanwhile(MANY):
            assert asked[2].wait(WAIT)
            time.sleep(0.6)
        assert next(batches) == 2
        with batches.meanwhile(MANY):
            assert not asked[3].wait(0.1), "the last one took longer than an answer"


def test_waits_of_who_reads_are_told_by_who_iterates() -> None:
    told: list[tuple[str, int]] = []

    class Waiting(Listener):
        def waiting(self, what: str, seconds: float, until: datetime) -> None:
            told.append((what, threading.get_ident()))

    def step(number: int) -> None:
        mine = waits.WAITS.get()
        assert mine is not None
        mine.on_wait("read", number, datetime.now(UTC))

    with ahead(numbers(2, step), Waiting()) as batches:
        assert next(batches) == 0
        assert told == [("read rate limit of Backlog", threading.get_ident())]
        with batches.meanwhile():
            time.sleep(0.1)
            assert len(told) == 1
        assert next(batches) == 1
    assert told == [("read rate limit of Backlog", threading.get_ident())] * 2


def test_a_step_runs_in_the_context_of_who_begins_it() -> None:
    about = ContextVar("about", default="nobody")
    about.set("me")
    seen: list[str] = []
    with ahead(numbers(3, lambda _number: seen.append(about.get()))) as batches:
        assert list(batches) == [0, 1, 2]
    assert seen == ["me"] * 3


def test_an_error_of_the_read_comes_after_what_was_read_before_it() -> None:
    def step(number: int) -> None:
        if number == 2:
            raise LookupError("no")

    found: list[int] = []

    def load() -> None:
        with ahead(numbers(4, step)) as batches:
            for batch in batches:
                with batches.meanwhile():
                    found.append(batch)

    with pytest.raises(LookupError):
        load()
    assert found == [0, 1]


def test_who_leaves_does_not_wait_for_a_wait_of_who_reads_which_ends() -> None:
    ended = threading.Event()

    def step(number: int) -> None:
        if number:
            try:
                waits.sleep(WAIT)
            finally:
                ended.set()

    def load() -> None:
        with ahead(numbers(2, step)) as batches:
            assert next(batches) == 0
            with batches.meanwhile():
                raise LookupError

    began = time.monotonic()
    with pytest.raises(LookupError):
        load()
    assert ended.wait(WAIT / 2)
    assert time.monotonic() - began < WAIT / 2


def test_who_has_left_asks_the_source_nothing_any_more(start_syncs: StartSyncs) -> None:
    syncs = start_syncs(SMALL)
    asked, left, ended = threading.Event(), threading.Event(), threading.Event()

    def read(client: BacklogClient) -> Generator[int, None, None]:
        asked.set()
        assert left.wait(WAIT)
        try:
            client.space()
            yield 1
        finally:
            ended.set()

    with syncs.client() as client:
        with Ahead(client, Events(()), read(client)) as batches, batches.meanwhile():
            assert asked.wait(WAIT)
        left.set()
        assert ended.wait(WAIT)
        assert client.stats.total == 0


def test_who_waits_for_a_batch_is_interrupted_at_once() -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    def load() -> None:
        with ahead(numbers(1, lambda _number: waits.sleep(WAIT))) as batches:
            threading.Timer(
                0.05, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1)
            ).start()
            next(batches)

    before, began = signal.signal(signal.SIGUSR1, interrupt), time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            load()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - began < WAIT / 2


def asked_while_stored(
    syncs: Syncs,
    table: str,
    chosen: Callable[[RequestInfo], bool],
    load: Callable[[], Loaded],
    seconds: float = 0,
) -> bool:
    """Hold up the storing of a table by a lock from the first chosen request of a load on, and say
    whether one comes while storing waits; each waits so many seconds for that.
    """
    asked, meanwhile = 0, False
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
        f"CAST('raw.{table}' AS regclass)"
    )
    with syncs.engine.connect() as connection:

        def note(request: RequestInfo) -> None:
            nonlocal asked, meanwhile
            if meanwhile or not chosen(request):
                return
            asked += 1
            if asked == 1:
                connection.execute(text(f"LOCK TABLE raw.{table} IN SHARE MODE"))
                return
            end = time.monotonic() + seconds
            while not (meanwhile := bool(connection.execute(waiting).scalar_one())):
                if time.monotonic() >= end:
                    break
            if meanwhile or seconds:
                connection.rollback()

        syncs.sim.before_request(note)
        done = load()
    assert done.success, failures(done)
    return meanwhile


@pytest.mark.timeout(300)
def test_issues_are_asked_for_while_the_comments_before_are_stored(start_syncs: StartSyncs) -> None:
    syncs = start_syncs(replace(SMALL, issues=400))
    issues = syncs.sim.space.issues
    lately = max(issue.updated for issue in issues.values()) - 30 * 86_400

    def is_old(request: RequestInfo) -> bool:
        """Of a project, the only ones that are more than are stored together."""
        issue = issues[int(request.path.split("/")[2])] if request.route == COMMENTS else None
        return issue is not None and issue.status_id == 4 and issue.updated < lately

    assert asked_while_stored(syncs, "comments", is_old, lambda: syncs.run(mode="incremental"))
    stored = {row["id"] for row in syncs.rows("comments")}
    assert stored == {row.id for issue in issues.values() for row in issue.comments}


@pytest.mark.timeout(300)
def test_the_list_of_a_project_is_asked_for_while_that_of_the_one_before_is_stored(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SMALL)
    assert asked_while_stored(
        syncs,
        "categories",
        lambda request: request.route == CATEGORIES,
        lambda: syncs.listing("categories"),
        WAIT,
    )
    listed = sum(len(project.categories) for project in syncs.sim.space.projects.values())
    assert len(syncs.rows("categories")) == listed

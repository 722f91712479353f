"""Storing while the next answer is under way: in order, one at a time, and never beyond the end of
the load.
"""

import signal
import threading
import time
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from simulator import Fault, RequestInfo
from sync.write_behind import WriteBehind
from tests.syncs import SMALL, StartSyncs, failures

COMMENTS = "/issues/{issue}/comments"
CATEGORIES = "/projects/{project}/categories"
WAIT = 60.0  # seconds, for a machine that is very busy


def idle() -> BacklogClient:
    """Return a client that has asked nothing."""
    return BacklogClient("http://127.0.0.1:9", ApiKeyQuery("key"))


def slowly(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def test_each_call_returns_what_became_of_those_before() -> None:
    with WriteBehind[int](idle()) as behind:
        assert behind.begin(lambda: 1) == []
        assert behind.begin(lambda: 2) == [1]
        assert behind.wait() == [2]
        assert behind.wait() == []
        assert behind.begin(lambda: 3, 100) == [3]


def test_a_page_is_stored_before_the_next_one_is_asked_for_where_that_comes_sooner() -> None:
    with WriteBehind[bool](idle()) as behind:
        for _ in range(3):
            assert behind.begin(lambda: slowly(0.05), 100) == [True]


def test_a_page_is_stored_while_the_next_one_is_under_way_where_that_takes_longer(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SMALL)
    go_on = threading.Event()
    syncs.sim.faults.add(Fault(kind="slow", seconds=0.5, times=None))
    with syncs.client() as client, WriteBehind[bool](client) as behind:
        client.space()
        assert behind.begin(lambda: slowly(0.05), 100) == [True], (
            "how long that takes is not known yet"
        )
        assert behind.begin(lambda: go_on.wait(WAIT), 100) == []
        go_on.set()
        assert behind.wait() == [True]
        assert behind.begin(lambda: slowly(0.6), 50) == []
        assert behind.begin(lambda: True, 100) == [True, True], (
            "the last one took longer than an answer"
        )


def test_a_wait_that_is_shown_meanwhile_stays_shown(start_syncs: StartSyncs) -> None:
    syncs = start_syncs(SMALL)
    shown = "SELECT waiting_for FROM ops.sync_history WHERE status = 'in_progress'"
    with syncs.session("issues") as session, session.events.reading("incremental"):
        events = session.events
        events.wait_for_limit("search", 30.0, datetime.now(UTC))
        begun = threading.Event()

        def store() -> None:
            assert begun.wait(WAIT)
            events.arrived()

        with WriteBehind[None](session.client, events) as behind:
            behind.begin(store)
            assert syncs.query(shown) == [{"waiting_for": None}], "over, since something came"
            events.wait_for_limit("search", 30.0, datetime.now(UTC))
            begun.set()
        assert syncs.query(shown) == [{"waiting_for": "search rate limit of Backlog"}]


def test_what_is_begun_runs_one_after_the_other_in_the_context_of_who_began_it() -> None:
    about = ContextVar("about", default="nobody")
    done: list[tuple[int, str]] = []
    about.set("me")
    with WriteBehind[None](idle()) as behind:
        for number in range(5):
            behind.begin(
                lambda number=number: done.append((number, about.get()))  # type: ignore[misc]
            )
        behind.wait()
        assert done == [(number, "me") for number in range(5)]


def test_an_error_is_raised_by_the_next_call_and_only_once() -> None:
    def fail() -> None:
        raise LookupError("no")

    with WriteBehind[None](idle()) as behind:
        behind.begin(fail)
        with pytest.raises(LookupError):
            behind.begin(lambda: pytest.fail("what follows an error must not be stored"))
        behind.wait()
    with pytest.raises(LookupError), WriteBehind[None](idle()) as behind:
        behind.begin(fail)


def test_who_breaks_off_leaves_nothing_running_and_hears_of_his_own_error() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def store() -> None:
        assert go_on.wait(WAIT)
        ended.set()

    def load() -> None:
        with WriteBehind[None](idle()) as behind:
            behind.begin(store)
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load()
    assert ended.is_set()


def test_who_breaks_off_twice_leaves_nothing_running_either() -> None:
    begun, interrupted, ended = threading.Event(), threading.Event(), threading.Event()

    def store() -> None:
        begun.set()
        assert interrupted.wait(WAIT)
        time.sleep(0.2)
        ended.set()

    def load() -> None:
        with WriteBehind[None](idle()) as behind:
            behind.begin(store)
            assert begun.wait(WAIT)
            threading.Timer(
                0.05, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1)
            ).start()
            raise LookupError

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            load()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert ended.is_set()


@pytest.mark.timeout(300)
def test_issues_are_asked_for_while_the_comments_before_are_stored(start_syncs: StartSyncs) -> None:
    """Storing is held up by a lock until a request comes while it waits."""
    syncs = start_syncs(replace(SMALL, issues=400))
    space = syncs.sim.space
    lately = max(issue.updated for issue in space.issues.values()) - 30 * 86_400
    # Of a project, the only ones that are more than are stored together.
    old = {
        issue.id
        for issue in space.issues.values()
        if issue.status_id == 4 and issue.updated < lately
    }
    asked = meanwhile = 0
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
        "CAST('raw.comments' AS regclass)"
    )
    with syncs.engine.connect() as connection:

        def note(request: RequestInfo) -> None:
            nonlocal asked, meanwhile
            if request.route != COMMENTS or meanwhile or int(request.path.split("/")[2]) not in old:
                return
            asked += 1
            if asked == 1:
                connection.execute(text("LOCK TABLE raw.comments IN SHARE MODE"))
            elif connection.execute(waiting).scalar_one():
                meanwhile = asked
                connection.rollback()

        syncs.sim.before_request(note)
        run = syncs.run(mode="incremental")
    assert run.success, failures(run)
    assert meanwhile
    stored = {row["id"] for row in syncs.rows("comments")}
    assert stored == {row.id for issue in space.issues.values() for row in issue.comments}


@pytest.mark.timeout(300)
def test_the_list_of_a_project_is_asked_for_while_that_of_the_one_before_is_stored(
    start_syncs: StartSyncs,
) -> None:
    """Storing is held up by a lock until a request comes while it waits."""
    syncs = start_syncs(SMALL)
    asked, meanwhile = 0, False
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
        "CAST('raw.categories' AS regclass)"
    )
    with syncs.engine.connect() as connection:

        def note(request: RequestInfo) -> None:
            nonlocal asked, meanwhile
            if request.route != CATEGORIES or meanwhile:
                return
            asked += 1
            if asked == 1:
                connection.execute(text("LOCK TABLE raw.categories IN SHARE MODE"))
            else:
                end = time.monotonic() + WAIT
                while not meanwhile and time.monotonic() < end:
                    meanwhile = bool(connection.execute(waiting).scalar_one())
                connection.rollback()

        syncs.sim.before_request(note)
        done = syncs.listing("categories")
    assert done.success
    assert meanwhile
    listed = sum(len(project.categories) for project in syncs.sim.space.projects.values())
    assert len(syncs.rows("categories")) == listed == done.counts("categories")["inserted"]

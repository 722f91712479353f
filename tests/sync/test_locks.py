"""Loads that meet: one waits for the other and says so; one that died, or lost its locks, holds up
nobody.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resources.progress import Progress
from resources.warehouse.history.history_reader import Sync, active_syncs
from resources.warehouse.state.living_loads import lock_of
from resources.warehouse.state.locks import LOST, Locks, held_condition
from resources.warehouse.warehouse_errors import WarehouseBusyError, WarehouseError
from simulator import Fault
from sync.events import Events
from sync.history_rows import HistoryRows
from sync.shown_progress import ShownProgress
from sync.sync_locks import SyncLocks
from tests.sync.trouble import Watcher, beside
from tests.syncs import Syncs, failures, load, load_feed
from tests.waiting import eventually

#: Of the session that has a lock.
END_SESSION_OF = (
    "SELECT pg_terminate_backend(pid::int) FROM ops.locks WHERE space_key = "
    "'acme' AND name = '{lock}'"
)
KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


def _locks(syncs: Syncs) -> int:
    return len(syncs.query(f"SELECT 1 FROM ops.locks AS l WHERE {held_condition('l')}"))


def _history(syncs: Syncs) -> list[tuple[str, str]]:
    rows = syncs.query("SELECT sync_type, status FROM ops.sync_history ORDER BY id")
    return [(row["sync_type"], row["status"]) for row in rows]


def _active(syncs: Syncs) -> list[Sync]:
    return list(active_syncs(syncs.engine, "acme"))


@pytest.mark.parametrize("table", ["issues", "users"])
def test_the_second_of_two_loads_at_once_waits_and_says_so_and_both_end_well(
    syncs: Syncs, table: str
) -> None:
    second, reading = Watcher(), threading.Event()
    seen: list[Sync] = []

    def hold(stored: str) -> None:
        if stored == table and not reading.is_set():
            reading.set()
            second.waiting.wait(60)
            seen.extend(sync for sync in _active(syncs) if sync.waiting_for)

    def ends_well(which: Syncs) -> bool:
        return (which.run() if table == "issues" else which.listing(table)).success

    first: list[bool] = []
    thread = threading.Thread(
        target=lambda: first.append(ends_well(replace(syncs, progress=Watcher(at_rows=hold))))
    )
    thread.start()
    assert reading.wait(60)
    with beside(syncs) as other:
        assert ends_well(replace(other, progress=second))
    thread.join()
    assert first == [True]
    assert second.waits[0].startswith(f"other load of {table}")
    assert [(sync.sync_type, sync.mode, sync.waiting_for) for sync in seen] == [
        (table, "waiting", second.waits[0])
    ]
    assert seen[0].waiting_until is not None
    assert timedelta(hours=5) < seen[0].waiting_until - datetime.now(UTC) < timedelta(hours=6)
    assert {status for _, status in _history(syncs)} == {"completed"}
    assert "waiting" not in {
        row["mode"] for row in syncs.query("SELECT mode FROM ops.sync_history")
    }
    assert syncs.stored_issues() == (syncs.source_issues() if table == "issues" else {})
    assert _locks(syncs) == 0


def test_a_server_that_ends_all_connections_in_the_middle_fails_the_load_in_one_line(
    syncs: Syncs,
) -> None:
    stored = Watcher(at_rows=lambda table: table == "issues" and syncs.query(KILL))
    run = replace(syncs, progress=stored).run()
    [said] = failures(run)
    assert "\n" not in said
    assert said.startswith("issues: The ")
    assert "failed" in {status for table, status in _history(syncs) if table == "issues"}
    assert "in_progress" not in {status for _, status in _history(syncs)}
    assert _locks(syncs) == 0
    assert syncs.run().success
    assert syncs.stored_issues() == syncs.source_issues()


def test_a_load_of_the_feed_that_lost_its_locks_leaves_what_the_next_one_stored(
    synced: Syncs,
) -> None:
    synced.sim.clock.advance(3_600)
    issue = next(iter(synced.space.issues.values()))
    synced.space.comment(issue, "read by both")
    state = "SELECT watermark, extra FROM ops.sync_state WHERE scope = 'activities'"
    stored: list[list[Any]] = []

    def be_overtaken(_table: str) -> None:
        # The last page is stored, and how far the feed is read in the end is not.
        synced.query(END_SESSION_OF.format(lock="activities"))
        synced.sim.clock.advance(60)
        synced.space.comment(issue, "read by the next load alone")
        with beside(synced) as other:
            load_feed(other)
        stored.append(synced.query(state))

    run = replace(synced, progress=Watcher(at_rows=be_overtaken)).activities()
    [said] = failures(run)
    assert said == f"activities: {LOST}"
    assert synced.query(state) == stored[0]


HOLD = """
import sys
from resources.progress import Progress
from resources.warehouse.server.connect import engine
from resources.warehouse.history import history_writer
from resources.warehouse.state.living_loads import lock_of
from resources.warehouse.state.locks import Locks

made = engine(sys.argv[1])
with Locks(made, "acme") as locks:
    locks.acquire(lock_of("killed", "issues"))
    for project in sys.argv[2:]:
        locks.acquire(f"issues/{project}")
    history_writer.start_sync(
        made, space_key="acme", sync_type="issues", mode="backfill", run_id="killed"
    )
    print("held", flush=True)
    sys.stdin.read()
"""


def test_after_a_killed_load_the_next_one_goes_on_at_once_and_its_row_is_over(
    syncs: Syncs, warehouse_url: str
) -> None:
    projects = [str(project) for project in syncs.space.projects]
    command = [sys.executable, "-c", HOLD, warehouse_url, *projects]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert [sync.run_id for sync in _active(syncs)] == ["killed"]
    holder.kill()
    holder.communicate()
    eventually(lambda: _active(syncs) == [])
    watcher = Watcher()
    assert replace(syncs, progress=watcher).run().success
    assert watcher.waits == []
    [killed] = syncs.query(
        "SELECT status, cause, ended_at FROM ops.sync_outcomes WHERE run_id = 'killed'"
    )
    assert (killed["status"], killed["cause"]) == ("interrupted", "interrupted")
    assert killed["ended_at"] is not None
    assert _locks(syncs) == 0


Make = Callable[..., SyncLocks]


@pytest.fixture
def sync_locks(syncs: Syncs) -> Iterator[Make]:
    """Make the locks of loads of `issues`, by the id of their run, and with a progress."""
    with ExitStack() as stack:
        client = stack.enter_context(syncs.client())

        def make(run_id: str, progress: Progress = syncs.progress) -> SyncLocks:
            locks = stack.enter_context(Locks(syncs.engine, "acme"))
            history = HistoryRows(client, syncs.engine, "acme", "issues", run_id)
            history.begin(locks)
            shown = ShownProgress(progress, "issues", lambda _line: None)
            return SyncLocks(locks, "issues", Events((history, shown)))

        yield make


def test_a_load_that_does_not_wait_gets_the_projects_that_are_free(sync_locks: Make) -> None:
    one, two = sync_locks("one"), sync_locks("two")
    assert one.lock_projects([302, 300]) == {300, 302}
    assert two.lock_projects([300, 301, 302, 303], wait=False) == {301, 303}
    assert two.lock_projects([301], wait=False) == {301}
    one.unlock_projects([300, 999])
    assert two.lock_projects([300, 302], wait=False) == {300}


def test_loads_never_wait_for_each_other(sync_locks: Make) -> None:
    one, two = sync_locks("one"), sync_locks("two")
    one.lock_projects([301])
    two.lock_projects([300])
    # One has the higher id, and would wait for whoever may be waiting for it.
    with pytest.raises(WarehouseBusyError, match="Another sync of issues/300 is running"):
        one.lock_projects([300])
    two.unlock_projects([300])
    assert one.lock_projects([300, 301]) == {300, 301}


def test_a_wait_in_the_middle_of_a_load_is_shown_in_its_row_and_cleared(
    sync_locks: Make, syncs: Syncs
) -> None:
    one, two = sync_locks("one"), sync_locks("two")
    one.lock_projects([300])
    with two.events.reading("backfill"):
        thread = threading.Thread(target=lambda: two.lock_projects([300]))
        thread.start()
        shown: list[Sync] = []
        while not shown and thread.is_alive():
            shown = [sync for sync in _active(syncs) if sync.waiting_for]
        [sync] = shown
        assert sync.mode == "backfill"
        assert str(sync.waiting_for).startswith("other load of issues of project 300 to end (proc")
        one.unlock_projects([300])
        thread.join()
        assert [sync.waiting_for for sync in _active(syncs)] == [None]
    assert _history(syncs) == [("issues", "completed")]


def test_a_wait_for_a_rate_limit_is_shown_until_the_load_goes_on(
    sync_locks: Make, syncs: Syncs
) -> None:
    events = sync_locks("one").events
    events.wait_for_limit("search", 40.0, datetime.now(UTC))
    assert _active(syncs) == [], "between two rows there is nothing to show it in"
    with events.reading("backfill"):
        wrong_clock = datetime.now(UTC) + timedelta(hours=9)
        events.wait_for_limit("search", 40.0, wrong_clock)
        [sync] = _active(syncs)
        assert sync.waiting_for == "search rate limit of Backlog"
        assert sync.waiting_until is not None
        left = sync.waiting_until - datetime.now(UTC)
        assert timedelta(seconds=30) < left <= timedelta(seconds=40)
        events.arrived()
        assert [sync.waiting_for for sync in _active(syncs)] == [None]


def test_a_wait_in_vain_stays_in_the_history_with_its_reason(
    sync_locks: Make, syncs: Syncs
) -> None:
    ended = END_SESSION_OF.format(lock=lock_of("two", "issues"))
    one = sync_locks("one")
    two = sync_locks("two", progress=Watcher(at_wait=lambda: syncs.query(ended)))
    one.lock_table()
    with pytest.raises(WarehouseError, match="connection that held the locks was lost"):
        two.lock_table()
    [row] = syncs.query("SELECT mode, status, error, waiting_for FROM ops.sync_history")
    assert (row["mode"], row["status"], row["waiting_for"]) == ("waiting", "failed", None)
    assert "was lost" in row["error"]


def test_a_wait_for_a_limit_is_shown_once_and_counted_in_its_pass(syncs: Syncs) -> None:
    shown: list[list[Sync]] = []
    watcher = Watcher(at_wait=lambda: shown.append(_active(syncs)))
    syncs.sim.faults.add(Fault(status=429, path="/issues", reset_in=25.0))
    run = load(replace(syncs, progress=watcher), "backfill")
    assert watcher.waits == ["search rate limit of Backlog"]
    assert [[(sync.sync_type, sync.waiting_for) for sync in syncs] for syncs in shown] == [
        [("issues", watcher.waits[0])]
    ]
    assert (
        20 < max(done.requests.wait_seconds for done in run.passes if done.table == "issues") <= 27
    )
    assert _active(syncs) == []

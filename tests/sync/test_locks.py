"""Loads that meet: one waits for the other and says so; one that died, or lost its locks, holds up nobody."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.warehouse import history
from resources.warehouse.connect import engine
from resources.warehouse.errors import WarehouseBusyError, WarehouseError
from resources.warehouse.locks import Locks, is_held
from simulator import Fault, RequestInfo
from sync.locks import SyncLocks
from tests.deployment import Deployment, failures, quiet, recorded
from tests.integration.commands import Done, Shell

#: Of the session that has a lock.
END_SESSION_OF = "SELECT pg_terminate_backend(pid::int) FROM ops.locks WHERE space_key = 'acme' AND name = '{lock}'"
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass
class Watcher:
    """A progress that notes the waits, says when there was one, and may hold its load up when rows are stored."""

    waits: list[str] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    at_rows: Callable[[str], object] = lambda _table: None
    at_wait: Callable[[], object] = lambda: None

    def start(self, what: str, total: int | None) -> None:
        pass

    def advance(self, what: str, rows: int) -> None:
        self.at_rows(what)

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        self.waits.append(reason)
        self.waiting.set()
        self.at_wait()

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        pass


def _locks(deployment: Deployment) -> int:
    return len(deployment.query(f"SELECT 1 FROM ops.locks AS l WHERE {is_held('l')}"))


def _history(deployment: Deployment) -> list[tuple[str, str]]:
    rows = deployment.query("SELECT sync_type, status FROM ops.sync_history ORDER BY id")
    return [(row["sync_type"], row["status"]) for row in rows]


def _active(deployment: Deployment) -> list[history.Sync]:
    return list(history.active_syncs(deployment.engine, "acme"))


@pytest.fixture
def beside(deployment: Deployment) -> Iterator[Deployment]:
    """Return the same deployment as another process has it."""
    other = engine(deployment.warehouse_url)
    with dg.DagsterInstance.ephemeral() as instance:
        yield replace(deployment, instance=instance, engine=other).discover()
    other.dispose()


def _once(deployment: Deployment, path: str, do: Callable[[], Any], *, at: int = 1) -> None:
    """Do something before a request of a path is answered, the `at`-th of them."""
    seen: list[str] = []

    def before(info: RequestInfo) -> None:
        if info.path == path:
            seen.append(path)
            if len(seen) == at:
                do()

    deployment.sim.before_request(before)


@pytest.mark.parametrize("table", ["issues", "users"])
def test_the_second_of_two_loads_at_once_waits_and_says_so_and_both_end_well(
    deployment: Deployment, beside: Deployment, table: str
) -> None:
    second, reading = Watcher(), threading.Event()
    seen: list[history.Sync] = []

    def hold(stored: str) -> None:
        if stored == table and not reading.is_set():
            reading.set()
            second.waiting.wait(60)
            seen.extend(sync for sync in _active(deployment) if sync.waiting_for)

    def load(which: Deployment) -> bool:
        return (which.run_issues() if table == "issues" else which.run("users", only=[table])).success

    first: list[bool] = []
    thread = threading.Thread(target=lambda: first.append(load(deployment.with_progress(Watcher(at_rows=hold)))))
    thread.start()
    assert reading.wait(60)
    assert load(beside.with_progress(second))
    thread.join()
    assert first == [True]
    assert second.waits[0].startswith(f"other load of {table}")
    assert [(sync.sync_type, sync.mode, sync.waiting_for) for sync in seen] == [(table, "waiting", second.waits[0])]
    assert seen[0].waiting_until is not None
    assert timedelta(hours=5) < seen[0].waiting_until - datetime.now(UTC) < timedelta(hours=6)
    assert {status for _, status in _history(deployment)} == {"completed"}
    assert "waiting" not in {row["mode"] for row in deployment.query("SELECT mode FROM ops.sync_history")}
    assert deployment.stored_issues() == (deployment.source_issues() if table == "issues" else {})
    assert _locks(deployment) == 0


def test_a_server_that_ends_all_connections_in_the_middle_fails_the_load_in_one_line(deployment: Deployment) -> None:
    _once(deployment, "/issues", lambda: deployment.query(KILL), at=2)
    run = deployment.run_issues()
    [said] = failures(run)
    assert "\n" not in said
    assert said.startswith("issues: The ")
    assert "failed" in {status for table, status in _history(deployment) if table == "issues"}
    assert "in_progress" not in {status for _, status in _history(deployment)}
    assert _locks(deployment) == 0
    assert deployment.run_issues().success
    assert deployment.stored_issues() == deployment.source_issues()


HOLD = """
import sys
from sync.locks import SyncLocks
from resources.progress import LogProgress
from resources.warehouse import history
from resources.warehouse.connect import engine
from resources.warehouse.locks import Locks

made = engine(sys.argv[1])
with Locks(made, "acme") as locks:
    turns = SyncLocks(locks, made, "acme", "issues", "killed", LogProgress(), print)
    turns.begin()
    turns.lock_projects([int(project) for project in sys.argv[2:]])
    history.start_sync(made, space_key="acme", sync_type="issues", mode="backfill", run_id="killed")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_after_a_load_that_was_killed_the_next_one_goes_on_at_once_and_ends_its_row(deployment: Deployment) -> None:
    projects = [str(project) for project in deployment.sim.space.projects]
    command = [sys.executable, "-c", HOLD, deployment.warehouse_url, *projects]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert history.end_dead(deployment.engine, "acme") == 0
    holder.kill()
    holder.communicate()
    watcher = Watcher()
    assert deployment.with_progress(watcher).run_issues().success
    assert watcher.waits == []
    [killed] = deployment.query("SELECT status, error, ended_at FROM ops.sync_history WHERE run_id = 'killed'")
    assert (killed["status"], killed["error"]) == ("failed", history.DIED)
    assert killed["ended_at"] is not None
    assert _locks(deployment) == 0


Make = Callable[[str], SyncLocks]


@pytest.fixture
def sync_locks(deployment: Deployment) -> Iterator[Make]:
    """Make the turns of loads of `issues`, by the id of their run."""
    opened: list[Locks] = []

    def make(run_id: str) -> SyncLocks:
        opened.append(Locks(deployment.engine, "acme").__enter__())
        made = SyncLocks(opened[-1], deployment.engine, "acme", "issues", run_id, quiet(), lambda _line: None)
        made.begin()
        return made

    yield make
    for locks in opened:
        locks.__exit__(None, None, None)


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


def test_a_wait_in_the_middle_of_a_load_is_shown_in_its_row_and_cleared(sync_locks: Make, deployment: Deployment) -> None:
    one, two = sync_locks("one"), sync_locks("two")
    one.lock_projects([300])
    two.row = history.start_sync(deployment.engine, space_key="acme", sync_type="issues", mode="backfill", run_id="two")
    thread = threading.Thread(target=lambda: two.lock_projects([300]))
    thread.start()
    shown: list[history.Sync] = []
    while not shown:
        shown = [sync for sync in _active(deployment) if sync.waiting_for]
    [sync] = shown
    assert sync.mode == "backfill"
    assert str(sync.waiting_for).startswith("other load of issues of project 300 to end (process ")
    one.unlock_projects([300])
    thread.join()
    assert [sync.waiting_for for sync in _active(deployment)] == [None]


def test_a_wait_for_a_rate_limit_is_shown_until_the_load_goes_on(sync_locks: Make, deployment: Deployment) -> None:
    one = sync_locks("one")
    one.wait_for_limit("search", 40.0, datetime.now(UTC))  # between two rows there is nothing to show it in
    one.row = history.start_sync(deployment.engine, space_key="acme", sync_type="issues", mode="backfill", run_id="one")
    one.wait_for_limit("search", 40.0, datetime.now(UTC) + timedelta(hours=9))  # by a clock of Backlog's that is wrong
    [sync] = _active(deployment)
    assert sync.waiting_for == "search rate limit of Backlog"
    assert sync.waiting_until is not None
    assert timedelta(seconds=30) < sync.waiting_until - datetime.now(UTC) <= timedelta(seconds=40)
    one.go_on()
    assert [sync.waiting_for for sync in _active(deployment)] == [None]


def test_a_wait_in_vain_stays_in_the_history_with_its_reason(sync_locks: Make, deployment: Deployment) -> None:
    one, two = sync_locks("one"), sync_locks("two")
    one.lock_table()
    two.progress = Watcher(at_wait=lambda: deployment.query(END_SESSION_OF.format(lock=history.lock_of("two", "issues"))))
    with pytest.raises(WarehouseError, match="connection that held the locks of this load was lost"):
        two.lock_table()
    [row] = deployment.query("SELECT mode, status, error, waiting_for FROM ops.sync_history")
    assert (row["mode"], row["status"], row["waiting_for"]) == ("waiting", "failed", None)
    assert "was lost" in row["error"]


def test_a_wait_for_the_limit_of_the_source_is_in_progress_status_and_metadata_with_its_end(
    deployment: Deployment, tmp_path: Path
) -> None:
    variables = {"BACKLOG_URL": deployment.sim.url, "BACKLOG_API_KEY": deployment.api_key, "BACKLOG_ELT_HOME": str(tmp_path)}
    storage = {"WAREHOUSE_URL": deployment.warehouse_url, "DAGSTER_POSTGRES_URL": deployment.warehouse_url}
    shell, said = Shell(tmp_path, variables | storage), list[Done]()
    watcher = Watcher(at_wait=lambda: said.append(shell.run("status")))
    deployment.sim.faults.add(Fault(status=429, path="/issues", reset_in=25.0))
    run = deployment.with_progress(watcher).run_issues()
    assert run.success, failures(run)
    assert watcher.waits == ["search rate limit of Backlog"]
    assert (said[0].code, said[0].err) == (0, "")
    assert re.search(r"^active +issues.*: waiting for the search rate limit of Backlog until \d\d:\d\d:\d\d$", said[0].out, re.M)
    assert 20 < max(facts["load/rate_limit_wait_seconds"] for facts in recorded(run).values()) <= 27
    assert [sync.waiting_for for sync in _active(deployment)] == []

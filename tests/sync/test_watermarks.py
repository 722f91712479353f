"""When a backfill moves the watermark of its project, and what it locks, announces and reports
meanwhile.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from resources.warehouse.state.locks import Locks
from simulator import RequestInfo
from sync.issues import sync_issues
from tests.sync.trouble import Watcher
from tests.syncs import CALENDAR, Loaded, Syncs, failures, watermarks

MONTHS = CALENDAR.months()
NOW = MONTHS[-1]
[NEWEST] = CALENDAR.slices([("OPS", NOW)])


def frozen(syncs: Syncs) -> datetime:
    """Let the source's clock stand still, days ahead, and return its time."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    syncs.sim.clock.freeze(moment)
    return moment


@pytest.mark.parametrize(("seconds", "moves"), [(-1, False), (59, False), (60, True)])
def test_the_newest_month_moves_a_watermark_from_a_minute_after_its_start_on(
    synced: Syncs, seconds: int, moves: bool
) -> None:
    assert NEWEST.since is not None
    before = NEWEST.since + timedelta(seconds=seconds)
    synced.change(
        f"UPDATE ops.sync_state SET watermark = '{before.isoformat()}' WHERE scope = 'issues'"
    )
    now = frozen(synced)
    assert synced.issues("OPS", first=NOW).success
    assert watermarks(synced) == {"OPS": now if moves else before, "WEB": before, "APP": before}


def test_a_read_of_a_whole_project_moves_the_watermark_wherever_it_stands(synced: Syncs) -> None:
    now, long_ago = frozen(synced), datetime(2020, 1, 1, tzinfo=UTC)
    synced.change("UPDATE ops.sync_state SET watermark = '2020-01-01' WHERE scope = 'issues'")
    assert synced.issues("WEB").success
    assert watermarks(synced) == {"OPS": long_ago, "WEB": now, "APP": long_ago}


def test_a_project_that_was_never_read_whole_has_no_watermark_until_it_is(syncs: Syncs) -> None:
    now = frozen(syncs)
    assert syncs.issues("OPS", first=MONTHS[1]).success
    assert syncs.issues("OPS", last=MONTHS[-2]).success
    assert watermarks(syncs) == {}
    assert syncs.issues("OPS").success
    assert watermarks(syncs) == {"OPS": now}


def test_the_window_of_a_partition_ends_with_it_or_when_it_was_read(syncs: Syncs) -> None:
    def window(run: Loaded) -> tuple[datetime | None, datetime | None]:
        [read] = run.passes
        assert read.window is not None
        return read.window.start, read.window.end

    now = frozen(syncs)
    [past] = CALENDAR.slices([("OPS", MONTHS[-3])])
    two_months = syncs.issues("OPS", first=MONTHS[-3], last=MONTHS[-2])
    assert window(two_months) == (past.since, NEWEST.since)
    assert window(syncs.issues("OPS", first=NOW)) == (NEWEST.since, now)
    assert window(syncs.issues("OPS")) == (None, now)


def test_the_end_of_a_bar_is_counted_once_where_several_whole_projects_are_read(
    syncs: Syncs,
) -> None:
    progress = Watcher()
    watched = replace(syncs, progress=progress)
    assert watched.issues("OPS").success
    assert watched.issues(first=MONTHS[1]).success
    assert progress.totals == []
    assert watched.issues("OPS", "APP").success
    assert progress.totals == [len(syncs.source_issues("OPS", "APP"))]


def test_a_backfill_holds_the_lock_of_the_project_that_it_reads_and_no_other(syncs: Syncs) -> None:
    projects = {str(project.id): project.key for project in syncs.space.projects.values()}
    held: dict[str, set[str]] = {}

    def look(request: RequestInfo) -> None:
        read = request.param("projectId[]")
        if request.route == "/issues" and read and projects[read] not in held:
            with Locks(syncs.engine, "acme") as locks:
                held[projects[read]] = {
                    key
                    for number, key in projects.items()
                    if not locks.try_acquire(f"issues/{number}")
                }

    syncs.sim.before_request(look)
    run = syncs.issues("OPS", "WEB", "APP")
    assert failures(run) == []
    assert held == {key: {key} for key in ("OPS", "WEB", "APP")}


def test_a_load_of_issues_reports_rows_of_other_tables_that_it_has_marked(synced: Syncs) -> None:
    others = ("comments", "issue_changes")

    def load() -> Loaded:
        loaded = Loaded()
        with synced.session("issues", mode="backfill", locks="projects", loaded=loaded) as session:
            sync_issues(session, "backfill", synced.slices(["OPS"]), others)
        assert failures(loaded) == []
        return loaded

    assert load().rows == {}
    gone = next(issue for issue in synced.space.project("OPS").issues.values() if issue.comments)
    before = len(synced.rows("comments"))
    synced.space.delete_issue(gone.id)
    assert load().rows == {table: len(synced.rows(table)) for table in others}
    assert len(synced.rows("comments")) == before - len(gone.comments)

"""`raw/comments`: all rows of any issue, none read twice, what is edited, deleted, moved or bad,
and what a load reports.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event

from resources.problems.causes import KnownError
from resources.progress import LogProgress
from simulator import Fault, RequestInfo
from simulator.model import Issue
from sync.comment_selection import choose, still_due
from sync.comments import sync_comments
from sync.modes import Mode
from sync.observer import LoadedPartitions
from tests.syncs import (
    CALENDAR,
    COMMENTS,
    SMALL,
    Loaded,
    StartSyncs,
    Syncs,
    asked_for_comments,
    counts,
    load,
)


def stored(syncs: Syncs, *, deleted: bool = False) -> dict[int, tuple[str, int, int]]:
    rows = syncs.rows("comments", deleted=deleted)
    return {row["id"]: (row["content"], row["issue_id"], row["project_id"]) for row in rows}


def source(syncs: Syncs) -> dict[int, tuple[str, int, int]]:
    issues = syncs.sim.space.issues.values()
    return {
        row.id: (row.content, issue.id, issue.project_id)
        for issue in issues
        for row in issue.comments
    }


def some(syncs: Syncs, count: int = 1) -> list[Issue]:
    return list(syncs.sim.space.issues.values())[:count]


def load_and_report_each_group(syncs: Syncs, mode: Mode) -> Loaded:
    """Load comments, and report partitions as soon as something of them is read."""
    loaded = Loaded()
    with (
        suppress(KnownError),
        syncs.session("comments", mode=mode, locks="projects", loaded=loaded) as session,
    ):
        sync_comments(session, mode, syncs.slices(), report_every=timedelta(0))
    return loaded


def passes_with_issues(run: Loaded) -> list[LoadedPartitions]:
    """Return the passes over comments that have read issues."""
    return [
        done
        for done in run.passes
        if done.table == "comments" and any(one.issues_read for one in done.partitions)
    ]


def test_what_another_load_read_while_this_one_waited_is_not_read_again(syncs: Syncs) -> None:
    assert syncs.issues().success
    [first] = some(syncs)
    key = syncs.sim.space.projects[first.project_id].key
    with syncs.session("comments", mode="incremental", locks="projects") as session:
        chosen = choose(session, "incremental", [CALENDAR.whole_project(key)])
        load(syncs)
        assert [*still_due(session, "incremental", chosen)] == []
        syncs.sim.space.edit_issue(first, summary="changed meanwhile")
        assert syncs.issues(mode="incremental").success
        [left] = still_due(session, "incremental", chosen)
        assert left.issue_id == first.id
        assert [*still_due(session, "backfill", chosen)] == chosen


def test_an_issue_that_changes_its_month_during_a_read_is_reported_there(syncs: Syncs) -> None:
    assert syncs.issues().success
    space = syncs.sim.space
    later = next(
        issue for issue in space.issues.values() if issue.status_id == 4 and issue.comments
    )
    moved: list[str] = []

    def move(request: RequestInfo) -> None:
        if request.route == COMMENTS and not moved:  # of an open issue, which is read before
            moved.append(request.path)
            syncs.change(
                f"UPDATE raw.issues SET updated_at = '2026-09-10 12:00+09' WHERE id = {later.id}"
            )

    syncs.sim.before_request(move)
    run = load(syncs)
    assert moved
    found = run.partitions("comments")
    assert found[f"{space.projects[later.project_id].key}|2026-09"].counts.read == len(
        later.comments
    )
    assert sum(
        one.counts.read
        for done in run.passes
        if done.table == "comments"
        for one in done.partitions
    ) == len(source(syncs))


def test_the_first_load_asks_once_for_each_issue_and_the_next_one_for_none(syncs: Syncs) -> None:
    run = load(syncs)
    assert stored(syncs) == source(syncs)
    assert sorted(issue for issue, _ in asked_for_comments(syncs)) == sorted(syncs.sim.space.issues)
    assert run.counts("comments") == {"read": len(source(syncs)), "inserted": len(source(syncs))}
    again = load(syncs)
    assert asked_for_comments(syncs) == []
    assert again.counts("comments") == again.counts("issue_changes") == {}


@pytest.mark.parametrize("inclusive", [True, False])
def test_known_comments_are_not_read_again(synced: Syncs, inclusive: bool) -> None:
    synced.sim.switch(inclusive_ids=inclusive)
    [issue] = some(synced)
    for number in range(150):
        synced.sim.space.comment(issue, str(number))
    load(synced)
    asked_for_comments(synced)
    last = issue.comments[-1].id
    synced.sim.space.comment(issue, "one")
    synced.sim.space.edit_issue(issue, summary="two")
    run = load(synced)
    assert asked_for_comments(synced) == [(issue.id, last)]
    assert run.counts("comments") == {"read": 2, "inserted": 2}
    assert stored(synced) == source(synced)


def test_an_issue_whose_updated_moves_alone_costs_one_request_and_no_row(synced: Syncs) -> None:
    [issue] = some(synced)
    synced.sim.space.edit_issue(issue)  # a PATCH that changes nothing: no comment, no activity
    run = load(synced)
    assert [found for found, _ in asked_for_comments(synced)] == [issue.id]
    assert run.counts("comments") == {}
    load(synced)
    assert asked_for_comments(synced) == []


@pytest.mark.parametrize("mode", ["backfill", "refresh"])
def test_a_whole_read_finds_edited_deleted_starred_and_notified_comments(
    synced: Syncs, mode: Mode
) -> None:
    space = synced.sim.space
    issues = [issue for issue in space.issues.values() if len(issue.comments) >= 3][:3]
    edited, starred, deleted = (issue.comments[-2] for issue in issues)
    gone = list(issues[2].comments)
    space.edit_comment(edited, "rewritten")
    space.star_comment(starred)
    for comment in gone:
        space.delete_comment(comment)
    load(synced)
    assert deleted.id in stored(synced), "nothing tells of it"
    synced.change(
        "UPDATE ops.issue_sync_state SET refreshed_at = NULL WHERE issue_id IN "
        f"{tuple(issue.id for issue in issues)}"
    )
    run = load(synced, mode)
    assert stored(synced) == source(synced)
    assert run.counts("comments")["updated"] == 2
    assert synced.deletions("comments") == {
        (
            one.id,
            "deleted",
            f"issue re-read: GET /issues/{one.issue_id}/comments no longer lists it",
        )
        for one in gone
    }
    assert len(synced.rows("issue_changes", deleted=True)) == sum(len(one.changes) for one in gone)
    assert synced.row("comments", starred.id)["payload"]["stars"]
    space.comment(issues[2], "after all were deleted")
    load(synced)
    assert stored(synced) == source(synced)


def test_a_backfill_reads_the_issues_of_its_partitions_and_no_other(synced: Syncs) -> None:
    at_stake = {
        row["id"]
        for row in synced.rows("issues")
        if row["issue_key"].startswith("WEB-")
        and f"{row['updated_at']:%Y-%m}" in ("2026-04", "2026-05")
    }
    asked_for_comments(synced)
    run = load(synced, "backfill", first="2026-04", last="2026-05")
    met = {issue for issue, _ in asked_for_comments(synced)}
    assert at_stake & met
    assert all(
        f"{synced.row('issues', issue)['updated_at']:%Y-%m}" in ("2026-03", "2026-04", "2026-05")
        for issue in met
    )
    assert {key.split("|")[1] for key in run.partitions("comments")} == {"2026-04", "2026-05"}
    assert (
        run.partitions("comments").keys()
        == run.partitions("issues").keys()
        == run.partitions("issue_changes").keys()
    )


@dataclass
class Watching(LogProgress):
    """A progress that remembers what was reported of comments."""

    total: int | None = None
    moved: int = 0
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(write=self.lines.append, clock=lambda: 100.0 * self.moved)

    def start(self, what: str, total: int | None) -> None:
        self.total = total if what == "comments" else self.total
        super().start(what, total)

    def advance(self, what: str, rows: int) -> None:
        self.moved += rows if what == "comments" else 0
        super().advance(what, rows)


def test_a_load_counts_issues_to_a_known_end_and_reports_each_partition_once(syncs: Syncs) -> None:
    watching = Watching()
    run = load(replace(syncs, progress=watching))
    issues = len(syncs.sim.space.issues)
    assert (watching.total, watching.moved) == (issues, issues)
    assert any(line.endswith(f" issues of {issues}") for line in watching.lines)
    [read] = passes_with_issues(run)
    assert len({one.project_key for one in read.partitions}) == 3
    assert read.requests.total == issues
    for table in ("comments", "issue_changes"):
        of_passes = [one for done in run.passes if done.table == table for one in done.partitions]
        whole = run.tables[table]
        assert sum(one.counts.read for one in of_passes) == whole.read > 0
        assert sum(one.counts.inserted for one in of_passes) == whole.inserted > 0
        assert sum(one.stored for one in run.partitions(table).values()) == len(syncs.rows(table))


def test_partitions_are_reported_with_their_rows_and_under_the_key_of_today(synced: Syncs) -> None:
    synced.sim.space.rename_project("WEB", key="SITE")
    synced.listing("projects")
    [issue, *_] = synced.sim.space.project("SITE").issues.values()
    synced.sim.space.comment(issue, "after the rename")
    run = load(synced)
    found = run.partitions("comments")
    assert {key.split("|")[0] for key in found} == {"OPS", "SITE", "APP"}
    month = CALENDAR.month_of(datetime.fromtimestamp(issue.updated, UTC))
    assert counts(found[f"SITE|{month}"].counts)["inserted"] == 1
    assert len(found) == sum(
        len(done.partitions) for done in run.passes if done.table == "comments"
    ), "each is reported once"
    of_month = {
        row["id"]
        for row in synced.rows("issues")
        if row["project_id"] == issue.project_id and CALENDAR.month_of(row["updated_at"]) == month
    }
    rows = [row for row in synced.rows("comments") if row["issue_id"] in of_month]
    assert found[f"SITE|{month}"].stored == len(rows)


def test_each_part_of_a_long_load_is_a_pass_with_its_own_requests_and_time(syncs: Syncs) -> None:
    assert syncs.issues().success
    run = load_and_report_each_group(syncs, "incremental")
    assert run.success
    passes = passes_with_issues(run)
    assert len(passes) > len({done.partitions[0].project_key for done in passes}) == 3
    assert sum(done.requests.total for done in passes) == len(syncs.sim.space.issues)
    assert all(before.ended <= after.began for before, after in pairwise(passes))


def test_a_backfill_records_no_partition_of_which_something_is_left_to_read(
    synced: Syncs,
) -> None:
    rows = synced.query(
        # What changed before the first month is read with it.
        "SELECT project_id, greatest('2026-01', "
        "to_char(updated_at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM')) AS month FROM raw.issues"
    )
    cells = Counter((row["project_id"], row["month"]) for row in rows)
    asked: list[str] = []

    def leave(request: RequestInfo) -> None:
        asked.extend([request.path] if request.route == COMMENTS else [])
        if len(asked) == len(rows) - 3:
            synced.sim.faults.add(Fault(status=401, times=None))

    synced.sim.before_request(leave)
    run = load_and_report_each_group(synced, "backfill")
    assert not run.success
    keys = {project.id: project.key for project in synced.sim.space.projects.values()}
    recorded = run.partitions("comments")
    assert recorded
    for (project, month), issues in cells.items():
        done = recorded.get(f"{keys[project]}|{month}")
        assert done is None or done.issues_read == issues, (keys[project], month)
    assert len(recorded) < len(cells)


def test_how_far_issues_are_read_is_noted_in_the_order_in_which_others_lock_it(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(replace(SMALL, issues=300))
    transactions: list[list[int]] = [[]]

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("INSERT INTO ops.issue_sync_state") and "refreshed_at" in statement:
            transactions[-1] += parameters["issues"]

    event.listen(syncs.engine, "before_cursor_execute", note)
    event.listen(syncs.engine, "commit", lambda _conn: transactions.append([]))
    load(syncs)
    assert sum(map(len, transactions)) == len(syncs.sim.space.issues)
    assert max(map(len, transactions)) > 10
    assert transactions == [sorted(ids) for ids in transactions]

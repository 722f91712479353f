"""`raw/comments`: all rows of any issue, none read twice, what is edited, deleted, moved or bad, and what a load reports."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from assets.partitions import month_of
from resources.progress import LogProgress
from simulator.model import Issue
from tests.deployment import Deployment, Run, counts, failures, observed, recorded

COMMENTS = "/issues/{issue}/comments"


def load(deployment: Deployment, mode: Any = "incremental", **options: Any) -> Run:
    run = deployment.run_issues(mode=mode, **options)
    assert run.success, failures(run)
    return run


def stored(deployment: Deployment, *, deleted: bool = False) -> dict[int, tuple[str, int, int]]:
    rows = deployment.rows("comments", deleted=deleted)
    return {row["id"]: (row["content"], row["issue_id"], row["project_id"]) for row in rows}


def source(deployment: Deployment) -> dict[int, tuple[str, int, int]]:
    issues = deployment.sim.space.issues.values()
    return {row.id: (row.content, issue.id, issue.project_id) for issue in issues for row in issue.comments}


def asked(deployment: Deployment) -> list[tuple[int, int]]:
    """Return the requests for comments since the last look: issue and `minId`, 0 when there was none."""
    made = [one for one in deployment.sim.requests.recent() if one.route == COMMENTS]
    deployment.sim.requests.clear()
    return [(int(one.path.split("/")[2]), int(one.param("minId") or 0)) for one in made]


def some(deployment: Deployment, count: int = 1) -> list[Issue]:
    return list(deployment.sim.space.issues.values())[:count]


def test_the_first_load_asks_once_for_each_issue_and_the_next_one_for_none(deployment: Deployment) -> None:
    run = load(deployment)
    assert stored(deployment) == source(deployment)
    assert sorted(issue for issue, _ in asked(deployment)) == sorted(deployment.sim.space.issues)
    assert counts(observed(run, "comments")) == {"read": len(source(deployment)), "inserted": len(source(deployment))}
    again = load(deployment)
    assert asked(deployment) == []
    assert counts(observed(again, "comments")) == counts(observed(again, "issue_changes")) == {}


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 98, 99, 100, 101, 199, 250])
def test_any_number_of_comments_is_read_whole(loaded: Deployment, rows: int, inclusive: bool) -> None:
    loaded.sim.switch(inclusive_ids=inclusive)
    made = loaded.sim.space.create_issue("OPS")
    for number in range(rows):
        loaded.sim.space.comment(made, str(number))
    load(loaded)
    assert stored(loaded) == source(loaded)
    # A full page of the API says nothing of what comes after it.
    assert len(asked(loaded)) <= rows // 99 + 1
    load(loaded)
    assert asked(loaded) == []


@pytest.mark.parametrize("inclusive", [True, False])
def test_known_comments_are_not_read_again(loaded: Deployment, inclusive: bool) -> None:
    loaded.sim.switch(inclusive_ids=inclusive)
    [issue] = some(loaded)
    for number in range(150):
        loaded.sim.space.comment(issue, str(number))
    load(loaded)
    asked(loaded)
    last = issue.comments[-1].id
    loaded.sim.space.comment(issue, "one")
    loaded.sim.space.edit_issue(issue, summary="two")
    run = load(loaded)
    assert asked(loaded) == [(issue.id, last)]
    assert counts(observed(run, "comments")) == {"read": 2, "inserted": 2}
    assert stored(loaded) == source(loaded)


def test_an_issue_whose_updated_moves_alone_costs_one_request_and_no_row(loaded: Deployment) -> None:
    [issue] = some(loaded)
    loaded.sim.space.edit_issue(issue)  # a PATCH that changes nothing: no comment, no activity
    run = load(loaded)
    assert [found for found, _ in asked(loaded)] == [issue.id]
    assert counts(observed(run, "comments")) == {}
    load(loaded)
    assert asked(loaded) == []


@pytest.mark.parametrize("mode", ["backfill", "refresh"])
def test_a_whole_read_finds_edited_deleted_starred_and_notified_comments(loaded: Deployment, mode: str) -> None:
    space = loaded.sim.space
    issues = [issue for issue in space.issues.values() if len(issue.comments) >= 3][:3]
    edited, starred, gone = (issue.comments[-2] for issue in issues)
    space.edit_comment(edited, "rewritten")
    space.star_comment(starred)
    space.delete_comment(gone)
    load(loaded)
    assert gone.id in stored(loaded), "nothing tells of it"
    loaded.change(f"UPDATE ops.issue_sync_state SET refreshed_at = NULL WHERE issue_id IN {tuple(issue.id for issue in issues)}")
    run = load(loaded, mode)
    assert stored(loaded) == source(loaded)
    assert counts(observed(run, "comments"))["updated"] == 2
    assert counts(observed(run, "comments"))["deleted"] == 1
    assert loaded.deletions("comments") == {
        (gone.id, "deleted", f"issue re-read: GET /issues/{gone.issue_id}/comments no longer lists it")
    }
    told = [row for row in loaded.rows("issue_changes", deleted=True) if row["comment_id"] == gone.id]
    assert len(told) == len(gone.changes)
    assert loaded.row("comments", starred.id)["payload"]["stars"]


def test_a_comment_that_was_deleted_last_of_its_issue_is_found_too(loaded: Deployment) -> None:
    issue = next(issue for issue in loaded.sim.space.issues.values() if issue.comments)
    for row in list(issue.comments):
        loaded.sim.space.delete_comment(row)
    load(loaded, "backfill")
    assert stored(loaded) == source(loaded)
    loaded.sim.space.comment(issue, "after all were deleted")
    load(loaded)
    assert stored(loaded) == source(loaded)


def test_the_comments_of_an_issue_that_moves_go_with_it(loaded: Deployment) -> None:
    space = loaded.sim.space
    issue = next(issue for issue in space.project("OPS").issues.values() if len(issue.comments) > 2)
    space.delete_comment(issue.comments[0])
    space.move_issue(issue, "WEB")
    load(loaded)
    assert stored(loaded) == source(loaded)
    assert {row["project_id"] for row in loaded.rows("issue_changes") if row["issue_id"] == issue.id} == {space.project("WEB").id}
    asked(loaded)
    load(loaded)
    assert asked(loaded) == [], "moved once, not at every load"


def test_a_backfill_reads_the_issues_of_its_partitions_and_no_other(loaded: Deployment) -> None:
    at_stake = {
        row["id"]
        for row in loaded.rows("issues")
        if row["issue_key"].startswith("WEB-") and f"{row['updated_at']:%Y-%m}" in ("2026-04", "2026-05")
    }
    asked(loaded)
    run = load(loaded, "backfill", first="2026-04", last="2026-05")
    met = {issue for issue, _ in asked(loaded)}
    assert at_stake & met
    assert all(f"{loaded.row('issues', issue)['updated_at']:%Y-%m}" in ("2026-03", "2026-04", "2026-05") for issue in met)
    assert {key.split("|")[1] for key in recorded(run, "comments")} == {"2026-04", "2026-05"}
    assert recorded(run, "comments").keys() == recorded(run, "issues").keys() == recorded(run, "issue_changes").keys()


@dataclass
class Watching(LogProgress):
    """A progress that remembers what it was told of comments."""

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


def test_the_progress_of_comments_is_counted_in_issues_to_a_known_end(deployment: Deployment) -> None:
    watching = Watching()
    load(deployment.with_progress(watching))
    issues = len(deployment.sim.space.issues)
    assert (watching.total, watching.moved) == (issues, issues)
    assert any(line.endswith(f" issues of {issues}") for line in watching.lines)


def test_partitions_are_recorded_with_their_rows_and_under_the_key_of_today(loaded: Deployment) -> None:
    loaded.sim.space.rename_project("WEB", key="SITE")
    loaded.discover()
    loaded.run("projects")
    [issue, *_] = loaded.sim.space.project("SITE").issues.values()
    loaded.sim.space.comment(issue, "after the rename")
    run = load(loaded)
    found = recorded(run, "comments")
    assert {key.split("|")[0] for key in found} == {"OPS", "SITE", "APP"}
    month = month_of(datetime.fromtimestamp(issue.updated, UTC))
    assert counts(found[f"SITE|{month}"])["inserted"] == 1
    assert not any(key.endswith("#") for key in found)
    of_month = {
        row["id"] for row in loaded.rows("issues") if row["project_id"] == issue.project_id and month_of(row["updated_at"]) == month
    }
    rows = [row for row in loaded.rows("comments") if row["issue_id"] in of_month]
    assert found[f"SITE|{month}"]["dagster/partition_row_count"] == len(rows)


def test_the_figures_of_the_partitions_add_up_to_those_of_the_run(deployment: Deployment) -> None:
    run = load(deployment)
    for table in ("comments", "issue_changes"):
        of_partitions = recorded(run, table).values()
        whole = observed(run, table)
        for name in ("load/rows_read", "load/rows_inserted"):
            assert sum(one[name] for one in of_partitions) == whole[name] > 0
        assert sum(one["dagster/partition_row_count"] for one in of_partitions) == whole["dagster/row_count"]

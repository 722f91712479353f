"""`raw/issues`, incremental: deleted issues are found by one count, and by the activity feed where it differs."""

import re

import pytest

from assets.issues import issues
from assets.partitions import RANGE_END_TAG, RANGE_START_TAG, month_keys, partition_key
from simulator import Fault, RequestInfo
from tests.deployment import Deployment, counts, failures, observed

NOW = month_keys()[-1]
FEED = "activity feed; confirmed by GET /issues?id[]"
REREAD = "partition re-read; confirmed by GET /issues?id[]"


def test_a_scheduled_load_finds_a_deleted_issue_by_the_feed(loaded: Deployment) -> None:
    gone = min(loaded.sim.space.project("OPS").issues)
    children = len(loaded.sim.space.children[gone])
    assert children
    loaded.sim.space.delete_issue(gone)
    run = loaded.run_issues(mode="incremental", first=NOW)
    assert loaded.stored_issues() == loaded.source_issues()
    [(found, reason, evidence)] = loaded.deletions("issues")
    assert (found, reason) == (gone, "deleted")
    assert re.fullmatch(r"activity feed: activity \d+; confirmed by GET /issues\?id\[\]", evidence)
    assert counts(observed(run)) == {"deleted": 1, "read": children, "updated": children}


def test_without_the_table_of_activities_the_feed_is_asked_when_the_numbers_differ(loaded: Deployment) -> None:
    gone = min(loaded.sim.space.project("OPS").issues)
    loaded.sim.space.delete_issue(gone)
    corners = {RANGE_START_TAG: partition_key("OPS", NOW), RANGE_END_TAG: partition_key("APP", NOW)}
    config = {"ops": {issues.op.name: {"config": {"mode": "incremental"}}}}
    assert loaded.run("issues", only=["issues"], config=config, tags=corners).success
    assert loaded.deletions("issues") == {(gone, "deleted", FEED)}


def test_a_deleted_issue_takes_its_comments_and_changes_with_it(loaded: Deployment) -> None:
    history = {issue.id: len(issue.comments) for issue in loaded.sim.space.project("OPS").issues.values()}
    gone = max(history, key=lambda issue: history[issue])
    assert history[gone]
    changes = [row for row in loaded.rows("issue_changes") if row["issue_id"] == gone]
    loaded.sim.space.delete_issue(gone)
    assert loaded.run_issues(mode="incremental", first=NOW).success
    for table, rows in (("comments", history[gone]), ("issue_changes", len(changes))):
        assert not [row for row in loaded.rows(table) if row["issue_id"] == gone]
        logged = loaded.query(f"SELECT reason FROM ops.deletions WHERE table_name = '{table}' AND restored_at IS NULL")
        assert [one["reason"] for one in logged] == ["issue deleted"] * rows


def test_a_deletion_beside_a_creation_is_found_though_the_source_counts_as_many_as_before(loaded: Deployment) -> None:
    space = loaded.sim.space
    space.delete_issue(min(space.project("OPS").issues))
    space.create_issue("OPS")
    assert loaded.run_issues(mode="incremental", first=NOW).success
    assert loaded.stored_issues() == loaded.source_issues()


@pytest.mark.parametrize("told", [True, False])
def test_an_issue_that_moves_to_a_project_made_while_the_load_runs_is_no_deletion(loaded: Deployment, told: bool) -> None:
    space = loaded.sim.space
    moving = min(space.project("OPS").issues)
    if told:
        space.link_file(moving)  # moves no `updated`: the issue is asked for by id
    waiting = [moving]

    def move(request: RequestInfo) -> None:
        by_id = any(name == "id[]" for name, _ in request.params)
        if waiting and (by_id if told else request.route == "/issues/count"):
            space.add_project("NEW", "新規")
            space.move_issue(waiting.pop(), "NEW")

    loaded.sim.before_request(move)
    run = loaded.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert not waiting
    assert loaded.query("SELECT 1 FROM ops.deletions") == []
    assert loaded.stored_issues() == loaded.source_issues()
    assert loaded.row("issues", moving)["issue_key"] == "NEW-1"
    loaded.discover()
    assert loaded.run_issues(mode="incremental").success
    assert loaded.query("SELECT 1 FROM ops.deletions") == []
    stored = {row["id"]: (row["content"], row["project_id"]) for row in loaded.rows("comments")}
    assert stored == {
        row.id: (row.content, issue.project_id) for issue in loaded.sim.space.issues.values() for row in issue.comments
    }


def test_a_deletion_that_no_feed_tells_is_found_by_reading_its_project_again(loaded: Deployment) -> None:
    space = loaded.sim.space
    gone = min(space.project("WEB").issues)
    space.delete_issue(gone)
    loaded.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    run = loaded.run_issues(mode="incremental", first=NOW)
    assert run.success, failures(run)
    assert loaded.stored_issues() == loaded.source_issues()
    assert loaded.deletions("issues") == {(gone, "deleted", REREAD)}


def test_an_activity_that_does_not_say_which_issue_is_passed_over(loaded: Deployment) -> None:
    loaded.sim.space.delete_issue(min(loaded.sim.space.project("WEB").issues))
    loaded.sim.rewrite_response(
        lambda request, body: [activity | {"content": None} for activity in body] if request.route == "/space/activities" else body
    )
    run = loaded.run_issues(mode="incremental", first=NOW)
    assert run.success, failures(run)
    assert loaded.stored_issues() == loaded.source_issues()


def test_what_the_feed_calls_deleted_but_the_source_still_has_stays(loaded: Deployment) -> None:
    kept, gone = sorted(loaded.sim.space.project("OPS").issues)[:2]
    loaded.sim.space.delete_issue(gone)
    loaded.sim.rewrite_response(
        lambda request, body: (
            [{**activity, "content": {**activity["content"], "id": kept}} for activity in body]
            if request.route == "/space/activities"
            else body
        )
    )
    assert loaded.run_issues(mode="incremental", first=NOW).success
    assert loaded.stored_issues() == loaded.source_issues()
    assert [row["id"] for row in loaded.rows("issues", deleted=True)] == [gone]


def test_a_quarantined_issue_is_no_difference(loaded: Deployment) -> None:
    created = loaded.sim.space.create_issue("OPS").id
    loaded.sim.rewrite_response(
        lambda request, body: (
            [{**issue, "estimatedHours": "many"} if issue["id"] == created else issue for issue in body]
            if request.route == "/issues"
            else body
        )
    )
    loaded.run_issues(mode="incremental", first=NOW)
    loaded.sim.requests.clear()
    loaded.run_issues(mode="incremental", first=NOW)
    assert loaded.sim.requests.count(route="/issues/count") == 1
    assert not loaded.rows("issues", deleted=True)


def test_an_archived_project_whose_issues_are_not_listed_any_more_loses_none(loaded: Deployment) -> None:
    loaded.sim.space.archive_project("APP")
    loaded.sim.switch(archived_issues_listed=False)
    before = loaded.stored_issues()
    assert loaded.run_issues(mode="incremental", first=NOW).success
    assert loaded.run_issues("APP").success
    assert loaded.stored_issues() == before
    assert not loaded.rows("issues", deleted=True)


def test_an_archived_project_that_lists_no_issue_loses_only_those_whose_deletion_the_feed_tells(loaded: Deployment) -> None:
    space = loaded.sim.space
    left, *others = sorted(space.project("WEB").issues)
    for issue in others:
        space.delete_issue(issue)
    space.archive_project("WEB")
    loaded.sim.switch(archived_issues_listed=False)
    assert loaded.run_issues(mode="incremental", first=NOW).success
    assert {row["id"] for row in loaded.rows("issues", deleted=True)} == set(others)
    assert loaded.row("issues", left)["deleted_at"] is None

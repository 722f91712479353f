"""`raw/comments` when a load is broken off, an issue is refused, or a comment is bad: what is kept,
read again and acknowledged.
"""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from simulator import Fault
from simulator.masters import CLOSED
from simulator.model import Issue
from simulator.requests import RequestInfo
from sync.comment_reads import GIVE_UP_AFTER
from tests.syncs import COMMENTS, Syncs, asked_for_comments, failures, load


def source(syncs: Syncs) -> set[int]:
    return {row.id for issue in syncs.sim.space.issues.values() for row in issue.comments}


def busy_issue(syncs: Syncs, comments: int) -> Issue:
    issue = syncs.sim.space.create_issue("OPS")
    for number in range(comments):
        syncs.sim.space.comment(issue, str(number))
    return issue


def spoil(syncs: Syncs, bad: Collection[int], **wrong: Any) -> None:
    """Let the source tell something for these comments that cannot be stored, until `bad`
    is empty.
    """
    rewrite_comments(syncs, lambda row: row | (wrong if row["id"] in bad else {}))


def rewrite_comments(syncs: Syncs, rewritten: Callable[[dict[str, Any]], Any]) -> None:
    syncs.sim.rewrite_response(
        lambda request, body: (
            [rewritten(row) for row in body] if request.route == COMMENTS else body
        )
    )


def open_rejections(syncs: Syncs) -> set[int]:
    rows = syncs.query(
        "SELECT record_key FROM ops.rejected_records WHERE table_name = "
        "'comments' AND resolved_at IS NULL"
    )
    return {int(row["record_key"]) for row in rows}


@pytest.mark.parametrize("status", [500, 401])
def test_what_was_read_before_the_source_went_away_is_kept(syncs: Syncs, status: int) -> None:
    syncs.sim.faults.add(
        Fault(status=400 if status == 500 else status, path="/issues/[0-9]+/comments", every=41)
    )
    run = syncs.run(mode="incremental")
    assert not run.success
    read = [one for done in run.passes if done.table == "comments" for one in done.partitions]
    assert 0 < sum(one.counts.read for one in read) <= len(syncs.rows("comments"))
    syncs.sim.faults.clear()
    met = {issue for issue, _ in asked_for_comments(syncs)}
    kept = syncs.ids("comments")
    assert len(met) > 30
    assert kept
    load(syncs)
    again = {issue for issue, _ in asked_for_comments(syncs)}
    assert syncs.ids("comments") == source(syncs)
    # Not one issue that was answered is asked again, only the one that was not.
    assert len(again & met) <= (3 if status == 500 else 1)


def test_open_issues_are_read_first_then_those_that_changed_lately(
    syncs: Syncs,
) -> None:
    space = syncs.sim.space
    newest = max(issue.updated for issue in space.issues.values())
    assert syncs.activities().success
    notified = {row["content_id"] for row in syncs.rows("activities") if row["type"] != 1}

    def place(issue: Issue) -> tuple[int, int, int]:
        """Open, then changed lately, then the others, then those of which nothing tells; in these
        by project, newest first.
        """
        if issue.status_id != 4:
            need = 0
        elif issue.updated >= newest - 30 * 86_400:
            need = 1
        else:
            need = 2 if issue.updated > issue.created or issue.id in notified else 3
        return need, issue.project_id, -issue.updated

    expected = sorted(map(place, space.issues.values()))
    assert {need for need, _, _ in expected} == {0, 1, 2, 3}
    syncs.sim.faults.add(
        Fault(status=401, path="/issues/[0-9]+/comments", every=len(expected) // 2)
    )
    read: list[int] = []
    for succeeds in (False, True):
        run = syncs.run(mode="incremental")
        assert run.success == succeeds
        assert run.partitions("comments"), (
            "what was read to its end is reported, also by a load that is broken off"
        )
        syncs.sim.faults.clear()
        read += [issue for issue, _ in asked_for_comments(syncs) if issue not in read]
    assert [place(space.issues[issue]) for issue in read] == expected


def test_an_issue_of_many_pages_goes_on_where_it_was_broken_off(synced: Syncs) -> None:
    issue = busy_issue(synced, 350)
    pages = []

    def before(request: RequestInfo) -> None:
        if request.route == COMMENTS:
            pages.append(request)
            if len(pages) == 3:
                synced.sim.faults.add(Fault(status=401, path=f"/issues/{issue.id}/comments"))

    synced.sim.before_request(before)
    assert not synced.run(mode="incremental").success
    kept = {row["id"] for row in synced.rows("comments") if row["issue_id"] == issue.id}
    assert 0 < len(kept) < 350
    asked_for_comments(synced)
    run = load(synced)
    assert synced.ids("comments") == source(synced)
    assert asked_for_comments(synced)[0] == (issue.id, max(kept))
    assert run.counts("comments")["read"] == 350 - len(kept)


def test_a_broken_off_whole_read_begins_anew_and_marks_nothing_before_its_end(
    synced: Syncs,
) -> None:
    issue = busy_issue(synced, 250)
    load(synced)
    gone = issue.comments[200]
    synced.sim.space.delete_comment(gone)
    synced.sim.faults.add(Fault(status=401, path=f"/issues/{issue.id}/comments", every=2))
    assert not synced.run("OPS", mode="backfill").success
    assert gone.id in synced.ids("comments")
    synced.sim.faults.clear()
    load(synced, "backfill")
    assert synced.ids("comments") == source(synced)


def test_one_project_whose_comments_are_refused_holds_up_no_other(syncs: Syncs) -> None:
    ops = syncs.sim.space.project("OPS").issues
    refused = "|".join(map(str, ops))
    syncs.sim.faults.add(Fault(status=403, path=f"/issues/({refused})/comments", times=None))
    run = syncs.run(mode="incremental")
    assert [line.count("OPS, issue") for line in failures(run)] == [GIVE_UP_AFTER]
    assert syncs.ids("comments") == source(syncs) - {
        row.id for issue in ops.values() for row in issue.comments
    }
    syncs.sim.faults.clear()
    load(syncs)
    assert syncs.ids("comments") == source(syncs)


@pytest.mark.parametrize(
    "fault",
    [{"status": 403}, {"status": 500}, {"kind": "close"}],
    ids=str,
)
def test_an_issue_whose_comments_always_fail_keeps_no_other_from_its_own(
    synced: Syncs, fault: dict[str, Any]
) -> None:
    space = synced.sim.space
    first, *others = [space.issue(issue) for issue in sorted(space.project("OPS").issues)[:6]]
    said = {issue.id: space.comment(issue, "said").id for issue in (first, *others)}
    synced.sim.faults.add(Fault(path=f"/issues/{first.id}/comments", times=None, **fault))
    for _ in range(2):
        run = synced.run(mode="incremental")
        [line] = failures(run)
        assert line.startswith(
            f"comments: OPS, issue {first.id}: GET /issues/{first.id}/comments: "
        )
        assert synced.ids("comments") == source(synced) - {said[first.id]}

    asked_for_comments(synced)
    assert not synced.run(mode="incremental").success
    assert {issue for issue, _ in asked_for_comments(synced)} == {first.id}, (
        "what was read is not read again"
    )
    synced.sim.faults.clear()
    load(synced)
    assert synced.ids("comments") == source(synced)


@pytest.mark.parametrize("each", [6, 1])
def test_a_source_that_answers_no_issue_any_more_ends_the_load_at_the_second(
    synced: Syncs, each: int
) -> None:
    space = synced.sim.space
    ids = []
    for project in sorted(space.projects):
        issues = space.projects[project].issues
        ids += [one for one in sorted(issues) if issues[one].status_id == CLOSED][:each]
    for issue in ids:
        # All at one time and done, so that they are read in the order of their ids.
        space.edit_issue(issue, summary="new", comment="said")
    synced.sim.faults.add(Fault(status=503, path="/issues/.*/comments", times=None))
    asked_for_comments(synced)
    run = synced.run(mode="incremental")
    [line] = failures(run)
    assert line.startswith("comments: GET /issues/")
    assert "503" in line
    assert {issue for issue, _ in asked_for_comments(synced)} == set(ids[:2])
    synced.sim.faults.clear()
    load(synced)
    assert synced.ids("comments") == source(synced)


@pytest.mark.parametrize(
    "wrong", [{"created": "yesterday"}, {"createdUser": {"id": "nobody"}}], ids=["time", "user"]
)
def test_a_bad_comment_is_kept_aside_tried_at_every_load_and_loaded_when_it_is_good(
    synced: Syncs, wrong: dict[str, Any]
) -> None:
    issue = busy_issue(synced, 3)
    changed = synced.sim.space.edit_issue(issue, summary="with a change")
    assert changed is not None
    bad = {issue.comments[1].id, changed.id}
    spoil(synced, bad, **wrong)
    for _ in range(2):
        run = load(synced)
        assert synced.ids("comments") == source(synced) - bad
        assert open_rejections(synced) == bad
        assert run.counts("comments")["rejected"] == 2
        # From the first bad one on, and not the other issues.
        assert [found for found, _ in asked_for_comments(synced)] == [issue.id]
    assert not [row for row in synced.rows("issue_changes") if row["comment_id"] == changed.id]
    bad.clear()
    load(synced)
    assert synced.ids("comments") == source(synced)
    assert open_rejections(synced) == set()
    assert [
        row["new_value"] for row in synced.rows("issue_changes") if row["comment_id"] == changed.id
    ] == ["with a change"]
    asked_for_comments(synced)
    load(synced)
    assert asked_for_comments(synced) == []


@pytest.mark.parametrize("whole_issue", [False, True])
def test_a_bad_comment_that_is_deleted_is_acknowledged(synced: Syncs, whole_issue: bool) -> None:
    issue = busy_issue(synced, 3)
    bad = {issue.comments[1].id}
    spoil(synced, bad, created="yesterday")
    load(synced)
    assert open_rejections(synced) == bad
    if whole_issue:
        synced.sim.space.delete_issue(issue)
    else:
        synced.sim.space.delete_comment(issue.comments[1])
    load(synced)
    assert open_rejections(synced) == set()
    asked_for_comments(synced)
    load(synced)
    assert asked_for_comments(synced) == []


def test_comments_that_do_not_say_their_issue_are_stored_with_the_one_that_was_asked(
    synced: Syncs,
) -> None:
    issues = [busy_issue(synced, rows) for rows in (2, 0, 5)]
    rewrite_comments(
        synced,
        lambda row: {
            name: value for name, value in row.items() if name not in ("issueId", "projectId")
        },
    )
    load(synced)
    rows = {row["id"]: (row["issue_id"], row["project_id"]) for row in synced.rows("comments")}
    assert rows.keys() == source(synced)
    for issue in issues:
        assert {rows[one.id] for one in issue.comments} <= {(issue.id, issue.project_id)}

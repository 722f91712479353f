"""Single issues that the feed tells of, by every type of activity: what is read for it, and that
nothing else is.
"""

from collections.abc import Callable

import pytest

from resources.warehouse.state.locks import Locks
from simulator import Fault, World
from simulator.model import Issue
from tests.sync.trouble import asked_by_id, leave
from tests.syncs import Syncs, asked_for_comments, load, refetch_requests


def asked(syncs: Syncs) -> set[int]:
    """Return the issues whose comments were asked for since the last look, each once."""
    found = [issue for issue, _ in asked_for_comments(syncs)]
    assert len(found) == len(set(found))
    return set(found)


def request(syncs: Syncs, issue: Issue, project_id: int) -> None:
    """Request an issue as a webhook does."""
    syncs.change(
        "UPDATE ops.issue_sync_state SET refetch_issue = true, refetch_requests = "
        "refetch_requests + 1, requested_by = 'webhook', "
        f"project_id = {project_id} WHERE issue_id = {issue.id}"
    )


def three(syncs: Syncs) -> list[Issue]:
    """Return three issues of one project."""
    return list(syncs.space.project("OPS").issues.values())[:3]


def stored_comments(syncs: Syncs, issue: Issue) -> set[int]:
    return {row["id"] for row in syncs.rows("comments") if row["issue_id"] == issue.id}


@pytest.mark.parametrize(
    "happen",
    [
        lambda space, issues: [space.edit_issue(issue, summary="2") for issue in issues],
        lambda space, issues: [space.comment(issue, "3") for issue in issues],
        lambda space, issues: [
            space.notify(issue.comments[0], list(space.users)[:1]) for issue in issues
        ],
        lambda space, issues: space.bulk_edit(issues, priority_id=2, comment="all at once"),
        lambda space, issues: [space.link_file(issue) for issue in issues],
        lambda space, issues: [space.attach(issue, "a.txt") for issue in issues],
    ],
    ids=["updated", "commented", "notified", "bulk", "linked", "attached"],
)
def test_what_is_requested_is_read_and_no_other_issue(
    synced: Syncs, happen: Callable[[World, list[Issue]], object]
) -> None:
    space = synced.sim.space
    issues = [issue for issue in space.project("OPS").issues.values() if issue.comments][:3]
    happen(space, issues)
    asked(synced)
    run = load(synced, "targeted")
    assert asked(synced) == {issue.id for issue in issues}
    for issue in issues:
        row = synced.row("issues", issue.id)
        assert (row["summary"], row["priority_id"], int(row["updated_at"].timestamp())) == (
            issue.summary, issue.priority_id, issue.updated,
        )  # fmt: skip
        assert len(row["payload"]["sharedFiles"]) == len(issue.shared_files)
        assert stored_comments(synced, issue) == {comment.id for comment in issue.comments}
        for comment in issue.comments:
            assert len(synced.row("comments", comment.id)["payload"]["notifications"]) == len(
                comment.notices
            )
    assert run.counts("comments").get("deleted", 0) == 0
    load(synced, "targeted")
    assert asked(synced) == set(), "requested once, read once"


def test_issues_that_are_made_are_loaded_with_their_history(synced: Syncs) -> None:
    one = synced.space.create_issue("WEB", notify=list(synced.space.users)[:1])
    synced.space.comment(one, "first words")
    many = synced.space.import_issues("APP", 150)
    asked(synced)
    load(synced, "targeted")
    assert {one.id, *(issue.id for issue in many)} <= synced.stored_issues().keys()
    assert stored_comments(synced, one) == {comment.id for comment in one.comments}
    assert [len(ids) for ids in asked_by_id(synced)] == [100, 51]
    assert asked(synced) == {one.id, *(issue.id for issue in many)}


def test_a_deleted_status_is_read_where_it_was_replaced(synced: Syncs) -> None:
    space, [issue, *_] = synced.sim.space, three(synced)
    mine = space.add_status("OPS", "Checking").id
    space.edit_issue(issue, status_id=mine)
    load(synced, "targeted")
    asked(synced)
    space.delete_status("OPS", mine, 1)
    load(synced, "targeted")
    assert synced.row("issues", issue.id)["status_id"] == 1
    assert asked(synced) == {issue.id}


def test_what_concerns_no_issue_is_read_for_nothing(synced: Syncs) -> None:
    synced.space.add_version("OPS", "Q9")
    synced.space.add_member(
        "OPS",
        next(
            user
            for user in synced.space.users
            if not synced.space.is_member(synced.space.project("OPS"), user)
        ),
    )
    synced.sim.requests.clear()
    load(synced, "targeted")
    assert synced.sim.requests.count(route="/issues") == 0
    assert asked(synced) == set()


def test_a_project_that_another_load_works_on_is_left_to_the_next_run(synced: Syncs) -> None:
    [here, *_], there = three(synced), next(iter(synced.space.project("WEB").issues.values()))
    for issue in (here, there):
        synced.space.edit_issue(issue, summary="changed")
    with Locks(synced.engine, "acme") as held:
        for table in ("issues", "comments"):
            held.acquire(f"{table}/{here.project_id}")
        load(synced, "targeted")
    assert synced.row("issues", there.id)["summary"] == "changed"
    assert synced.row("issues", here.id)["summary"] != "changed"
    load(synced, "targeted")
    assert synced.row("issues", here.id)["summary"] == "changed"
    assert stored_comments(synced, here) == {comment.id for comment in here.comments}


def test_an_issue_that_vanishes_during_a_read_is_marked_by_the_next_run(synced: Syncs) -> None:
    [issue, *_] = three(synced)
    synced.space.comment(issue, "last words")
    synced.sim.faults.add(Fault(status=404, path=rf"/issues/{issue.id}/comments", times=1))
    load(synced, "targeted")
    synced.space.delete_issue(issue)
    load(synced, "targeted")
    assert issue.id in {found for found, _, _ in synced.deletions("issues")}


def test_an_issue_of_an_inaccessible_project_is_not_asked_for(synced: Syncs) -> None:
    space, [issue, *_] = synced.sim.space, three(synced)
    request(synced, issue, issue.project_id)
    leave(synced, "OPS", space.administrator.id)
    synced.sim.requests.clear()
    load(synced, "targeted")
    assert (asked_by_id(synced), refetch_requests(synced)) == ([], {})
    assert synced.row("issues", issue.id)["deleted_at"] is None


def test_an_issue_of_which_nobody_said_the_project_is_asked_for_in_all_of_them(
    synced: Syncs,
) -> None:
    space, [issue, *_] = synced.sim.space, three(synced)
    synced.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    space.edit_issue(issue, summary="changed")
    request(synced, issue, 0)
    synced.sim.requests.clear()
    load(synced, "targeted")
    assert (asked_by_id(synced), refetch_requests(synced)) == ([{issue.id}], {})
    assert synced.row("issues", issue.id)["summary"] == "changed"

"""Single issues that the feed tells of, by every type of activity: what is read for it, and that nothing else is."""

from collections.abc import Callable

import pytest

from resources.warehouse.locks import Locks
from simulator import Fault, World
from simulator.model import Issue
from tests.deployment import Deployment, Run, counts, failures, observed, recorded

COMMENTS = "/issues/{issue}/comments"


def load(deployment: Deployment) -> Run:
    run = deployment.run_issues(mode="targeted")
    assert run.success, failures(run)
    return run


def asked(deployment: Deployment) -> set[int]:
    """Return the issues whose comments were asked for since the last look, each once."""
    found = [int(one.path.split("/")[2]) for one in deployment.sim.requests.recent() if one.route == COMMENTS]
    assert len(found) == len(set(found))
    deployment.sim.requests.clear()
    return set(found)


def three(deployment: Deployment) -> list[Issue]:
    """Return three issues of one project."""
    return list(deployment.sim.space.project("OPS").issues.values())[:3]


def stored_comments(deployment: Deployment, issue: Issue) -> set[int]:
    return {row["id"] for row in deployment.rows("comments") if row["issue_id"] == issue.id}


def bulk(space: World, issues: list[Issue]) -> None:
    space.bulk_edit(issues, priority_id=2, comment="all at once")


@pytest.mark.parametrize(
    "happen",
    [
        lambda space, issues: [space.edit_issue(issue, summary="2") for issue in issues],
        lambda space, issues: [space.comment(issue, "3") for issue in issues],
        lambda space, issues: [space.notify(issue.comments[0], list(space.users)[:1]) for issue in issues],
        bulk,
        lambda space, issues: [space.link_file(issue) for issue in issues],
        lambda space, issues: [space.attach(issue, "a.txt") for issue in issues],
    ],
    ids=["updated", "commented", "notified", "bulk", "linked", "attached"],
)
def test_what_is_told_is_read_and_no_other_issue(loaded: Deployment, happen: Callable[[World, list[Issue]], object]) -> None:
    space = loaded.sim.space
    issues = [issue for issue in space.project("OPS").issues.values() if issue.comments][:3]
    happen(space, issues)
    asked(loaded)
    run = load(loaded)
    assert asked(loaded) == {issue.id for issue in issues}
    for issue in issues:
        row = loaded.row("issues", issue.id)
        assert (row["summary"], row["priority_id"], int(row["updated_at"].timestamp())) == (
            issue.summary, issue.priority_id, issue.updated,
        )  # fmt: skip
        assert len(row["payload"]["sharedFiles"]) == len(issue.shared_files)
        assert stored_comments(loaded, issue) == {comment.id for comment in issue.comments}
        for comment in issue.comments:
            assert len(loaded.row("comments", comment.id)["payload"]["notifications"]) == len(comment.notices)
    assert counts(observed(run, "comments")).get("deleted", 0) == 0
    load(loaded)
    assert asked(loaded) == set(), "told once, read once"


@pytest.mark.parametrize("kind", [35, 99])
def test_a_type_of_which_no_shape_is_documented_is_read_by_the_issues_that_it_links(loaded: Deployment, kind: int) -> None:
    space, issues = loaded.sim.space, three(loaded)
    for issue in issues:
        issue.due_date = "2026-09-09"
    links = tuple((issue.id, issue.key_id, issue.summary, None) for issue in issues)
    odd = space.record(47, space.project("OPS"), space.administrator.id, int(space.clock.now()), links)
    loaded.sim.rewrite_response(
        lambda request, body: (
            [{**row, "type": kind} if row["id"] == odd.id else row for row in body]
            if request.route == "/space/activities"
            else body
        )
    )
    load(loaded)
    assert {str(loaded.row("issues", issue.id)["due_date"]) for issue in issues} == {"2026-09-09"}
    assert asked(loaded) == {issue.id for issue in issues}


def test_issues_that_are_made_are_loaded_with_their_history_one_by_one_or_many_at_once(loaded: Deployment) -> None:
    space = loaded.sim.space
    one = space.create_issue("WEB", notify=list(space.users)[:1])
    space.comment(one, "first words")
    many = space.import_issues("APP", 150)
    asked(loaded)
    load(loaded)
    assert {one.id, *(issue.id for issue in many)} <= loaded.stored_issues().keys()
    assert stored_comments(loaded, one) == {comment.id for comment in one.comments}
    assert asked(loaded) == {one.id, *(issue.id for issue in many)}


def test_issues_that_are_gone_are_marked_with_the_activity_as_the_evidence(loaded: Deployment) -> None:
    [gone, *_] = three(loaded)
    loaded.sim.space.delete_issue(gone)
    load(loaded)
    activity = loaded.sim.space.activities[-1].id
    assert loaded.deletions("issues") == {
        (gone.id, "deleted", f"activity feed: activity {activity}; confirmed by GET /issues?id[]")
    }
    assert stored_comments(loaded, gone) == set()


def test_a_deleted_status_is_read_where_it_was_replaced(loaded: Deployment) -> None:
    space, [issue, *_] = loaded.sim.space, three(loaded)
    mine = space.add_status("OPS", "Checking").id
    space.edit_issue(issue, status_id=mine)
    load(loaded)
    asked(loaded)
    space.delete_status("OPS", mine, 1)
    load(loaded)
    assert loaded.row("issues", issue.id)["status_id"] == 1
    assert asked(loaded) == {issue.id}


def test_what_concerns_no_issue_is_read_for_nothing(loaded: Deployment) -> None:
    space = loaded.sim.space
    space.add_version("OPS", "Q9")
    space.add_member("OPS", next(user for user in space.users if not space.is_member(space.project("OPS"), user)))
    asked(loaded)
    before = loaded.sim.requests.count(route="/issues")
    load(loaded)
    assert (asked(loaded), loaded.sim.requests.count(route="/issues") - before) == (set(), 0)


def test_a_project_that_another_load_works_on_is_left_to_the_next_run(loaded: Deployment) -> None:
    [here, *_], there = three(loaded), next(iter(loaded.sim.space.project("WEB").issues.values()))
    for issue in (here, there):
        loaded.sim.space.edit_issue(issue, summary="changed")
    with Locks(loaded.engine, "acme") as held:
        for table in ("issues", "comments"):
            held.acquire(f"{table}/{here.project_id}")
        load(loaded)
    assert loaded.row("issues", there.id)["summary"] == "changed"
    assert loaded.row("issues", here.id)["summary"] != "changed"
    load(loaded)
    assert loaded.row("issues", here.id)["summary"] == "changed"
    assert stored_comments(loaded, here) == {comment.id for comment in here.comments}


def test_a_run_records_the_partitions_that_it_met_and_what_it_did(loaded: Deployment) -> None:
    [issue, *_] = three(loaded)
    loaded.sim.space.edit_issue(issue, summary="changed")
    run = load(loaded)
    for table in ("issues", "comments", "issue_changes"):
        [(key, found)] = recorded(run, table).items()
        assert key.startswith("OPS|")
        assert counts(found)["read"] == 1


def test_an_issue_that_vanishes_before_its_comments_are_read_is_marked_by_the_next_run(loaded: Deployment) -> None:
    [issue, *_] = three(loaded)
    loaded.sim.space.comment(issue, "last words")
    loaded.sim.faults.add(Fault(status=404, path=rf"/issues/{issue.id}/comments", times=1))
    load(loaded)
    loaded.sim.space.delete_issue(issue)
    load(loaded)
    assert issue.id in {found for found, _, _ in loaded.deletions("issues")}

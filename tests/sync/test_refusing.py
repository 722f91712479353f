"""A listed project whose issues are refused: it is named, requests by id ask the others, and what
it may have is neither settled nor marked until it answers again.
"""

from collections.abc import Callable

import pytest

from simulator import Fault
from simulator.model import Issue
from sync.by_id import IssuesById
from tests.sync.trouble import ESTIMATE_OF_NO_NUMBER, asked_by_id, refuse, spoil
from tests.syncs import Syncs, failures, load, refetch_requests

REFUSALS = [Fault(status=status, path="/issues") for status in (403, 404, 500)]
Way = Callable[[Syncs, list[Issue]], None]


def targeted(syncs: Syncs, issues: list[Issue]) -> None:
    """Let the feed tell of issues."""
    for issue in issues:
        syncs.space.edit_issue(issue, summary="changed")


def refreshed(syncs: Syncs, issues: list[Issue]) -> None:
    """Change what moves no `updated`, of issues whose turn it is."""
    syncs.change("UPDATE ops.issue_sync_state SET refreshed_at = now()")
    for issue in issues:
        syncs.space.link_file(issue)
        syncs.change(
            "UPDATE ops.issue_sync_state SET refreshed_at = '2020-01-01' "
            f"WHERE issue_id = {issue.id}"
        )


def quarantined(syncs: Syncs, issues: list[Issue]) -> None:
    """Let issues be in quarantine that are good by now."""
    for issue in issues:
        syncs.space.edit_issue(issue, summary="changed")
    heal = spoil(syncs, {issue.id: ESTIMATE_OF_NO_NUMBER for issue in issues})
    load(syncs)
    heal()


def deleted(syncs: Syncs, issues: list[Issue]) -> None:
    """Delete issues."""
    for issue in issues:
        syncs.space.delete_issue(issue)


def current(syncs: Syncs, issue: Issue) -> bool:
    """Say whether an issue is stored as the source has it, or marked where the source lacks it."""
    row = syncs.row("issues", issue.id)
    if issue.id not in syncs.space.issues:
        return row["deleted_at"] is not None
    return (row["summary"], len(row["payload"]["sharedFiles"])) == (
        issue.summary,
        len(issue.shared_files),
    )


@pytest.mark.parametrize("fault", REFUSALS, ids=lambda fault: str(fault.status))
@pytest.mark.parametrize(
    ("happen", "mode"),
    [
        (targeted, "targeted"),
        (refreshed, "refresh"),
        (quarantined, "incremental"),
        (deleted, "incremental"),
        (deleted, "targeted"),
    ],
)
def test_a_project_that_refuses_is_named_and_the_others_are_read_by_id(
    synced: Syncs, happen: Way, mode: str, fault: Fault
) -> None:
    here, there = (next(iter(synced.space.project(key).issues.values())) for key in ("OPS", "WEB"))
    happen(synced, [here, there])
    answer_again = refuse(synced, "WEB", fault)
    run = synced.run(mode=mode)  # type: ignore[arg-type]
    [line] = failures(run)
    assert line.startswith(f"issues: WEB: GET /issues: {fault.status}")
    assert current(synced, here)
    if happen is not deleted:
        assert not current(synced, there)
    [state] = synced.query(
        f"SELECT last_error FROM ops.sync_state WHERE scope = 'issues' "
        f"AND project_id = {there.project_id}"
    )
    assert state["last_error"].startswith(f"GET /issues: {fault.status}")
    if happen is targeted:
        assert set(refetch_requests(synced)) == {there.id}
    answer_again()
    load(synced, "targeted")
    load(synced)
    assert current(synced, there)
    assert refetch_requests(synced) == {}
    assert synced.compare().status == "equal"


@pytest.mark.parametrize("mode", ["targeted", "backfill"])
def test_an_issue_that_may_be_in_a_project_that_refuses_is_not_marked_deleted(
    synced: Syncs, mode: str
) -> None:
    moved, gone = list(synced.space.project("OPS").issues.values())[:2]
    synced.space.move_issue(moved, "WEB")
    synced.space.delete_issue(gone)
    answer_again = refuse(synced, "WEB", REFUSALS[0])
    run = synced.run("OPS", mode=mode)  # type: ignore[arg-type]
    assert len(failures(run)) == 1
    assert {issue for issue, _, _ in synced.deletions("issues")} == {gone.id}, "as the feed says"
    answer_again()
    load(synced)
    assert synced.row("issues", moved.id)["project_id"] == synced.space.project("WEB").id
    assert synced.compare().status == "equal"


def test_what_no_feed_tells_of_is_marked_once_all_projects_answer(synced: Syncs) -> None:
    gone = next(iter(synced.space.project("OPS").issues.values()))
    synced.space.delete_issue(gone)
    synced.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    answer_again = refuse(synced, "WEB", REFUSALS[0])
    synced.issues("OPS")
    assert not synced.deletions("issues")
    answer_again()
    synced.issues(mode="incremental")
    assert {issue for issue, _, _ in synced.deletions("issues")} == {gone.id}


def test_a_refusal_costs_few_requests_and_none_once_the_project_answers(
    synced: Syncs,
) -> None:
    answer_again = refuse(synced, "WEB", REFUSALS[0])
    targeted(synced, list(synced.space.project("OPS").issues.values())[:1])
    synced.sim.requests.clear()
    synced.run(mode="targeted")
    assert synced.sim.requests.by_route()["/issues"] <= 2 + 4
    assert len(asked_by_id(synced)) == 2
    answer_again()
    targeted(synced, list(synced.space.project("OPS").issues.values())[1:2])
    synced.sim.requests.clear()
    load(synced, "targeted")
    assert synced.sim.requests.by_route()["/issues"] == 1


@pytest.mark.parametrize("times", [None, 1])
def test_a_refusal_that_is_no_projects_is_raised_after_a_few_requests(
    synced: Syncs, times: int | None
) -> None:
    targeted(synced, list(synced.space.project("OPS").issues.values())[:1])
    synced.sim.faults.add(Fault(status=400, path="/issues", times=times))
    synced.sim.requests.clear()
    run = synced.run(mode="targeted")
    assert [line.split(",")[0] for line in failures(run)] == ["issues: GET /issues: 400"]
    assert synced.sim.requests.by_route()["/issues"] <= 1 + 8
    assert refetch_requests(synced)


def test_many_projects_are_asked_in_halves(synced: Syncs) -> None:
    for number in range(60):
        synced.space.add_project(f"P{number}", "another")
    projects = sorted(synced.space.projects)
    refusing = [projects[7], projects[50]]
    for project in refusing:
        refuse(synced, synced.space.projects[project].key, REFUSALS[0])
    wanted = next(iter(synced.space.project("OPS").issues))
    synced.sim.requests.clear()
    with synced.client() as client:
        asked = IssuesById(client, [wanted], projects)
        assert {one["id"] for page in asked.pages() for one in page} == {wanted}
    assert sorted(asked.refused) == refusing
    assert synced.sim.requests.by_route()["/issues"] <= 30

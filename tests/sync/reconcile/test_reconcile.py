"""What "equal" means while people work: changes since the read are told apart from what was missed."""

from collections.abc import Callable
from typing import Any

import pytest

from resources.backlog.client import BacklogClient
from simulator import RequestInfo, World
from sync.reconcile.count_reconciliation import MOST_COUNTS, ProjectCount, count_projects
from sync.reconcile.reconcile import reconcile
from tests.deployment import Deployment, checks, failures
from tests.sync.reconcile.verifying import deep, told, verify

LOST = "DELETE FROM raw.issues WHERE id = (SELECT max(id) FROM raw.issues WHERE issue_key LIKE 'OPS-%' AND id < {below})"


def ids(world: World, key: str) -> list[int]:
    return sorted(world.project(key).issues)


def delete(world: World) -> None:
    world.delete_issue(ids(world, "OPS")[0])


def create(world: World) -> None:
    world.create_issue("OPS", summary="new")


def bulk_import(world: World) -> None:
    world.import_issues("OPS", 3)


def move_away(world: World) -> None:
    world.move_issue(next(one for one in ids(world, "OPS") if world.issues[one].parent_id is None), "WEB")


def move_here(world: World) -> None:
    elsewhere = [one for key in ("APP", "WEB") for one in ids(world, key) if world.issues[one].parent_id is None]
    world.move_issue(elsewhere[0], "OPS")


def create_and_delete(world: World) -> None:
    world.delete_issue(world.create_issue("OPS", summary="a moment"))


def swap(world: World) -> None:
    """Leave WEB as many issues as it had, so that only OPS differs."""
    move_away(world)
    world.delete_issue(ids(world, "WEB")[0])


#: A number cannot tell an issue that moves away unseen, at that very moment, from one that was lost; rows can (`verify/`).
MOVES = [move_away, swap]
LIFE = [delete, create, bulk_import, move_here, create_and_delete]


def every(deployment: Deployment, requests: int, happens: Callable[[World], None]) -> None:
    """Let something happen before every so many-th request."""
    asked = 0

    def meanwhile(_request: RequestInfo) -> None:
        nonlocal asked
        asked += 1
        if asked % requests == 0:
            happens(deployment.sim.space)

    deployment.sim.before_request(meanwhile)


def count(deployment: Deployment) -> dict[str, ProjectCount]:
    """Count all projects, as every comparison of numbers does."""
    deployment.sim.requests.clear()
    with BacklogClient(deployment.sim.url, deployment.backlog.auth) as client:
        return {one.project: one for one in count_projects(client, deployment.engine, "acme")}


def told_apart(deployment: Deployment) -> dict[str, tuple[int, bool]]:
    """Return what nothing explains in each project, and whether that is known for sure."""
    return {key: (one.difference, one.conclusive) for key, one in count(deployment).items()}


def spoil(deployment: Deployment, *issues: int) -> None:
    """Let the source give some issues in a form that the warehouse refuses."""

    def spoilt(request: RequestInfo, body: Any) -> Any:
        if request.route != "/issues":
            return body
        return [{**one, "estimatedHours": "many"} if one["id"] in issues else one for one in body]

    deployment.sim.rewrite_response(spoilt)


@pytest.mark.parametrize("happens", [*LIFE, *MOVES], ids=lambda one: one.__name__)
def test_what_happens_before_every_fourth_request_is_no_difference_and_hides_none(
    loaded: Deployment, happens: Callable[[World], None]
) -> None:
    loaded.sim.clock.advance(7_200)
    happens(loaded.sim.space)
    every(loaded, 4, happens)
    assert told_apart(loaded) == {"OPS": (0, True), "WEB": (0, True), "APP": (0, True)}
    if happens in MOVES:
        return
    lost = [one for one in ids(loaded.sim.space, "OPS") if one in loaded.stored_issues()][-1]
    loaded.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    assert told_apart(loaded) == {"OPS": (-1, True), "WEB": (0, True), "APP": (0, True)}
    for made_up in (77, 78):
        loaded.change(
            f"INSERT INTO raw.issues SELECT (jsonb_populate_record(i, '{{\"id\": {made_up}}}')).* FROM raw.issues i "
            "WHERE issue_key LIKE 'OPS-%' AND deleted_at IS NULL LIMIT 1"
        )
    assert told_apart(loaded) == {"OPS": (1, True), "WEB": (0, True), "APP": (0, True)}


def test_a_space_that_changes_before_every_request_is_said_to_change_too_fast(loaded: Deployment) -> None:
    every(loaded, 1, create_and_delete)
    delete(loaded.sim.space)
    run = loaded.run("count_reconciliation")
    assert checks(run)["issue_counts_match_source"] is False
    verified = verify(loaded, projects=("OPS",))
    assert verified.as_json()["errors"] == ["OPS: it changes too fast to be compared; try again when it is quieter"]
    assert (verified.found.status, verified.found.failed()) == ("behind", True)
    assert loaded.sim.requests.count() < 4 * MOST_COUNTS


def test_a_source_that_stands_still_is_asked_no_more_than_before_where_numbers_differ(loaded: Deployment) -> None:
    create(loaded.sim.space)
    loaded.sim.clock.advance(7_200)
    assert count(loaded)["OPS"].happened["created"] == 1
    assert loaded.sim.requests.by_route() == {
        "/projects": 1, "/issues/count": 3, "/issues": 1, "/projects/{project}/activities": 1,
    }  # fmt: skip


def test_an_issue_in_quarantine_is_no_difference_of_numbers_or_rows_and_hides_none(loaded: Deployment) -> None:
    space = loaded.sim.space
    stays, moves, *_ = (issue for issue in ids(space, "OPS") if space.issues[issue].parent_id is None)
    new = space.create_issue("OPS", summary="refused from the start").id
    spoil(loaded, stays, moves, new)
    loaded.sim.clock.advance(7_200)
    for issue in (stays, moves):
        space.edit_issue(issue, summary="refused now")
    space.move_issue(moves, "WEB")
    loaded.sim.clock.advance(7_200)
    for _ in range(2):
        run = loaded.run_issues(mode="incremental")
        assert run.success, failures(run)
    assert loaded.sim.requests.count(route="/issues/count") < 8  # nothing was read again whole
    found = count(loaded)
    assert {key: (one.difference, one.quarantined) for key, one in found.items()} == {"OPS": (0, 3), "WEB": (0, 1), "APP": (0, 0)}
    assert checks(loaded.run("count_reconciliation"))["issue_counts_match_source"]
    for compared in (verify(loaded), deep(loaded)):
        assert (compared.found.status, compared.found.failed()) == ("equal", False)
        assert next(one.as_json()["quarantined"] for one in compared.found.projects) >= 2
    assert {kind for table, kind in told(compared) if table == "issues"} == {"in quarantine"}
    loaded.change(f"DELETE FROM raw.issues WHERE id = {ids(space, 'OPS')[20]}")
    assert count(loaded)["OPS"].difference == -1
    assert ("issues", "missing in warehouse") in told(deep(loaded))


def test_one_reconciliation_tells_the_four_outcomes_apart(loaded: Deployment) -> None:
    space = loaded.sim.space
    refused, edited, lost, *_ = (issue for issue in ids(space, "OPS") if space.issues[issue].parent_id is None)
    spoil(loaded, refused)
    loaded.sim.clock.advance(7_200)
    space.edit_issue(refused, summary="refused now")
    loaded.sim.clock.advance(7_200)
    assert loaded.run_issues(mode="incremental").success
    loaded.sim.clock.advance(7_200)
    space.edit_issue(edited, summary="edited since the load")
    loaded.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    with BacklogClient(loaded.sim.url, loaded.backlog.auth) as client:
        rows = reconcile(client, loaded.engine, level="rows", comments=False, progress=loaded.progress)
        counts = reconcile(client, loaded.engine, level="count")
    outcomes = {one.ids[0]: one.outcome for one in rows.differences if one.table == "issues"}
    assert outcomes == {refused: "quarantined", edited: "behind", lost: "different"}
    assert [(one.key, one.status, one.differences, one.behind, one.quarantined) for one in rows.projects] == [
        ("OPS", "different", 1, 1, 1),
        ("WEB", "equal", 0, 0, 0),
        ("APP", "equal", 0, 0, 0),
    ]
    # A number does not see what was edited.
    ops = counts.projects[0]
    assert (ops.status, ops.differences, ops.behind, ops.quarantined) == ("different", 1, 0, 1)
    assert (rows.failed(), counts.failed()) == (True, True)

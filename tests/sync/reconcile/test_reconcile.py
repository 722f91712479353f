"""What "equal" means while people work: changes since the read are distinguished from what was
missed.
"""

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.cli.verify_command import verify_exit_code
from simulator import RequestInfo, World
from sync.numbers import MOST_COUNTS, ProjectCount
from sync.reconcile.count_reconciliation import count_projects
from tests.sync.reconcile.looking import reported
from tests.syncs import Syncs, load

LOST = (
    "DELETE FROM raw.issues WHERE id = (SELECT max(id) FROM raw.issues WHERE issue_key LIKE "
    "'OPS-%' AND id < {below})"
)


def ids(world: World, key: str) -> list[int]:
    return sorted(world.project(key).issues)


def delete(world: World) -> None:
    world.delete_issue(ids(world, "OPS")[0])


def create(world: World) -> None:
    world.create_issue("OPS", summary="new")


def bulk_import(world: World) -> None:
    world.import_issues("OPS", 3)


def move_away(world: World) -> None:
    world.move_issue(
        next(one for one in ids(world, "OPS") if world.issues[one].parent_id is None), "WEB"
    )


def move_here(world: World) -> None:
    elsewhere = [
        one
        for key in ("APP", "WEB")
        for one in ids(world, key)
        if world.issues[one].parent_id is None
    ]
    world.move_issue(elsewhere[0], "OPS")


def create_and_delete(world: World) -> None:
    world.delete_issue(world.create_issue("OPS", summary="a moment"))


def swap(world: World) -> None:
    """Leave WEB as many issues as it had, so that only OPS differs."""
    there = ids(world, "WEB")
    move_away(world)
    world.delete_issue(there[0])


#: A number cannot tell an issue that moves away unseen, at that very moment, from one that was
#: lost; rows can (`verify/`).
MOVES = [move_away, swap]
LIFE = [delete, create, bulk_import, move_here, create_and_delete]


def every(syncs: Syncs, requests: int, happens: Callable[[World], None]) -> None:
    """Let something happen before every so many-th request."""
    asked = 0

    def meanwhile(_request: RequestInfo) -> None:
        nonlocal asked
        asked += 1
        if asked % requests == 0:
            happens(syncs.sim.space)

    syncs.sim.before_request(meanwhile)


def count(syncs: Syncs) -> dict[str, ProjectCount]:
    """Count all projects, as every comparison of numbers does."""
    syncs.sim.requests.clear()
    with syncs.client() as client:
        return {one.project: one for one in count_projects(client, syncs.engine, "acme")}


def told_apart(syncs: Syncs) -> dict[str, tuple[int, bool]]:
    """Return what nothing explains in each project, and whether that is known for sure."""
    return {key: (one.difference, one.conclusive) for key, one in count(syncs).items()}


def spoil(syncs: Syncs, *issues: int) -> None:
    """Let the source give some issues in a form that the warehouse refuses."""

    def spoilt(request: RequestInfo, body: Any) -> Any:
        if request.route != "/issues":
            return body
        return [{**one, "estimatedHours": "many"} if one["id"] in issues else one for one in body]

    syncs.sim.rewrite_response(spoilt)


@pytest.mark.parametrize("happens", [*LIFE, *MOVES], ids=lambda one: one.__name__)
def test_what_happens_before_every_fourth_request_is_no_difference_and_hides_none(
    synced: Syncs, happens: Callable[[World], None]
) -> None:
    synced.sim.clock.advance(7_200)
    happens(synced.sim.space)
    every(synced, 4, happens)
    assert told_apart(synced) == {"OPS": (0, True), "WEB": (0, True), "APP": (0, True)}
    if happens in MOVES:
        return
    lost = [one for one in ids(synced.sim.space, "OPS") if one in synced.stored_issues()][-1]
    synced.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    assert told_apart(synced) == {"OPS": (-1, True), "WEB": (0, True), "APP": (0, True)}
    for made_up in (77, 78):
        synced.change(
            f'INSERT INTO raw.issues SELECT (jsonb_populate_record(i, \'{{"id": '
            f"{made_up}}}')).* FROM raw.issues i "
            "WHERE issue_key LIKE 'OPS-%' AND deleted_at IS NULL LIMIT 1"
        )
    assert told_apart(synced) == {"OPS": (1, True), "WEB": (0, True), "APP": (0, True)}


def test_a_space_that_changes_before_every_request_is_said_to_change_too_fast(
    synced: Syncs,
) -> None:
    every(synced, 1, create_and_delete)
    delete(synced.sim.space)
    assert not any(one.conclusive for one in synced.compare("count").projects if one.key == "OPS")
    synced.sim.requests.clear()
    found = synced.compare("count", projects=["OPS"])
    assert found.errors == ["OPS: it changes too fast to be compared; try again when it is quieter"]
    assert (found.status, verify_exit_code(found)) == ("behind", 1)
    assert synced.sim.requests.count() < 4 * MOST_COUNTS


def test_a_source_that_stands_still_is_asked_no_more_where_numbers_differ(synced: Syncs) -> None:
    create(synced.sim.space)
    synced.sim.clock.advance(7_200)
    assert count(synced)["OPS"].happened["created"] == 1
    assert synced.sim.requests.by_route() == {
        "/projects": 1, "/issues/count": 3, "/issues": 1, "/projects/{project}/activities": 1,
    }  # fmt: skip


def test_an_issue_in_quarantine_is_no_difference_of_numbers_or_rows_and_hides_none(
    synced: Syncs,
) -> None:
    space = synced.sim.space
    stays, moves, *_ = (
        issue
        for issue in ids(space, "OPS")
        if space.issues[issue].parent_id is None
        and any(comment.changes for comment in space.issues[issue].comments)
    )
    new = space.create_issue("OPS", summary="refused from the start").id
    spoil(synced, stays, moves, new)
    synced.sim.clock.advance(7_200)
    for issue in (stays, moves):
        space.edit_issue(issue, summary="refused now")
    space.move_issue(moves, "WEB")
    synced.sim.clock.advance(7_200)
    for _ in range(2):
        load(synced)
    assert synced.sim.requests.count(route="/issues/count") < 8  # nothing was read again whole
    found = count(synced)
    assert {key: (one.difference, one.quarantined) for key, one in found.items()} == {
        "OPS": (0, 3),
        "WEB": (0, 1),
        "APP": (0, 0),
    }
    for compared in (synced.compare("count"), synced.compare()):
        assert (compared.status, verify_exit_code(compared)) == ("equal", 0)
        assert next(one.quarantined for one in compared.projects) >= 2
    assert (compared.projects[0].note, compared.projects[2].note) == (
        f"{compared.projects[0].quarantined} in quarantine",
        None,
    )
    assert {kind for table, kind in reported(compared) if table == "issues"} == {"in quarantine"}
    synced.change(f"DELETE FROM raw.issues WHERE id = {ids(space, 'OPS')[20]}")
    assert count(synced)["OPS"].difference == -1
    assert ("issues", "missing in warehouse") in reported(synced.compare())


def test_one_reconciliation_distinguishes_the_four_outcomes(synced: Syncs) -> None:
    space = synced.sim.space
    refused, edited, lost, *_ = (
        issue for issue in ids(space, "OPS") if space.issues[issue].parent_id is None
    )
    spoil(synced, refused)
    synced.sim.clock.advance(7_200)
    space.edit_issue(refused, summary="refused now")
    synced.sim.clock.advance(7_200)
    assert synced.run(mode="incremental").success
    synced.sim.clock.advance(7_200)
    space.edit_issue(edited, summary="edited since the load")
    synced.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    rows, counts = synced.compare(comments=False), synced.compare("count")
    outcomes = {one.ids[0]: one.outcome for one in rows.differences if one.table == "issues"}
    assert outcomes == {refused: "quarantined", edited: "behind", lost: "different"}
    assert [
        (one.key, one.status, one.differences, one.behind, one.quarantined) for one in rows.projects
    ] == [
        ("OPS", "different", 1, 1, 1),
        ("WEB", "equal", 0, 0, 0),
        ("APP", "equal", 0, 0, 0),
    ]
    # A number does not see what was edited.
    ops = counts.projects[0]
    assert (ops.status, ops.differences, ops.behind, ops.quarantined) == ("different", 1, 0, 1)
    assert (verify_exit_code(rows), verify_exit_code(counts)) == (1, 1)


def test_a_comment_that_is_lost_is_known_by_the_key_of_its_issue(synced: Syncs) -> None:
    [comment] = synced.query(
        "SELECT c.id, i.issue_key FROM raw.comments AS c JOIN raw.issues AS i ON (i.space_key, "
        "i.id) = (c.space_key, c.issue_id) "
        "ORDER BY c.id LIMIT 1"
    )
    synced.change(f"DELETE FROM raw.comments WHERE id = {comment['id']}")
    assert [(one.table, one.kind, one.label) for one in synced.compare().differences] == [
        ("comments", "missing in warehouse", comment["issue_key"])
    ]

"""`raw/comments` and `raw/issue_changes` while issues move, change and vanish between two requests
of the load that reads them.
"""

from collections.abc import Callable

import pytest

from simulator import RequestInfo
from tests.syncs import COMMENTS, FEED, Syncs, asked_for_comments, load


def once_before(syncs: Syncs, route: str, what: Callable[[], object], number: int = 1) -> None:
    """Do something before the first request of a route from now on is answered, or the one of
    another number.
    """
    left = [number]

    def before(request: RequestInfo) -> None:
        left[0] -= request.route == route
        if left[0] == 0 and request.route == route:
            what()

    syncs.sim.before_request(before)


def same_name(syncs: Syncs) -> tuple[int, int]:
    """Make a category of the same name in OPS and WEB; return their ids."""
    ops, web = (syncs.sim.space.add_category(key, "Same name").id for key in ("OPS", "WEB"))
    return ops, web


def named(syncs: Syncs) -> list[tuple[int, str, list[int] | None]]:
    """Return issue, project and ids of each change to that name."""
    keys = {project.id: project.key for project in syncs.sim.space.projects.values()}
    return [
        (row["issue_id"], keys[row["project_id"]], row["new_ids"])
        for row in syncs.rows("issue_changes")
        if row["new_value"] == "Same name"
    ]


def test_changes_follow_an_issue_that_moves_while_its_comments_are_read(synced: Syncs) -> None:
    space = synced.sim.space
    moving = next(
        issue
        for issue in space.project("OPS").issues.values()
        if any(row.changes for row in issue.comments)
    )
    space.move_issue(moving, "WEB")
    once_before(synced, COMMENTS, lambda: space.move_issue(moving, "APP"))
    for _ in range(2):
        load(synced)
    for table in ("comments", "issue_changes"):
        homes = {row["project_id"] for row in synced.rows(table) if row["issue_id"] == moving.id}
        assert homes == {space.project("APP").id}, table
    asked_for_comments(synced)
    load(synced)
    assert asked_for_comments(synced) == [], "moved once, not at every load"


def test_a_name_means_what_it_meant_in_the_project_that_the_issue_was_in(syncs: Syncs) -> None:
    space = syncs.sim.space
    ops, web = same_name(syncs)
    moved, stayed = sorted(space.project("OPS").issues)[:2]
    for issue in (moved, stayed):
        space.edit_issue(issue, category_ids=(ops,))
    space.move_issue(moved, "WEB")
    space.edit_issue(moved, category_ids=(web,))
    syncs.load()
    assert named(syncs) == [
        (moved, "WEB", [ops]),
        (stayed, "OPS", [ops]),
        (moved, "WEB", [web]),
    ]


@pytest.mark.parametrize("known_by", ["its activity", "nothing", "the bulk edit of an import"])
def test_a_name_of_a_bulk_edit_is_looked_up_where_the_issue_was_then(
    syncs: Syncs, known_by: str
) -> None:
    space = syncs.sim.space
    ops, _ = same_name(syncs)
    if known_by == "the bulk edit of an import":
        moved, stayed = (issue.id for issue in space.import_issues("OPS", 2))
    else:
        moved, stayed = sorted(space.project("OPS").issues)[:2]
        space.edit_issue(moved, summary="before")
    space.bulk_edit([moved, stayed], category_ids=(ops,))
    if known_by == "nothing":
        space.activities.pop()  # and the move comes within the same second
    else:
        syncs.sim.clock.advance(60)
    space.move_issue(moved, "WEB")
    syncs.load()
    assert named(syncs) == [
        (moved, "WEB", None if known_by == "nothing" else [ops]),
        (stayed, "OPS", [ops]),
    ]


def test_a_name_that_was_read_before_its_activity_means_what_the_activity_says(
    synced: Syncs,
) -> None:
    space = synced.sim.space
    ops, _ = same_name(synced)
    assert synced.listing().success

    def made_and_moved() -> None:
        made = space.create_issue("OPS")
        space.edit_issue(made, category_ids=(ops,))
        space.move_issue(made, "WEB")

    # The feed of this run knows nothing of the issue, the next one all.
    once_before(synced, "/issues", made_and_moved)
    for _ in range(2):
        load(synced)
    assert [found[1:] for found in named(synced)] == [("WEB", [ops])]


def test_a_name_keeps_what_it_meant_where_the_source_keeps_no_activities(syncs: Syncs) -> None:
    syncs.sim.switch(activity_retention_days=1)
    space = syncs.sim.space
    ops, _ = same_name(syncs)
    moved = min(space.project("OPS").issues)
    space.edit_issue(moved, category_ids=(ops,))
    syncs.sim.clock.advance(3 * 86_400)
    syncs.load()
    space.move_issue(moved, "WEB")
    for _ in range(2):
        load(syncs, "backfill")
        assert named(syncs) == [(moved, "WEB", [ops])]


@pytest.mark.parametrize("by", ["himself", "a known team", "a new team"])
def test_a_project_that_was_inaccessible_in_the_middle_of_a_read_is_read_again(
    syncs: Syncs, by: str
) -> None:
    space, owner = syncs.sim.space, syncs.sim.space.administrator.id
    ops, ours = space.project("OPS"), space.add_team("ours", [owner])
    if by == "a known team":
        assert syncs.listing("teams").success
    for team in list(ops.teams):
        space.remove_project_team("OPS", team)
    if owner not in ops.members:
        space.add_member("OPS", owner)
    load(syncs)
    edited = space.issue(min(ops.issues))
    space.edit_issue(edited, summary="not to be missed")
    missed = space.activities[-1].id
    # A page of news of another project, so that what is hidden is between two pages.
    for _ in range(150):
        space.comment(min(space.project("WEB").issues), "news")
    space.remove_member("OPS", owner)

    def back() -> None:
        if by == "himself":
            space.add_member("OPS", owner)
        else:
            space.add_project_team("OPS", ours.id)

    once_before(syncs, FEED, back, number=2)
    for _ in range(3):
        load(syncs)
    assert missed in syncs.ids("activities")
    assert syncs.row("issues", edited.id)["summary"] == "not to be missed"

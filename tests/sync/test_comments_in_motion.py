"""`raw/comments` and `raw/issue_changes` while issues move, change and vanish between two requests
of the load that reads them.
"""

from collections.abc import Callable

import pytest

from simulator import RequestInfo
from tests.syncs import Syncs


def once_before(syncs: Syncs, route: str, what: Callable[[], object]) -> None:
    """Do something before the first request of a route from now on is answered."""
    waiting = [what]

    def before(request: RequestInfo) -> None:
        if waiting and request.route == route:
            waiting.pop()()

    syncs.sim.before_request(before)


def test_changes_follow_an_issue_that_moves_while_its_comments_are_read(synced: Syncs) -> None:
    space = synced.sim.space
    moving = next(
        issue
        for issue in space.project("OPS").issues.values()
        if any(row.changes for row in issue.comments)
    )
    space.move_issue(moving, "WEB")
    once_before(synced, "/issues/{issue}/comments", lambda: space.move_issue(moving, "APP"))
    for _ in range(2):
        assert synced.run(mode="incremental").success
    home = space.project("APP").id
    for table in ("comments", "issue_changes"):
        assert {
            row["project_id"] for row in synced.rows(table) if row["issue_id"] == moving.id
        } == {home}, table


def test_a_name_means_what_it_meant_in_the_project_that_the_issue_was_in(syncs: Syncs) -> None:
    space = syncs.sim.space
    ops, web = (space.add_category(project, "Same name").id for project in ("OPS", "WEB"))
    moved, stayed = sorted(space.project("OPS").issues)[:2]
    for issue in (moved, stayed):
        space.edit_issue(issue, category_ids=(ops,))
    space.move_issue(moved, "WEB")
    space.edit_issue(moved, category_ids=(web,))
    syncs.load()
    rows = [row for row in syncs.rows("issue_changes") if row["new_value"] == "Same name"]
    assert [(row["issue_id"], row["new_ids"]) for row in rows] == [
        (moved, [ops]),
        (stayed, [ops]),
        (moved, [web]),
    ]


@pytest.mark.parametrize("in_feed", [True, False])
def test_a_name_of_a_bulk_edit_is_looked_up_where_the_issue_was_then(
    syncs: Syncs, in_feed: bool
) -> None:
    space = syncs.sim.space
    ops = space.add_category("OPS", "Same name").id
    space.add_category("WEB", "Same name")
    moved, stayed = sorted(space.project("OPS").issues)[:2]
    space.edit_issue(moved, summary="before")
    space.bulk_edit([moved, stayed], category_ids=(ops,))
    if not in_feed:
        space.activities.pop()
    space.move_issue(moved, "WEB")
    syncs.load()
    rows = [row for row in syncs.rows("issue_changes") if row["new_value"] == "Same name"]
    assert [(row["issue_id"], row["new_ids"]) for row in rows] == [
        (moved, [ops] if in_feed else None),
        (stayed, [ops]),
    ]


def test_a_bulk_edit_says_where_imported_issues_were_before_they_moved(syncs: Syncs) -> None:
    space = syncs.sim.space
    ops = space.add_category("OPS", "Same name").id
    space.add_category("WEB", "Same name")
    moved, stayed = space.import_issues("OPS", 2)
    space.bulk_edit([moved, stayed], category_ids=(ops,))
    syncs.sim.clock.advance(60)
    space.move_issue(moved, "WEB")
    syncs.load()
    rows = [row for row in syncs.rows("issue_changes") if row["new_value"] == "Same name"]
    assert [(row["issue_id"], row["new_ids"]) for row in rows] == [
        (moved.id, [ops]),
        (stayed.id, [ops]),
    ]


def test_a_name_that_was_read_before_its_activity_means_what_the_activity_says(
    synced: Syncs,
) -> None:
    space = synced.sim.space
    ops = space.add_category("OPS", "Same name").id
    space.add_category("WEB", "Same name")
    assert synced.listing().success

    def made_and_moved() -> None:
        made = space.create_issue("OPS")
        space.edit_issue(made, category_ids=(ops,))
        space.move_issue(made, "WEB")

    # The feed of this run knows nothing of the issue, the next one all.
    once_before(synced, "/issues", made_and_moved)
    for _ in range(2):
        assert synced.run(mode="incremental").success
    [row] = [row for row in synced.rows("issue_changes") if row["new_value"] == "Same name"]
    assert (row["project_id"], row["new_ids"]) == (space.project("WEB").id, [ops])


def test_a_name_keeps_what_it_meant_where_the_source_keeps_no_activities(syncs: Syncs) -> None:
    syncs.sim.switch(activity_retention_days=1)
    space = syncs.sim.space
    ops = space.add_category("OPS", "Same name").id
    space.add_category("WEB", "Same name")
    moved = min(space.project("OPS").issues)
    space.edit_issue(moved, category_ids=(ops,))
    syncs.sim.clock.advance(3 * 86_400)
    syncs.load()
    space.move_issue(moved, "WEB")
    for _ in range(2):
        assert syncs.run().success
        [row] = [row for row in syncs.rows("issue_changes") if row["new_value"] == "Same name"]
        assert (row["project_id"], row["new_ids"]) == (space.project("WEB").id, [ops])


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
    assert syncs.run(mode="incremental").success
    edited = space.issue(min(ops.issues))
    space.edit_issue(edited, summary="not to be missed")
    missed = space.activities[-1].id
    # A page of news of another project, so that what is hidden is between two pages.
    for _ in range(150):
        space.comment(min(space.project("WEB").issues), "news")
    space.remove_member("OPS", owner)
    asked: list[str] = []

    def back_after_the_second(request: RequestInfo) -> None:
        if request.route == "/space/activities":
            asked.append(request.route)
            if len(asked) == 2 and by == "himself":
                space.add_member("OPS", owner)
            elif len(asked) == 2:
                space.add_project_team("OPS", ours.id)

    syncs.sim.before_request(back_after_the_second)
    for _ in range(3):
        assert syncs.run(mode="incremental").success
    assert missed in {row["id"] for row in syncs.rows("activities")}
    assert syncs.row("issues", edited.id)["summary"] == "not to be missed"

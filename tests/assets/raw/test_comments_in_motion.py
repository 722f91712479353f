"""`raw/comments` and `raw/issue_changes` while issues move, change and vanish between two requests of the load that reads them."""

from collections.abc import Callable

from resources.simulator import RequestInfo, Switches
from tests.deployment import Deploy, Deployment


def once_before(deployment: Deployment, route: str, what: Callable[[], object]) -> None:
    """Do something before the first request of a route from now on is answered."""
    waiting = [what]

    def before(request: RequestInfo) -> None:
        if waiting and request.route == route:
            waiting.pop()()

    deployment.sim.before_request(before)


def test_changes_follow_an_issue_that_moves_while_its_comments_are_read(loaded: Deployment) -> None:
    space = loaded.sim.space
    moving = next(issue for issue in space.project("OPS").issues.values() if any(row.changes for row in issue.comments))
    space.move_issue(moving, "WEB")
    once_before(loaded, "/issues/{issue}/comments", lambda: space.move_issue(moving, "APP"))
    for _ in range(2):
        assert loaded.run_issues(mode="incremental").success
    home = space.project("APP").id
    for table in ("comments", "issue_changes"):
        assert {row["project_id"] for row in loaded.rows(table) if row["issue_id"] == moving.id} == {home}, table


def test_a_name_means_what_it_meant_in_the_project_that_the_issue_was_in(deploy: Deploy) -> None:
    deployment = deploy()
    space = deployment.sim.space
    ops, web = (space.add_category(project, "Same name").id for project in ("OPS", "WEB"))
    moved, stayed = sorted(space.project("OPS").issues)[:2]
    for issue in (moved, stayed):
        space.edit_issue(issue, category_ids=(ops,))
    space.move_issue(moved, "WEB")
    space.edit_issue(moved, category_ids=(web,))
    deployment.load()
    rows = [row for row in deployment.rows("issue_changes") if row["new_value"] == "Same name"]
    assert [(row["issue_id"], row["new_ids"]) for row in rows] == [(moved, [ops]), (stayed, [ops]), (moved, [web])]


def test_a_name_is_not_looked_up_where_the_feed_does_not_tell_in_which_project_the_issue_was(deploy: Deploy) -> None:
    deployment = deploy()
    space = deployment.sim.space
    ops = space.add_category("OPS", "Same name").id
    space.add_category("WEB", "Same name")
    moved, stayed = sorted(space.project("OPS").issues)[:2]
    space.edit_issue(moved, summary="before")
    # An activity of many issues names no single one.
    space.bulk_edit([moved, stayed], category_ids=(ops,))
    space.move_issue(moved, "WEB")
    deployment.load()
    rows = [row for row in deployment.rows("issue_changes") if row["new_value"] == "Same name"]
    assert [(row["issue_id"], row["new_ids"]) for row in rows] == [(moved, None), (stayed, [ops])]


def test_a_name_keeps_what_it_meant_before_its_issue_moved_though_the_source_keeps_no_old_activities(deploy: Deploy) -> None:
    deployment = deploy(switches=Switches(activity_retention_days=1))
    space = deployment.sim.space
    ops = space.add_category("OPS", "Same name").id
    space.add_category("WEB", "Same name")
    moved = min(space.project("OPS").issues)
    space.edit_issue(moved, category_ids=(ops,))
    deployment.sim.clock.advance(3 * 86_400)
    deployment.load()
    space.move_issue(moved, "WEB")
    for _ in range(2):
        assert deployment.run_issues().success
        [row] = [row for row in deployment.rows("issue_changes") if row["new_value"] == "Same name"]
        assert (row["project_id"], row["new_ids"]) == (space.project("WEB").id, [ops])

"""`raw/comments` and `raw/issue_changes` while issues move, change and vanish between two requests of the load that reads them."""

from collections.abc import Callable

from resources.simulator import RequestInfo
from tests.deployment import Deployment


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

"""The past as the marts tell it when names are given again or change, and when what they tell of is gone from the source.

Add here: something that may not change what was. Keep out: what the numbers mean (`test_marts.py`).
"""

from typing import Any

from tests.assets.marts.building import build
from tests.deployment import Deployment

NAMESAKE = "同姓 同名"


def rows(deployment: Deployment, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a statement."""
    return [dict(row) for row in deployment.query(sql)]


def last(deployment: Deployment, table: str, issue: int, order: str = "position") -> dict[str, Any]:
    """Return the last row of an issue in a mart."""
    [row] = rows(deployment, f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {order} DESC LIMIT 1")
    return row


def test_of_two_users_of_one_name_the_histories_tell_who_has_the_issue(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    space = deployment.sim.space
    _, other = (space.add_user(NAMESAKE).id for _ in range(2))
    space.add_member("OPS", other)
    issue = space.create_issue("OPS")
    space.edit_issue(issue, assignee_id=other)
    build(deployment.load())
    [change] = deployment.query(f"SELECT new_value, new_id FROM raw.issue_changes WHERE issue_id = {issue.id}")
    assert (change["new_value"], change["new_id"]) == (NAMESAKE, None)
    for row in (last(deployment, "issue_assignee_interval", issue.id), last(deployment, "issue_history", issue.id, "first_day")):
        assert (row["assignee"], row["assignee_id"]) == (NAMESAKE, other)

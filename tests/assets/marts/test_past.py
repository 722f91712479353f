"""The past as the marts tell it when names are given again or change, and when what they tell of is gone from the source.

Add here: something that may not change what was. Keep out: what the numbers mean (`test_marts.py`).
"""

from typing import Any

from tests.assets.marts.building import build, checks_of, contents, rows_of
from tests.deployment import Deployment

NAMESAKE = "同姓 同名"


def rows(deployment: Deployment, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a statement."""
    return [dict(row) for row in deployment.query(sql)]


def last(deployment: Deployment, table: str, issue: int, order: str = "position") -> dict[str, Any]:
    """Return the last row of an issue in a mart."""
    [row] = rows(deployment, f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {order} DESC LIMIT 1")
    return row


def assert_whole_build_gives_the_same(deployment: Deployment) -> None:
    """Expect the rows of builds issue by issue to be those of one that is whole."""
    by_issue = contents(deployment)
    build(deployment, whole=True)
    whole = contents(deployment)
    assert {table for table in whole if by_issue[table] != whole[table]} == set()


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


def test_a_renamed_status_has_the_stage_of_its_name_of_today_everywhere(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    space = deployment.sim.space
    stages = {}
    for name, stage in (("確認中", "review"), ("クローズ", "done")):
        status, issue = space.add_status("OPS", name), space.create_issue("OPS")
        space.edit_issue(issue, status_id=status.id)
        stages[issue.id, status.id] = stage
    build(deployment.load())
    assert {key: last(deployment, "issue_status_interval", key[0])["stage"] for key in stages} == stages
    for _, status_id in stages:
        space.rename_status("OPS", status_id, f"名前 {status_id}")
    assert deployment.run("projects").success
    run = build(deployment)
    assert checks_of(run)["days_are_of_issues_that_are_there"].passed
    for issue_id, status_id in stages:
        row = last(deployment, "issue", issue_id, "issue_id")
        assert (row["status"], row["stage"], row["done_at"]) == (f"名前 {status_id}", "active", None)
        interval = last(deployment, "issue_status_interval", issue_id)
        assert (interval["status_id"], interval["stage"], interval["is_inferred"]) == (status_id, "active", False)
        assert last(deployment, "issue_history", issue_id, "first_day")["stage"] == "active"
    unknown = {row["status"] for row in rows_of(checks_of(run)["statuses_have_a_stage"])}
    assert {f"名前 {status_id}" for _, status_id in stages} <= unknown
    assert not unknown & {"確認中", "クローズ"}
    assert_whole_build_gives_the_same(deployment)

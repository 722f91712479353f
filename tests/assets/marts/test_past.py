"""The past in the marts: names that change or are reused, and things that are gone from the
source.
"""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator.masters import CHECKBOX, RADIO, SINGLE
from tests.assets.marts.building import assert_whole_build_gives_the_same, build, checks_of, rows_of
from tests.assets.marts.worked import CLOSED, IN_PROGRESS, STEPS
from tests.deployment import Deployment

#: Each builds all marts several times.
pytestmark = pytest.mark.full

TOKYO = ZoneInfo("Asia/Tokyo")
NAMESAKE = "同姓 同名"
#: What a day says of itself; other columns say how the milestone goes on from the last day.
BURN = (
    "SELECT day, scope, done, scope_hours, done_hours, due_date FROM mart.milestone_burn WHERE "
    "milestone = '秋' ORDER BY day"
)


def rows(deployment: Deployment, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a statement."""
    return [dict(row) for row in deployment.query(sql)]


def last(deployment: Deployment, table: str, issue: int, order: str = "position") -> dict[str, Any]:
    """Return the last row of an issue in a mart."""
    [row] = rows(
        deployment,
        f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {order} DESC LIMIT 1",
    )
    return row


def test_histories_distinguish_two_users_with_the_same_name(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    space = deployment.sim.space
    _, other = (space.add_user(NAMESAKE).id for _ in range(2))
    space.add_member("OPS", other)
    issue = space.create_issue("OPS")
    space.edit_issue(issue, assignee_id=other)
    build(deployment.load())
    [change] = deployment.query(
        f"SELECT new_value, new_id FROM raw.issue_changes WHERE issue_id = {issue.id}"
    )
    assert (change["new_value"], change["new_id"]) == (NAMESAKE, None)
    for row in (
        last(deployment, "issue_assignee_interval", issue.id),
        last(deployment, "issue_history", issue.id, "first_day"),
    ):
        assert (row["assignee"], row["assignee_id"]) == (NAMESAKE, other)


def test_a_renamed_status_has_the_stage_of_its_name_of_today_everywhere(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    space = deployment.sim.space
    stages = {}
    for name, stage in (("確認中", "review"), ("クローズ", "done")):
        status, issue = space.add_status("OPS", name), space.create_issue("OPS")
        space.edit_issue(issue, status_id=status.id)
        stages[issue.id, status.id] = stage
    build(deployment.load())
    assert {
        key: last(deployment, "issue_status_interval", key[0])["stage"] for key in stages
    } == stages
    for _, status_id in stages:
        space.rename_status("OPS", status_id, f"名前 {status_id}")
    assert deployment.run("projects").success
    run = build(deployment)
    assert checks_of(run)["days_are_of_issues_that_are_there"].passed
    for issue_id, status_id in stages:
        row = last(deployment, "issue", issue_id, "issue_id")
        assert (row["status"], row["stage"], row["done_at"]) == (
            f"名前 {status_id}",
            "active",
            None,
        )
        interval = last(deployment, "issue_status_interval", issue_id)
        assert (interval["status_id"], interval["stage"], interval["is_inferred"]) == (
            status_id,
            "active",
            False,
        )
        assert last(deployment, "issue_history", issue_id, "first_day")["stage"] == "active"
    unknown = {row["status"] for row in rows_of(checks_of(run)["statuses_have_a_stage"])}
    assert {f"名前 {status_id}" for _, status_id in stages} <= unknown
    assert not unknown & {"確認中", "クローズ"}
    assert_whole_build_gives_the_same(deployment)


def test_the_days_before_an_issue_was_found_gone_stay_as_they_were(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    space = deployment.sim.space
    author, other = sorted(space.users)[:2]
    milestone = space.add_version("OPS", "秋", due="2026-07-31", at=STEPS["made"])
    issue = space.create_issue(
        "OPS", by=author, at=STEPS["made"], estimated_hours=8, actual_hours=1.5
    )
    started: dict[str, Any] = {
        "status_id": IN_PROGRESS,
        "assignee_id": other,
        "actual_hours": 3,
        "milestone_ids": [milestone.id],
    }
    space.edit_issue(issue, by=other, at=STEPS["started"], comment="始めます", **started)
    taken_back = space.edit_issue(
        issue, by=other, at=STEPS["reviewed"], comment="違いました", due_date="2026-07-10"
    )
    space.edit_issue(issue, by=other, at=STEPS["closed"], status_id=CLOSED, due_date="2026-07-31")
    assert taken_back
    deployment.load()
    space.delete_comment(taken_back)
    build(deployment.load())
    was = last(deployment, "issue", issue.id, "issue_id")
    assert (was["lead_seconds"], was["comment_count"], was["due_date_changes"]) == (129_600, 1, 1)
    days = f"SELECT * FROM mart.issue_history WHERE issue_id = {issue.id} ORDER BY first_day"
    ledger = (
        "SELECT position, kind, hours, user_id FROM mart.hours_ledger WHERE issue_id = "
        f"{issue.id} ORDER BY position"
    )
    before, burn, hours = (rows(deployment, sql) for sql in (days, BURN, ledger))
    assert [row["stage"] for row in before] == ["active", "done"]
    assert {row["done"] for row in burn} == {0, 1}
    space.delete_issue(issue)
    run = build(deployment.load())
    assert checks_of(run)["days_of_an_issue_do_not_overlap"].passed
    now = last(deployment, "issue", issue.id, "issue_id")
    assert now == {**was, "is_deleted": True, "deleted_at": now["deleted_at"]}
    last_day = now["deleted_at"].astimezone(TOKYO).date() - timedelta(days=1)
    assert rows(deployment, days) == [*before[:-1], {**before[-1], "last_day": last_day}]
    assert rows(deployment, BURN)[: len(burn)] == burn, (
        "it goes on until the day on which it lost the issue"
    )
    assert rows(deployment, ledger) == hours
    assert_whole_build_gives_the_same(deployment)


def test_a_renamed_item_has_its_name_of_today_in_issues_that_nobody_changed(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    space = deployment.sim.space
    fields = {one.kind: one.id for one in space.project("OPS").fields.values()}
    one_of, some_of, typed = fields[SINGLE], fields[CHECKBOX], fields[RADIO]
    issue = space.create_issue(
        "OPS", custom={one_of: ((1,), None), some_of: ((3, 1), None), typed: ((), "そのほか")}
    )
    deployment.load()
    read = deployment.row("issues", issue.id)["loaded_at"]
    for field, name in ((one_of, "最優先"), (some_of, "最優先の箱")):
        space.rename_item("OPS", field, 1, name)
    assert deployment.run("projects").success
    assert deployment.row("issues", issue.id)["loaded_at"] == read
    found = rows(
        deployment, f"SELECT * FROM staging.stg_issue_custom_field WHERE issue_id = {issue.id}"
    )
    assert {row["custom_field_id"]: (row["value"], row["other_value"]) for row in found} == {
        one_of: ("最優先", None),
        some_of: ("低 🐢, 最優先の箱", None),
        typed: (None, "そのほか"),
    }

"""The past in the marts: names that change or are reused, and things that are gone from the
source.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator.masters import CHECKBOX, RADIO, SINGLE
from simulator.model import Comment, Issue
from tests.assets.marts.building import build, checks_of, rows_of
from tests.assets.marts.worked import CLOSED, IN_PROGRESS, STEPS
from tests.deployment import Deployment, Run

#: Marts are built three times.
pytestmark = [pytest.mark.full, pytest.mark.usefixtures("equal_in_the_end")]

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


@dataclass(frozen=True)
class Past:
    """What was done in two steps, each with a build: issues, and what the marts said in between.

    `stages`: the stage of the last interval of issues, by issue and status, before the statuses
        were renamed. `gone`: an issue that was deleted then; `was`, `days`, `burn` and `hours`: it
        and its days, its milestone and its ledger before. `run`: the second build.
    """

    deployment: Deployment
    namesake: int
    assigned: int
    stages: dict[tuple[int, int], str]
    gone: int
    was: dict[str, Any]
    days: list[dict[str, Any]]
    burn: list[dict[str, Any]]
    hours: list[dict[str, Any]]
    run: Run


DAYS = "SELECT * FROM mart.issue_history WHERE issue_id = {} ORDER BY first_day"
LEDGER = (
    "SELECT position, kind, hours, user_id FROM mart.hours_ledger WHERE issue_id = {} "
    "ORDER BY position"
)


@pytest.fixture(scope="module")
def past(marts: Deployment) -> Past:
    """Build the marts of what people did, and again of what they renamed and deleted."""
    space = marts.sim.space
    _, namesake = (space.add_user(NAMESAKE).id for _ in range(2))
    space.add_member("OPS", namesake)
    assigned = space.create_issue("OPS").id
    space.edit_issue(assigned, assignee_id=namesake)
    renamed = []
    for name in ("確認中", "クローズ"):
        # Long ago, so that no load of changes reads it again.
        status, issue = space.add_status("OPS", name), space.create_issue("OPS", at=STEPS["made"])
        space.edit_issue(issue, at=STEPS["started"], status_id=status.id)
        renamed.append((issue.id, status.id))
    gone, taken_back = _finish_an_issue(marts)
    marts.load()
    space.delete_comment(taken_back)
    build(marts.load())
    stages = {key: last(marts, "issue_status_interval", key[0])["stage"] for key in renamed}
    was = last(marts, "issue", gone.id, "issue_id")
    days, burn, hours = (
        rows(marts, sql) for sql in (DAYS.format(gone.id), BURN, LEDGER.format(gone.id))
    )
    read = [marts.row("issues", issue_id)["loaded_at"] for issue_id, _ in renamed]
    for _, status_id in renamed:
        space.rename_status("OPS", status_id, f"名前 {status_id}")
    space.delete_issue(gone)
    assert marts.run("projects").success
    assert marts.run_issues(mode="incremental").success
    assert [marts.row("issues", issue_id)["loaded_at"] for issue_id, _ in renamed] == read
    run = build(marts)
    return Past(marts, namesake, assigned, stages, gone.id, was, days, burn, hours, run)


def _finish_an_issue(deployment: Deployment) -> tuple[Issue, Comment]:
    """Work on an issue until it is closed; return it and a comment of it with a change."""
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
    return issue, taken_back


# First, since it builds nothing: the others build what it has loaded.
def test_a_renamed_item_has_its_name_of_today_in_issues_that_nobody_changed(
    marts: Deployment,
) -> None:
    space = marts.sim.space
    fields = {one.kind: one.id for one in space.project("OPS").fields.values()}
    one_of, some_of, typed = fields[SINGLE], fields[CHECKBOX], fields[RADIO]
    issue = space.create_issue(
        "OPS", custom={one_of: ((1,), None), some_of: ((3, 1), None), typed: ((), "そのほか")}
    )
    marts.load()
    read = marts.row("issues", issue.id)["loaded_at"]
    for field, name in ((one_of, "最優先"), (some_of, "最優先の箱")):
        space.rename_item("OPS", field, 1, name)
    assert marts.run("projects").success
    assert marts.row("issues", issue.id)["loaded_at"] == read
    found = rows(marts, f"SELECT * FROM staging.stg_issue_custom_field WHERE issue_id = {issue.id}")
    assert {row["custom_field_id"]: (row["value"], row["other_value"]) for row in found} == {
        one_of: ("最優先", None),
        some_of: ("低 🐢, 最優先の箱", None),
        typed: (None, "そのほか"),
    }


def test_histories_distinguish_two_users_with_the_same_name(past: Past) -> None:
    deployment = past.deployment
    [change] = deployment.query(
        f"SELECT new_value, new_id FROM raw.issue_changes WHERE issue_id = {past.assigned}"
    )
    assert (change["new_value"], change["new_id"]) == (NAMESAKE, None)
    for row in (
        last(deployment, "issue_assignee_interval", past.assigned),
        last(deployment, "issue_history", past.assigned, "first_day"),
    ):
        assert (row["assignee"], row["assignee_id"]) == (NAMESAKE, past.namesake)


def test_a_renamed_status_has_the_stage_of_its_name_of_today_everywhere(past: Past) -> None:
    deployment, checks = past.deployment, checks_of(past.run)
    assert [*past.stages.values()] == ["review", "done"]
    assert checks["days_are_of_issues_that_are_there"].passed
    for issue_id, status_id in past.stages:
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
    unknown = {row["status"] for row in rows_of(checks["statuses_have_a_stage"])}
    assert {f"名前 {status_id}" for _, status_id in past.stages} <= unknown
    assert not unknown & {"確認中", "クローズ"}


def test_the_days_before_an_issue_was_found_gone_stay_as_they_were(past: Past) -> None:
    deployment, was = past.deployment, past.was
    assert (was["lead_seconds"], was["comment_count"], was["due_date_changes"]) == (129_600, 1, 1)
    assert [row["stage"] for row in past.days] == ["active", "done"]
    assert {row["done"] for row in past.burn} == {0, 1}
    assert checks_of(past.run)["days_of_an_issue_do_not_overlap"].passed
    now = last(deployment, "issue", past.gone, "issue_id")
    assert now == {**was, "is_deleted": True, "deleted_at": now["deleted_at"]}
    last_day = now["deleted_at"].astimezone(TOKYO).date() - timedelta(days=1)
    assert rows(deployment, DAYS.format(past.gone)) == [
        *past.days[:-1],
        {**past.days[-1], "last_day": last_day},
    ]
    assert rows(deployment, BURN)[: len(past.burn)] == past.burn, (
        "it goes on until the day on which it lost the issue"
    )
    assert rows(deployment, LEDGER.format(past.gone)) == past.hours

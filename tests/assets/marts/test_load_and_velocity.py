"""Plan and actual, velocity, the load to come, the present of open issues: numbers worked out by
hand (`docs/metrics.md`).
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from tests.assets.marts.building import last_checks, rows_of
from tests.assets.marts.worked_plan import FIRST, SECOND, july
from tests.deployment import Deployment

AUGUST = date(2026, 8, 1)
NONE = "(none)"


def of_plan(deployment: Deployment, table: str, order: str) -> list[dict[str, Any]]:
    """Return the rows of the project in a mart."""
    return [
        dict(row)
        for row in deployment.query(
            f"SELECT * FROM mart.{table} WHERE project_key = 'PLAN' ORDER BY {order}"
        )
    ]


def test_an_issue_has_the_dates_that_count_and_what_is_left(marts: Deployment) -> None:
    found = [
        (
            row["planned_start"],
            row["planned_due"],
            row["due_from"],
            row["remaining_hours"],
            row["due_moves"],
            row["days_moved"],
        )
        for row in of_plan(marts, "issue_plan", "issue_id")[:7]
    ]

    def day(number: int) -> date:
        return july(number).date()

    assert found == [
        (day(6), day(9), "issue", 0, 0, 0),
        (day(29), date(2026, 8, 4), "issue", 6, 0, 0),
        (None, day(17), "milestone", 0, 0, None),
        (None, None, "none", 5, 0, None),
        (day(20), day(24), "issue", 20, 1, 2),
        (None, None, "none", 0, 0, None),
        (day(17), day(17), "milestone", 9, 0, None),
    ]


def test_planned_and_actual_hours_by_month_person_and_milestone(marts: Deployment) -> None:
    rows = of_plan(marts, "plan_actual_monthly", "user_id, month, milestone")
    hours = {
        (row["user_name"], row["month"], row["milestone"]): (
            row["planned_hours"],
            row["actual_hours"],
            row["variance_hours"],
        )
        for row in rows
    }
    assert hours == {
        (FIRST, date(2026, 7, 1), "計"): (Decimal("22.5"), 15, Decimal("-7.5")),
        (FIRST, date(2026, 7, 1), "画"): (Decimal("4.5"), 0, Decimal("-4.5")),
        (FIRST, AUGUST, "計"): (4, 0, -4),
        (SECOND, date(2026, 7, 1), NONE): (25, 2, -23),
    }


def test_a_milestone_says_what_was_committed_added_done_and_carried_over(marts: Deployment) -> None:
    columns = (
        "committed", "added", "removed", "done", "left_open", "carried_over",
        "committed_hours", "added_hours", "removed_hours", "reestimated_hours", "done_hours",
        "left_open_hours", "carried_over_hours", "actual_hours",
        "state", "counted_from", "counted_to",
    )  # fmt: skip
    found = {
        row["milestone"]: tuple(row[name] for name in columns)
        for row in of_plan(marts, "velocity", "milestone_id")
    }
    assert found == {
        "計": (
            *(4, 1, 1, 2, 2, 2),
            *(29, 4, 5, 3, 12, 19, 19, 11),
            *("over", date(2026, 7, 6), date(2026, 7, 17)),
        ),
        "画": (
            *(1, 0, 0, 0, 1, None),
            *(6, 0, 0, 3, 0, 9, None, 0),
            *("running", date(2026, 7, 1), AUGUST),
        ),
    }


def test_what_is_left_is_laid_on_the_working_days_to_come(marts: Deployment) -> None:
    rows = of_plan(marts, "upcoming_load", "user_id, week")
    columns = (
        "hours",
        "overdue_hours",
        "milestone_overdue_hours",
        "issues",
        "capacity_hours",
        "undated_hours",
        "undated_issues",
        "unestimated_issues",
    )
    found = {(row["user_name"], row["week"]): tuple(row[name] for name in columns) for row in rows}
    # The newest change is of a Saturday: of its week no working day is left.
    assert found == {
        (FIRST, date(2026, 7, 27)): (0, 0, 0, 0, 0, 0, 0, 0),
        (FIRST, date(2026, 8, 3)): (15, 0, 15, 2, 40, 0, 0, 0),
        (SECOND, date(2026, 7, 27)): (0, 0, 0, 0, 0, 5, 1, 0),
        (SECOND, date(2026, 8, 3)): (20, 20, 0, 1, 40, 0, 0, 0),
    }


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (
            "SELECT sum(planned_hours) FROM mart.plan_actual_monthly",
            "SELECT sum(estimated_hours) FROM mart.issue WHERE NOT is_deleted",
        ),
        (
            "SELECT sum(actual_hours) FROM mart.plan_actual_monthly",
            "SELECT sum(actual_hours) FROM mart.issue WHERE NOT is_deleted",
        ),
        (
            "SELECT sum(hours + undated_hours) FROM mart.upcoming_load",
            "SELECT sum(remaining_hours) FROM mart.issue_plan WHERE NOT is_deleted",
        ),
        (
            "SELECT sum(abs(committed + added - removed - done - left_open)) FROM mart.velocity",
            "SELECT 0",
        ),
        (
            (
                "SELECT sum(abs(committed_hours + added_hours - removed_hours + reestimated_hours "
                "- done_hours - left_open_hours)) FROM mart.velocity"
            ),
            "SELECT 0",
        ),
    ],
)
def test_parts_add_up_to_the_whole(marts: Deployment, parts: str, whole: str) -> None:
    [row] = marts.query(f"SELECT abs(({parts}) - ({whole})) AS off")
    assert row["off"] < Decimal("0.01")


def test_an_open_issue_says_how_long_it_has_its_status_and_how_far_it_is_overdue(
    marts: Deployment,
) -> None:
    rows = of_plan(marts, "issue_now", "issue_id")
    assert len(rows) == 4
    overdue = next(row for row in rows if row["due_date"] == date(2026, 7, 24))
    so_far = round((overdue["read_at"] - july(1)).total_seconds())
    expected = {
        "stage": "waiting",
        "status_since": july(1),
        "assignee_since": july(1),
        "seconds_in_status": so_far,
        "seconds_with_assignee": so_far,
        "remaining_hours": 20,
        "age_seconds": None,
        "last_comment_at": None,
        "seconds_since_comment": None,
    }
    assert {name: overdue[name] for name in expected} == expected
    assert 0 < overdue["working_seconds_in_status"] < so_far / 3
    assert abs((overdue["read_at"].date() - date(2026, 7, 24)).days - overdue["days_overdue"]) <= 1
    assert {row["days_overdue"] for row in rows if row["due_date"] is None} == {None}
    today = overdue["due_date"] + timedelta(days=overdue["days_overdue"])
    behind = (today - date(2026, 7, 17)).days
    names = ("is_overdue", "is_milestone_overdue", "days_milestone_overdue")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (True, True, behind),
        (False, False, None),
        (True, False, None),
        (False, True, behind),
    ]
    [ageing] = marts.query("SELECT * FROM mart.issue_now WHERE project_key = 'PEER'")
    begun = ageing["last_started_at"]
    assert ageing["age_seconds"] == round((ageing["read_at"] - begun).total_seconds())
    assert ageing["last_comment_at"] == begun
    assert ageing["age_working_seconds"] == ageing["working_seconds_in_status"] > 5 * 8 * 3_600


def test_odd_plans_are_named_and_fail_no_build(marts: Deployment) -> None:
    checks = last_checks(marts)
    expected = {
        "milestones_have_dates": {("milestone", "画")},
        "hours_have_an_estimate": {("actual_hours", "2")},
        "open_work_has_a_date": {("remaining_hours", "5")},
        "starts_are_not_after_due_dates": {("start_date", "2026-07-21")},
    }
    for name, [(column, value)] in expected.items():
        check = checks[name]
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN), name
        rows = [row for row in rows_of(check) if row["project_key"] == "PLAN"]
        assert value in {str(row[column]).removesuffix(".00") for row in rows}, name
    assert checks["projects_have_milestones"].severity == dg.AssetCheckSeverity.WARN
    assert "PEER" in {row["project_key"] for row in rows_of(checks["projects_have_milestones"])}


def test_what_is_left_of_a_project_and_of_a_milestone_is_that_of_its_open_issues(
    marts: Deployment,
) -> None:
    for rows, hours in (
        ("project_summary WHERE project_key = 'PLAN'", 40),
        ("milestone_summary WHERE milestone = '計'", 15),
    ):
        assert marts.query(f"SELECT remaining_hours FROM mart.{rows}") == [
            {"remaining_hours": hours}
        ]

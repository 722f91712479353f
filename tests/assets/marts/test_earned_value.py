"""Earned value, and the ideal line and the projection of a milestone: numbers worked out by hand
(`docs/metrics.md`).
"""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.assets.marts.building import last_checks, rows_of
from tests.deployment import Deployment

AUGUST = date(2026, 8, 1)
VALUES = (
    "planned_value",
    "earned_value",
    "actual_cost",
    "budget_hours",
    "spi",
    "cpi",
    "expected_cost",
)
#: Of the baseline; what is left to plan by; of the month alone.
BASELINE = ("baseline_planned_value", "baseline_budget_hours", "baseline_spi")
REST = (
    "schedule_variance",
    "cost_variance",
    "estimate_to_complete",
    "variance_at_completion",
    "to_complete_index",
)
MONTH = (
    "month_planned_value",
    "month_earned_value",
    "month_actual_cost",
    "month_spi",
    "month_cpi",
)
PLAN, BASE = "PLAN", "BASE"
OF_SPRINT = "milestone = '計'"


def of(number: str) -> Decimal:
    return Decimal(number)


def rows(marts: Deployment, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in marts.query(sql)]


def values(
    marts: Deployment,
    table: str,
    where: str = "true",
    columns: tuple[str, ...] = VALUES,
    project: str = PLAN,
) -> dict[date, tuple[Any, ...]]:
    """Return each day of a row, and its numbers."""
    found = rows(
        marts,
        f"SELECT * FROM mart.{table} WHERE project_key = '{project}' AND {where} ORDER BY as_of",
    )
    return {row["as_of"]: tuple(row[name] for name in columns) for row in found}


def test_a_milestone_earns_what_is_done_of_what_was_planned(marts: Deployment) -> None:
    behind, cost = of("0.5714"), of("1.0909")
    assert values(marts, "earned_value_milestone", OF_SPRINT) == {
        date(2026, 7, 5): (0, 0, 0, 29, None, None, None),
        date(2026, 7, 12): (8, 8, 6, 28, 1, of("1.3333"), 21),
        date(2026, 7, 19): (21, 12, 11, 31, behind, cost, of("28.4167")),
        date(2026, 7, 26): (21, 12, 11, 31, behind, cost, of("28.4167")),
        # The last day of the month has what was spent since Sunday.
        date(2026, 7, 31): (21, 12, 15, 31, behind, cost, of("32.4167")),
        # Saturday, the newest change of the space.
        date(2026, 8, 1): (21, 12, 15, 31, behind, cost, of("32.4167")),
        date(2026, 8, 2): (21, None, None, None, None, None, None),
        date(2026, 8, 9): (31, None, None, None, None, None, None),
    }


def test_rows_say_which_day_they_are_of(marts: Deployment) -> None:
    marks = ("week", "month", "is_week_end", "is_month_end", "has_come", "is_last")
    july, august = date(2026, 7, 1), AUGUST
    found = values(marts, "earned_value_milestone", f"{OF_SPRINT} AND as_of > '2026-07-19'", marks)
    assert found == {
        date(2026, 7, 26): (date(2026, 7, 20), july, True, False, True, False),
        date(2026, 7, 31): (date(2026, 7, 27), july, False, True, True, False),
        date(2026, 8, 1): (date(2026, 7, 27), august, False, False, True, True),
        date(2026, 8, 2): (date(2026, 7, 27), august, True, False, False, False),
        date(2026, 8, 9): (date(2026, 8, 3), august, True, False, False, False),
    }


def test_the_baseline_of_a_milestone_keeps_what_it_began_with(marts: Deployment) -> None:
    nothing = (None, None)
    assert values(marts, "earned_value_milestone", OF_SPRINT, BASELINE) == {
        date(2026, 7, 5): (0, 29, None),
        date(2026, 7, 12): (8, 33, 1),
        date(2026, 7, 19): (23, 33, of("0.5217")),
        date(2026, 7, 26): (23, 33, of("0.5217")),
        date(2026, 7, 31): (23, 33, of("0.5217")),
        date(2026, 8, 1): (23, 33, of("0.5217")),
        date(2026, 8, 2): (23, *nothing),
        date(2026, 8, 9): (33, *nothing),
    }


def test_a_milestone_says_what_the_rest_will_cost_and_how_its_month_was(marts: Deployment) -> None:
    found = values(marts, "earned_value_milestone", f"{OF_SPRINT} AND has_come", REST + MONTH)
    assert found[date(2026, 7, 12)] == (
        *(0, 2, 15, 7, of("0.9091")),
        *(8, 8, 6, 1, of("1.3333")),
    )
    assert found[date(2026, 7, 31)] == (
        *(-9, 1, of("17.4167"), of("-1.4167"), of("1.1875")),
        *(21, 12, 15, of("0.5714"), of("1.0909")),
    )
    # In August nothing was planned, done or spent.
    assert found[AUGUST][len(REST) :] == (0, 0, 0, None, None)


def test_a_project_has_each_issue_once_and_hours_without_estimate_not_in_cpi(
    marts: Deployment,
) -> None:
    assert values(marts, "earned_value_project", "as_of >= '2026-08-01'") == {
        date(2026, 8, 1): (41, 12, 17, 56, of("0.2927"), of("1.0909"), of("57.3333")),
        date(2026, 8, 2): (51 - 10, None, None, None, None, None, None),
        date(2026, 8, 9): (51, None, None, None, None, None, None),
    }
    columns = ("unestimated_hours", "costed_earned_value", "costed_actual_cost", "cost_coverage")
    found = values(marts, "earned_value_project", "is_last", columns + BASELINE + REST)
    assert found[AUGUST] == (
        *(2, 12, 11, 1),
        *(43, 53, of("0.2791")),
        *(-29, 1, of("40.3333"), of("-1.3333"), of("1.1282")),
    )


def test_an_estimate_of_0_is_none_and_cpi_knows_how_much_it_knows(marts: Deployment) -> None:
    found = values(
        marts, "earned_value_project", "as_of >= '2026-07-12' AND has_come", project=BASE
    )
    assert found == {
        date(2026, 7, 12): (0, 0, 0, 31, None, None, None),
        date(2026, 7, 19): (12, 20, 13, 31, of("1.6667"), of("0.8"), of("26.75")),
        date(2026, 7, 26): (25, 25, 18, 31, 1, of("0.8667"), of("24.9231")),
        date(2026, 7, 31): (25, 25, 18, 31, 1, of("0.8667"), of("24.9231")),
        date(2026, 8, 1): (25, 25, 18, 31, 1, of("0.8667"), of("24.9231")),
    }
    columns = (
        "unestimated_hours",
        "costed_earned_value",
        "costed_actual_cost",
        "cost_coverage",
        "is_cpi_reliable",
    )
    last = values(marts, "earned_value_project", "is_last", columns, BASE)
    assert last == {AUGUST: (3, 13, 15, of("0.52"), False)}
    [issue] = rows(
        marts,
        "SELECT * FROM mart.issue_plan WHERE project_key = 'BASE' AND due_date = '2026-07-16'",
    )
    assert (issue["estimated_hours"], issue["remaining_hours"]) == (None, 0)
    assert (issue["first_estimated_hours"], issue["baseline_hours"]) == (None, None)
    check = last_checks(marts)["earned_work_has_hours"]
    assert not check.passed
    assert [row["estimated_hours"] for row in rows_of(check) if row["project_key"] == BASE] == [
        "12"
    ]


def test_a_due_date_behind_the_calendar_is_its_last_day(marts: Deployment) -> None:
    [issue] = rows(
        marts,
        "SELECT * FROM mart.issue_plan WHERE project_key = 'BASE' AND is_outside_calendar",
    )
    last_day = date(2028, 12, 31)
    assert (issue["due_date"], issue["planned_due"]) == (date(2061, 12, 31), last_day)
    found = values(marts, "earned_value_project", columns=VALUES[:1], project=BASE)
    assert max(found) == last_day
    assert (found[date(2028, 12, 30 - 6)], found[last_day]) == ((25,), (31,))
    check = last_checks(marts)["plans_lie_in_the_calendar"]
    assert issue["issue_key"] in [row["issue_key"] for row in rows_of(check)]


def test_the_baseline_of_a_project_never_falls(marts: Deployment) -> None:
    found = values(marts, "earned_value_project", "has_come", BASELINE, BASE)
    assert {day.day: numbers for day, numbers in found.items() if day.month == 7} == {
        5: (0, 23, None),
        12: (8, 23, 0),
        19: (12, 23, of("1.6667")),
        26: (17, 23, of("1.4706")),
        31: (17, 23, of("1.4706")),
    }
    falling = rows(
        marts,
        "SELECT * FROM (SELECT project_key, as_of, baseline_planned_value - lag("
        "baseline_planned_value) OVER (PARTITION BY space_key, project_id ORDER BY as_of) AS step "
        "FROM mart.earned_value_project) AS steps WHERE step < 0",
    )
    assert falling == []


def test_a_milestone_has_an_ideal_line(marts: Deployment) -> None:
    found = {
        row["day"].strftime("%m-%d"): row
        for row in rows(marts, "SELECT * FROM mart.milestone_burn WHERE milestone = '計'")
    }
    columns = (
        "ideal_open",
        "ideal_open_hours",
        "actual_hours",
    )
    assert {
        day: tuple(found[day][name] for name in columns)
        for day in ("07-05", "07-06", "07-10", "07-11", "07-16", "07-17")
    } == {
        "07-05": (4, 29, 0),
        "07-06": (Decimal("3.6"), Decimal("26.1"), 0),
        "07-10": (2, Decimal("14.5"), 6),
        "07-11": (2, Decimal("14.5"), 6),
        "07-16": (Decimal("0.4"), Decimal("2.9"), 11),
        "07-17": (0, 0, 11),
    }
    # It goes on past the due date, while issues of it are open.
    assert max(found) == "08-01"
    assert [row["day"] for row in found.values() if row["is_last"]] == [AUGUST]
    last = found["08-01"]
    assert (last["ideal_open"], last["actual_hours"]) == (0, 15)
    dateless = rows(marts, "SELECT * FROM mart.milestone_burn WHERE milestone = '画' ORDER BY day")
    assert {(row["ideal_open"], row["ideal_open_hours"]) for row in dateless} == {(None, None)}

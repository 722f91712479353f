"""Earned value, and the ideal line and the projection of a milestone: numbers worked out by hand
(`docs/metrics.md`).
"""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.deployment import Deployment

Built = tuple[Deployment, int]
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


def rows(built: Built, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in built[0].query(sql)]


def values(built: Built, table: str, where: str) -> dict[date, tuple[Any, ...]]:
    """Return the last day of each week, and its numbers."""
    found = rows(
        built, f"SELECT * FROM mart.{table} WHERE project_key = 'PLAN' AND {where} ORDER BY week"
    )
    return {row["as_of"]: tuple(row[name] for name in VALUES) for row in found}


def test_a_milestone_earns_what_is_done_of_what_was_planned(built: Built) -> None:
    behind = Decimal("0.5714")
    assert values(built, "earned_value_milestone", "milestone = '計'") == {
        date(2026, 7, 5): (0, 0, 0, 29, None, None, None),
        date(2026, 7, 12): (8, 8, 6, 28, 1, Decimal("1.3333"), 21),
        date(2026, 7, 19): (21, 12, 11, 31, behind, Decimal("1.0909"), Decimal("28.4167")),
        date(2026, 7, 26): (21, 12, 11, 31, behind, Decimal("1.0909"), Decimal("28.4167")),
        # Saturday, the newest change of the space.
        date(2026, 8, 1): (21, 12, 15, 31, behind, Decimal("0.8"), Decimal("38.75")),
        date(2026, 8, 9): (31, None, None, None, None, None, None),
    }


def test_a_project_has_each_issue_once_and_hours_without_estimate_not_in_cpi(
    built: Built,
) -> None:
    found = values(built, "earned_value_project", "week >= '2026-07-27'")
    assert found == {
        date(2026, 8, 1): (41, 12, 17, 56, Decimal("0.2927"), Decimal("0.8"), 72),
        date(2026, 8, 9): (51, None, None, None, None, None, None),
    }
    [row] = rows(
        built,
        "SELECT * FROM mart.earned_value_project WHERE project_key = 'PLAN' "
        "AND as_of = '2026-08-01'",
    )
    assert (row["unestimated_hours"], row["week"]) == (2, date(2026, 7, 27))


def test_what_is_spent_and_estimated_is_what_the_issues_have_today(built: Built) -> None:
    unequal = rows(
        built,
        "SELECT e.project_key FROM mart.earned_value_project AS e "
        "JOIN staging.space_today AS t ON t.space_key = e.space_key AND t.day = e.as_of "
        "JOIN mart.project_summary AS p ON (p.space_key, p.project_id) = "
        "(e.space_key, e.project_id) "
        "WHERE (e.budget_hours, e.actual_cost) <> (p.estimated_hours, p.actual_hours)",
    )
    assert unequal == []


def test_a_milestone_has_an_ideal_line(built: Built) -> None:
    found = {
        row["day"].strftime("%m-%d"): row
        for row in rows(built, "SELECT * FROM mart.milestone_burn WHERE milestone = '計'")
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
    dateless = rows(built, "SELECT * FROM mart.milestone_burn WHERE milestone = '画' ORDER BY day")
    assert {(row["ideal_open"], row["ideal_open_hours"]) for row in dateless} == {(None, None)}

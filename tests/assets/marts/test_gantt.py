"""The tree of issues and the bars of a Gantt chart: numbers worked out by hand (`docs/metrics.md`),
and a loop of parents.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.marts.charts.catalogue import CHARTS
from tests.assets.marts.building import last_checks, rows_of
from tests.deployment import Deployment

NAMES = ("top", "done", "late", "below", "one", "other", "behind")


def day(number: int) -> date:
    """Return a day of July."""
    return date(2026, 7, number)


@pytest.fixture(scope="module")
def ids(marts: Deployment) -> dict[str, int]:
    """Return name -> id of the issues of the project."""
    found = marts.query(
        "SELECT issue_id FROM mart.issue WHERE project_key = 'TREE' ORDER BY issue_id"
    )
    return dict(zip(NAMES, (row["issue_id"] for row in found), strict=True))


def of_tree(
    marts: Deployment, ids: dict[str, int], table: str, columns: tuple[str, ...]
) -> dict[str, tuple[Any, ...]]:
    """Return columns of the rows of the project by name, ids as names."""
    names = {number: name for name, number in ids.items()}
    found = marts.query(f"SELECT * FROM mart.{table} WHERE project_key = 'TREE'")
    return {
        names[row["issue_id"]]: tuple(names.get(row[name], row[name]) for name in columns)
        for row in found
    }


def test_a_parent_has_the_hours_and_the_progress_of_all_below(
    marts: Deployment, ids: dict[str, int]
) -> None:
    columns = (
        "parent_issue_id",
        "root_issue_id",
        "depth",
        "children",
        "descendants",
        "descendants_done",
    )
    assert of_tree(marts, ids, "issue_tree", columns) == {
        "top": (None, "top", 0, 2, 3, 1),
        "done": ("top", "top", 1, 0, 0, 0),
        "late": ("top", "top", 1, 1, 1, 0),
        "below": ("late", "top", 2, 0, 0, 0),
        "one": (None, "one", 0, 0, 0, 0),
        "other": (None, "other", 0, 0, 0, 0),
    }
    sums = (
        "estimated_hours",
        "actual_hours",
        "remaining_hours",
        "progress_issues",
        "progress_hours",
        "last_due_below",
    )
    found = of_tree(marts, ids, "issue_tree", sums)
    assert found["top"] == (14, 6, 7, Decimal("0.3333"), Decimal("0.5"), day(24))
    assert found["late"] == (6, 1, 5, 0, 0, None)
    assert found["done"] == (6, 5, 0, None, None, None)
    left = marts.query(f"SELECT remaining_hours FROM mart.issue_plan WHERE issue_id = {ids['one']}")
    assert [row["remaining_hours"] for row in left] == [None]


def test_a_bar_goes_from_its_start_to_its_due_date_and_says_whether_it_is_overdue(
    marts: Deployment, ids: dict[str, int]
) -> None:
    columns = (
        "bar_start",
        "bar_end",
        "progress",
        "parent_issue_id",
        "days_overdue",
        "days_done_late",
        "due_moves_later",
        "days_after_parent",
    )
    today = datetime.now(ZoneInfo("Asia/Tokyo")).date()
    assert of_tree(marts, ids, "gantt", columns) == {
        "top": (day(13), day(20), Decimal("0.5"), None, (today - day(20)).days, None, 0, None),
        "done": (day(13), day(14), 1, "top", None, 0, 0, 0),
        "late": (day(16), day(24), 0, "top", (today - day(24)).days, None, 1, 4),
        "below": (day(13), today, 0, "late", None, None, 0, (today - day(24)).days),
        "one": (day(13), today, 0, None, None, None, 0, None),
        "other": (day(13), today, 0, None, None, None, 0, None),
        # Due before it was made: it ends when it was done.
        "behind": (day(13), day(16), 1, None, None, 6, 0, None),
    }


def test_every_issue_has_a_bar_that_does_not_end_before_it_begins(marts: Deployment) -> None:
    [found] = marts.query(
        "SELECT (SELECT count(*) FROM mart.issue WHERE NOT is_deleted) - count(*) AS missing, "
        "count(*) FILTER (WHERE coalesce(bar_end < bar_start OR progress NOT "
        "BETWEEN 0 AND 1, true)) AS odd "
        "FROM mart.gantt"
    )
    assert (found["missing"], found["odd"]) == (0, 0)


def test_the_chart_shows_the_open_issues_whose_due_date_moved_furthest(marts: Deployment) -> None:
    [chart] = [one for one in CHARTS if one.mart == "gantt"]
    drawn = marts.query(chart.query)
    moved = {
        row["issue_key"]: abs(row["days_moved"] or 0)
        for row in marts.query(
            "SELECT issue_key, days_moved FROM mart.gantt WHERE done_on IS NULL AND NOT "
            "is_archived AND end_from IN ('issue', 'milestone')"
        )
    }
    shown = [moved[row["key"].split()[0]] for row in drawn]
    assert shown == sorted(moved.values(), reverse=True)[:10]
    assert shown[0] > 0
    assert {row["issues"] for row in drawn} == {len(moved)}
    assert {row["moved"] for row in drawn} == {sum(days > 0 for days in moved.values())}
    assert {row["today"] for row in drawn} == {datetime.now(ZoneInfo("Asia/Tokyo")).date()}


def test_a_loop_of_parents_is_named_and_fails_no_build(
    marts: Deployment, ids: dict[str, int]
) -> None:
    check = last_checks(marts)["parents_lead_to_a_top"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    rows = {int(row["issue_id"]): row["why"] for row in rows_of(check)}
    assert {name: rows.get(number) for name, number in ids.items()} == {
        **dict.fromkeys((*NAMES[:4], "behind")),
        "one": "loop",
        "other": "loop",
    }

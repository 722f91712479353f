"""Rows of marts as charts take them, in any number."""

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

MONDAY = date(2026, 6, 1)


def flow(days: int = 3, projects: tuple[str, ...] = ("OPS", "WEB")) -> pd.DataFrame:
    numbers = {"waiting": 4.0, "active": 3.0, "review": 2.0, "done": 1.0}
    rows = [
        (project, MONDAY + timedelta(days=day), stage, number * (day + 1))
        for project in projects
        for day in range(days)
        for stage, number in numbers.items()
    ]
    return pd.DataFrame(rows, columns=["project", "day", "stage", "issues"])


def weeks(*rows: tuple[int, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [(MONDAY + timedelta(weeks=week), *numbers) for week, *numbers in rows],
        columns=["week", "created", "done", "reopened"],
    )


def cycles(issues: int) -> pd.DataFrame:
    start = datetime(2020, 1, 1, 9, 30)  # noqa: DTZ001 - in the space's zone already
    return pd.DataFrame(
        {
            "issue_key": [f"OPS-{hour}" for hour in range(issues)],
            "done_at": [start + timedelta(hours=hour) for hour in range(issues)],
            "cycle_seconds": [86_400.0 * (1 + hour % 100) for hour in range(issues)],
        }
    )


def ages(issues: int, **fixed: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "issue_key": [f"OPS-{number}" for number in range(issues)],
            "stage": "active",
            "status": "処理中",
            "assignee": "佐藤",
            "age_seconds": [3_600.0 * (number + 1) for number in range(issues)],
            "risk": "high",
            **fixed,
        }
    )


def burn(milestones: int = 1, days: int = 5, **fixed: Any) -> pd.DataFrame:
    rows = [
        {
            "project_key": "OPS",
            "milestone_id": one,
            "milestone": f"v{one}",
            "day": MONDAY + timedelta(days=day),
            "scope": 10.0 + one,
            "done": float(day),
        }
        for one in range(milestones)
        for day in range(days)
    ]
    return pd.DataFrame(rows).assign(**{"due_date": date(2026, 6, 30), **fixed})


def forecasts(milestones: int = 1, **fixed: Any) -> pd.DataFrame:
    rows = [{"project_key": "OPS", "milestone": f"v{one}"} for one in range(milestones)]
    return pd.DataFrame(rows).assign(
        **{
            "as_of": MONDAY + timedelta(days=4),
            "due_date": date(2026, 6, 30),
            "done_by_50": date(2026, 7, 1),
            "done_by_85": date(2026, 7, 4),
            "reason": None,
            **fixed,
        }
    )


def booked(people: int, months: int = 2) -> pd.DataFrame:
    rows = [
        (date(2026, 1 + month, 1), f"佐藤 {person}", 10.0 * (person + 1))
        for person in range(people)
        for month in range(months)
    ]
    return pd.DataFrame(rows, columns=["month", "person", "hours"])


def late(*days: int, person: str | None = "佐藤") -> pd.DataFrame:
    return pd.DataFrame(
        [(person, one, 1) for one in days], columns=["person", "days_overdue", "issues"]
    )


def ahead(people: int) -> pd.DataFrame:
    weeks_ahead = [
        (f"佐藤 {one}", MONDAY + timedelta(weeks=week), 10.0 * (one + 1))
        for one in range(people)
        for week in range(9)
    ]
    return pd.DataFrame(weeks_ahead, columns=["person", "week", "hours"])


def planned(months: int) -> pd.DataFrame:
    return pd.DataFrame(
        [(date(2026, 1 + month, 1), 100.0, 110.5) for month in range(months)],
        columns=["month", "planned", "actual"],
    )

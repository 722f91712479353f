"""Rows of marts as the queries of charts return them, in any number."""

from datetime import date, datetime, timedelta
from typing import Any

MONDAY = date(2026, 6, 1)
STAGES = ("done", "review", "active", "waiting")
Rows = list[dict[str, Any]]


def flow(days: int = 3, projects: tuple[str, ...] = ("OPS", "WEB"), before: float = 0) -> Rows:
    return [
        {
            "project": project,
            "place": place,
            "day": MONDAY + timedelta(days=day),
            "stage": stage,
            "order": order,
            "issues": (order + 1.0) * (day + 1) + (before if stage == "done" else 0),
            "at_last": (order + 1.0) * (day + 1) * (day == days - 1),
        }
        for place, project in enumerate(projects, 1)
        for day in range(days)
        for order, stage in enumerate(STAGES)
    ]


def weeks(*rows: tuple[int, int, int, int]) -> Rows:
    return [
        {
            "week": MONDAY + timedelta(weeks=week),
            "created": created,
            "done": done,
            "reopened": again,
        }
        for week, created, done, again in rows
    ]


def cycles(issues: int) -> Rows:
    start = datetime(2020, 1, 1, 9, 30)  # noqa: DTZ001 - in the space's zone already
    return [
        {
            "key": f"OPS-{hour}",
            "at": start + timedelta(hours=hour),
            "days": 1.0 + hour % 100,
            "issues": 1_000 * issues,
            "p50": 50.5,
            "p85": 85.15,
            "p95": 95.04,
        }
        for hour in range(issues)
    ]


def ages(issues: int, **fixed: Any) -> Rows:
    return [
        {
            "key": f"OPS-{number}",
            "status": "処理中",
            "order": 2,
            "person": "佐藤",
            "days": (number + 1) / 24,
            "risk": "high",
            "issues": issues,
            **fixed,
        }
        for number in range(issues)
    ]


def burn(milestones: int = 1, days: int = 5, **fixed: Any) -> Rows:
    return [
        {
            "project_key": "OPS",
            "milestone_id": f"acme/{one}",
            "name": f"OPS v{one}",
            "milestone": f"v{one}",
            "day": MONDAY + timedelta(days=day),
            "scope": 10.0 + one,
            "done": float(day),
            "place": milestones - one,
            "is_last": day == days - 1,
            "due_date": date(2026, 6, 30),
            **fixed,
        }
        for one in range(milestones)
        for day in range(days)
    ]


def forecasts(milestones: int = 1, **fixed: Any) -> Rows:
    return [
        {
            "milestone": f"OPS v{one}",
            "today": MONDAY + timedelta(days=4),
            "due": date(2026, 6, 30),
            "done_by_50": date(2026, 7, 1),
            "done_by_85": date(2026, 7, 4),
            "state": "too_late",
            **fixed,
        }
        for one in range(milestones)
    ]


def booked(people: int, months: int = 2) -> Rows:
    return [
        {
            "month": f"2026-{1 + month:02}",
            "person": f"佐藤 {person}",
            "hours": 10.0 * (person + 1),
        }
        for person in range(people)
        for month in range(months)
    ]


def late(*days: int, person: str | None = "佐藤") -> Rows:
    return [{"person": person, "days_overdue": one, "issues": 1} for one in days]


def ahead(people: int) -> Rows:
    return [
        {
            "person": f"佐藤 {one}",
            "week": f"{MONDAY + timedelta(weeks=week):%m-%d}",
            "place": week,
            "hours": 10.0 * (one + 1),
            "capacity": 40.0 if one else None,
        }
        for one in range(people)
        for week in range(9)
    ]


def planned(months: int) -> Rows:
    return [
        {"month": f"2026-{1 + month:02}", "planned": 100.0, "actual": 110.5}
        for month in range(months)
    ]


def earned(weeks_: int, projects: tuple[str, ...] = ("OPS", "WEB")) -> Rows:
    return [
        {
            "project": project,
            "place": place,
            "day": MONDAY + timedelta(weeks=week),
            "planned": 10.0 * week,
            "baseline": 12.0 * week,
            "earned": 9.0 * week if week < weeks_ / 2 else None,
            "cost": 8.0 * week if week < weeks_ / 2 else None,
        }
        for place, project in enumerate(projects)
        for week in range(weeks_)
    ]


def moved(issues: int) -> Rows:
    return [
        {
            "key": f"OPS-{number} 見積もり",
            "start": MONDAY,
            "first_due": MONDAY + timedelta(days=10),
            "due": MONDAY + timedelta(days=10 + issues - number),
            "today": MONDAY + timedelta(days=11),
            "order": number,
            "moved": issues,
            "issues": 10 * issues,
        }
        for number in range(1, issues + 1)
    ]


def sprints(milestones: int) -> Rows:
    return [
        {
            "milestone": f"OPS スプリント {one}",
            "order": one,
            "committed": 20 + one,
            "done": 18,
            "carried": one or None,
        }
        for one in range(milestones)
    ]

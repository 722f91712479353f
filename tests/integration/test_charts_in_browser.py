"""The charts as a browser draws them: with long Japanese names no text lies on another or leaves
the picture.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assets.marts.charts.catalogue import CHARTS
from tests.browser import Chromium, reader

pytestmark = pytest.mark.xdist_group("browser")

LONG = "基幹システム刷新プロジェクト第二期・夜間バッチ移行 (Phase II)"
MONDAY = date(2020, 1, 6)


def pictures() -> list[str]:
    days = [MONDAY + timedelta(days=20 * place) for place in range(110)]
    stages = ("waiting", "active", "review", "done")
    flow = [
        (f"{number} {LONG}", day, stage, 25_000.0)
        for number in range(9)
        for day in days
        for stage in stages
    ]
    weeks = [
        (MONDAY + timedelta(weeks=week), 900 + week % 7 * 100, 1_200, 40) for week in range(104)
    ]
    done = [
        (
            f"OPS-{hour}",
            datetime(2026, 1, 1) + timedelta(hours=hour),  # noqa: DTZ001
            86_400.0 + hour,
        )
        for hour in range(3_000)
    ]
    old = [
        (
            f"VERY_LONG_KEY-{number}",
            "active",
            f"{number % 9} {LONG}",
            LONG,
            86_400.0 * 400 - number,
            ("low", "medium", "high", None)[number % 4],
        )
        for number in range(400)
    ]
    ends = (days[-1] + timedelta(days=40), days[-1] + timedelta(days=4_000), None)
    burn = [
        (
            "PROJECT_KEY",
            number,
            LONG,
            day,
            12_000,
            3_000,
            days[-1] + timedelta(days=9 * number),
        )
        for number in range(12)
        for day in days
    ]
    forecasts = [
        (
            "PROJECT_KEY", LONG, days[-1], days[-1] + timedelta(days=9 * number),
            ends[number % 3], ends[number % 3], None if number % 3 < 2 else "too_few_done",
        )
        for number in range(12)
    ]  # fmt: skip
    booked = [
        (date(2025, month, 1), f"{number} {LONG}", 160.5)
        for number in range(12)
        for month in range(1, 13)
    ]
    load = [
        (f"{number} {LONG}", MONDAY + timedelta(weeks=week), 1_160.5)
        for number in range(30)
        for week in range(9)
    ]
    plan = [(date(2025, month, 1), 12_000.5, 13_000.5) for month in range(1, 13)]
    late = [
        (f"{number} {LONG}", days_overdue, 1)
        for number in range(30)
        for days_overdue in (1, 10, 100)
    ]
    cycle, ageing = (
        ["issue_key", "done_at", "cycle_seconds"],
        ["issue_key", "stage", "status", "assignee", "age_seconds", "risk"],
    )
    frames: list[tuple[str, list[Any], list[str]]] = [
        ("flow_title", flow, ["project", "day", "stage", "issues"]),
        ("throughput_title", weeks, ["week", "created", "done", "reopened"]),
        ("cycle_title", done, cycle),
        ("cycle_title", done[:1], cycle),
        ("ageing_title", old, ageing),
        ("ageing_title", old[:1], ageing),
        (
            "burn_title",
            burn,
            [
                "project_key",
                "milestone_id",
                "milestone",
                "day",
                "scope",
                "done",
                "due_date",
            ],
        ),
        (
            "milestones_title",
            forecasts,
            [
                "project_key",
                "milestone",
                "as_of",
                "due_date",
                "done_by_50",
                "done_by_85",
                "reason",
            ],
        ),
        ("hours_title", booked, ["month", "person", "hours"]),
        ("load_title", load, ["person", "week", "hours"]),
        ("plan_title", plan, ["month", "planned", "actual"]),
        ("overdue_title", late, ["person", "days_overdue", "issues"]),
    ]
    charts = {chart.word: chart for chart in CHARTS}
    assert {word for word, _, _ in frames} == charts.keys()
    return [
        charts[word].draw(pd.DataFrame(rows, columns=columns)) for word, rows, columns in frames
    ]


def test_no_text_lies_on_another_or_leaves_its_picture(chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "charts.html"
    file.write_text("<!doctype html><meta charset=utf-8>" + "".join(pictures()))
    with reader(chromium) as somebody:
        page = somebody.open(file)
        assert page.locator("svg").count() == len(pictures())
        assert somebody.collisions() == []
        assert somebody.noted == []

"""The charts as a browser draws them: with long Japanese names no text lies on another or leaves
the picture.
"""

from datetime import timedelta
from pathlib import Path

from assets.marts.charts.catalogue import CHARTS
from tests.assets.marts.chart_frames import (
    MONDAY,
    STAGES,
    Rows,
    ages,
    cycles,
    earned,
    moved,
    sprints,
    weeks,
)
from tests.browser import Chromium, reader

LONG = "基幹システム刷新プロジェクト第二期・夜間バッチ移行 (Phase II)"


def pictures() -> list[str]:
    days = [MONDAY + timedelta(days=20 * place) for place in range(100)]
    ends = (days[-1] + timedelta(days=40), days[-1] + timedelta(days=4_000), None)
    named: list[tuple[str, Rows]] = [
        ("flow_title", [
            {"project": f"{number} {LONG}", "place": number, "day": day, "stage": stage,
             "order": order, "issues": 25_000.0, "at_last": 0}
            for number in range(9) for day in days for order, stage in enumerate(STAGES)]),
        ("throughput_title", weeks(
            *((week, 900 + week % 7 * 100, 1_200, 40) for week in range(104)))),
        ("cycle_title", cycles(500)), ("cycle_title", cycles(1)),
        ("ageing_title", [
            {"key": f"VERY_LONG_KEY-{number}", "status": f"{number % 9} {LONG}", "order": 1,
             "person": LONG, "days": 400.0 - number / 86_400, "issues": 400,
             "risk": ("low", "medium", "high", None)[number % 4]} for number in range(400)]),
        ("ageing_title", ages(1)),
        ("burn_title", [
            {"project_key": "PROJECT_KEY", "milestone_id": number, "milestone": LONG, "day": day,
             "name": f"{number} {LONG}", "scope": 12_000, "done": 3_000, "place": number,
             "is_last": day == days[-1], "due_date": days[-1] + timedelta(days=9 * number)}
            for number in range(12) for day in days]),
        ("milestones_title", [
            {"milestone": f"{number} {LONG}", "today": days[-1], "state": "at_risk",
             "due": days[-1] + timedelta(days=9 * number), "done_by_50": ends[number % 3],
             "done_by_85": ends[(number + 1) % 3]} for number in range(12)]),
        ("hours_title", [
            {"month": f"2025-{month:02}", "person": f"{number} {LONG}", "hours": 160.5}
            for number in range(12) for month in range(1, 13)]),
        ("load_title", [
            {"person": f"{number} {LONG}", "week": f"{MONDAY + timedelta(weeks=week):%m-%d}",
             "place": week, "hours": 1_160.5, "capacity": 1_040.0}
            for number in range(30) for week in range(9)]),
        ("plan_title", [
            {"month": f"2025-{month:02}", "planned": 12_000.5, "actual": 13_000.5}
            for month in range(1, 13)]),
        ("overdue_title", [
            {"person": f"{number} {LONG}", "days_overdue": late, "issues": 1}
            for number in range(30) for late in (1, 10, 100)]),
        ("earned_title", earned(100, tuple(f"{number} {LONG}" for number in range(6)))),
        ("gantt_title", [{**row, "key": f"{row['order']} {LONG}"} for row in moved(10)]),
        ("velocity_title", [{**row, "milestone": f"{row['order']} {LONG}"} for row in sprints(20)]),
    ]  # fmt: skip
    charts = {chart.word: chart for chart in CHARTS}
    assert {word for word, _ in named} == charts.keys()
    return [charts[word].draw(rows) for word, rows in named]


def test_no_text_lies_on_another_or_leaves_its_picture(chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "charts.html"
    file.write_text("<!doctype html><meta charset=utf-8>" + "".join(pictures()))
    with reader(chromium) as somebody:
        page = somebody.open(file)
        assert page.locator("svg").count() == len(pictures())
        assert somebody.collisions() == []
        assert somebody.noted == []

"""The charts, from frames: the numbers in a chart are those of the frame, texts are texts, and odd data does not break it."""

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import dagster as dg
import pandas as pd
import pytest
from sqlalchemy import Engine

from assets.marts.charts.canvas import NO_DATA
from assets.marts.charts.catalogue import CHARTS
from assets.marts.charts.durations import MOST_DOTS, ageing, cycle_times
from assets.marts.charts.effort import burn_up, hours
from assets.marts.charts.flow import cumulative_flow, throughput
from assets.marts.charts.words import STAGES, fit, width
from assets.marts.shown import chart_for

SVG = "{http://www.w3.org/2000/svg}"
MONDAY = date(2026, 6, 1)
LARGEST_BYTES = 150_000


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own picture


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in parsed(svg).iter(f"{SVG}text")]


def dots(svg: str) -> int:
    return sum(path.get("d", "").count("h0") for path in parsed(svg).iter(f"{SVG}path"))


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
        [(MONDAY + timedelta(weeks=week), *numbers) for week, *numbers in rows], columns=["week", "created", "done", "reopened"]
    )


def cycles(issues: int) -> pd.DataFrame:
    start = datetime(2020, 1, 1, 9, 30)  # noqa: DTZ001 - in the space's zone already
    return pd.DataFrame(
        {
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


def booked(people: int, months: int = 2) -> pd.DataFrame:
    rows = [
        (date(2026, 1 + month, 1), f"佐藤 {person}", 10.0 * (person + 1)) for person in range(people) for month in range(months)
    ]
    return pd.DataFrame(rows, columns=["month", "person", "hours"])


FRAMES: dict[Callable[[pd.DataFrame], str], pd.DataFrame] = {
    cumulative_flow: flow(),
    throughput: weeks((0, 5, 3, 0), (1, 2, 4, 1)),
    cycle_times: cycles(10),
    ageing: ages(5),
    burn_up: burn(),
    hours: booked(3),
}
each_chart = pytest.mark.parametrize("draw", list(FRAMES), ids=lambda draw: draw.__name__)


@each_chart
def test_titles_are_texts_in_both_languages_and_no_font_is_missing(draw: Callable[[pd.DataFrame], str]) -> None:
    svg = draw(FRAMES[draw])  # a warning of matplotlib would be an error here
    [title] = [chart.title for chart in CHARTS if chart.draw is draw]
    assert title in texts(svg)
    japanese, english = title.split(" / ")
    assert not japanese.isascii()
    assert english.isascii()
    root = parsed(svg)
    assert root.get("aria-label") == title
    assert "Noto Sans CJK JP" in (root.get("font-family") or "")
    assert "DejaVu" not in svg
    assert draw(FRAMES[draw]) == svg, "the same frame gives the same bytes"


@each_chart
def test_no_rows_rows_of_nulls_and_a_single_row_give_a_picture(draw: Callable[[pd.DataFrame], str]) -> None:
    frame = FRAMES[draw]
    assert NO_DATA in texts(draw(frame.head(0)))
    assert NO_DATA in texts(draw(pd.DataFrame(None, index=range(2), columns=frame.columns)))
    for column in frame.columns:
        texts(draw(frame.astype(object).assign(**{column: None})))
    assert NO_DATA not in texts(draw(frame.head(1)))


@each_chart
def test_texts_of_the_source_are_escaped_and_cut(draw: Callable[[pd.DataFrame], str]) -> None:
    nasty = "<script>alert(1)</script>&\x01$x^2$ " + "とても長い名前" * 20
    named = [name for name in ("project", "status", "issue_key", "milestone", "project_key", "person") if name in FRAMES[draw]]
    svg = draw(FRAMES[draw].assign(**dict.fromkeys(named, nasty)))
    assert "<script" not in svg
    if named:
        shown = [text for text in texts(svg) if "<script>" in text]
        assert shown
        assert all("…" in text for text in shown)


def test_cumulative_flow_shows_the_last_day_and_draws_the_stages_in_one_order() -> None:
    svg = cumulative_flow(flow())
    assert {"待ち waiting: 24", "作業中 active: 18", "レビュー review: 12", "完了 done: 6"} <= set(texts(svg))
    assert {"OPS · 30", "WEB · 30"} <= set(texts(svg))
    colours = [svg.index(f"fill: {colour.lower()}") for _, _, colour in STAGES.values()]
    assert colours == sorted(colours), "done at the ground, waiting on top"
    assert "OPS · 30" not in texts(cumulative_flow(flow(projects=("OPS",)))), "one project needs no second picture of it"


def test_throughput_counts_weeks_without_events_and_names_what_is_off_the_scale() -> None:
    shown = texts(throughput(weeks((0, 6, 4, 1), (3, 2, 4, 0))))
    assert {"完了 done: 8", "登録 created: 8", "再オープン reopened: 1"} <= set(shown)
    assert "完了の4週平均 mean of 4 weeks: 2.0" in shown
    import_of_many = weeks(*((week, 10, 5, 0) for week in range(40)), (40, 900, 5, 0))
    assert "↑ 900" in texts(throughput(import_of_many))


def test_cycle_times_draw_each_issue_once_and_take_percentiles_of_all() -> None:
    svg = cycle_times(cycles(100))
    assert dots(svg) == 100
    assert {"50 %: 50.5 日 d", "85 %: 85.1 日 d", "95 %: 95.0 日 d"} <= set(texts(svg))
    many = cycle_times(cycles(100_000))
    assert dots(many) == MOST_DOTS
    assert any("50件ごとに1点 / one dot in 50" in text for text in texts(many))
    assert len(many.encode()) < LARGEST_BYTES


def test_ageing_names_the_oldest_and_counts_risks() -> None:
    frame = pd.concat([ages(6), ages(2, issue_key=["WEB-1", "WEB-2"], status="レビュー中", stage="review", risk=["low", "?"])])
    svg = ageing(frame)
    shown = texts(svg)
    assert {"高 high: 6", "低 low: 1", "不明 unknown: 1", "中 medium: 0", "処理中", "レビュー中"} <= set(shown)
    assert [text for text in shown if text.startswith("OPS-")] == ["OPS-5", "OPS-4", "OPS-3", "OPS-2"]
    assert shown.index("処理中") < shown.index("レビュー中")
    many = ageing(ages(100_000))
    assert "高 high: 100,000" in texts(many)
    assert 0 < len(list(parsed(many).iter(f"{SVG}use"))) <= MOST_DOTS + 50
    assert len(many.encode()) < LARGEST_BYTES


def test_burn_up_shows_the_milestones_with_most_left_to_do() -> None:
    shown = texts(burn_up(burn(milestones=9)))
    assert [text for text in shown if text.startswith("OPS · ")] == [f"OPS · v{one}" for one in (8, 7, 6, 5, 4, 3)]
    assert "4 / 18 · 期限 due 2026-06-30" in shown
    assert "4 / 10" in texts(burn_up(burn(due_date=None)))


def test_hours_name_those_with_most_and_add_up() -> None:
    shown = texts(hours(booked(8)))
    assert {"佐藤 7: 160.0", "佐藤 2: 60.0", "その他 / others: 60.0"} <= set(shown)
    assert any("合計 total: 720.0 h" in text for text in shown)
    taken_back = pd.concat([booked(1), pd.DataFrame([(date(2026, 2, 1), None, -4.0)], columns=["month", "person", "hours"])])
    assert "不明 / not known: -4.0" in texts(hours(taken_back))


def test_a_large_space_has_small_pictures() -> None:
    large = flow(days=120, projects=tuple(f"P{number}" for number in range(50)))
    assert len(cumulative_flow(large).encode()) < LARGEST_BYTES
    assert len(burn_up(burn(milestones=200, days=120)).encode()) < LARGEST_BYTES
    assert len(throughput(weeks(*((week, 10, week % 9, week % 3) for week in range(104)))).encode()) < LARGEST_BYTES
    assert len(hours(booked(300, months=12)).encode()) < LARGEST_BYTES


def test_a_text_is_cut_to_its_room() -> None:
    assert fit("短い", 100, 12) == "短い"
    cut = fit("長い名前" * 10, 100, 12)
    assert cut.endswith("…")
    assert width(cut, 12) <= 100


def test_a_chart_that_cannot_be_drawn_is_left_out_and_said(warehouse: Engine, caplog: pytest.LogCaptureFixture) -> None:
    event = dg.AssetMaterialization(["mart", "flow_daily"], metadata={"unique_id": "model.backlog.flow_daily"})
    with caplog.at_level(logging.WARNING):
        assert chart_for(event, warehouse, logging.getLogger("marts")) == {}
    assert "flow_daily: its chart was left out: ProgrammingError" in caplog.text
    other = dg.AssetMaterialization(["mart", "reopen_event"], metadata={"unique_id": "model.backlog.reopen_event"})
    assert chart_for(other, warehouse, logging.getLogger("marts")) == {}

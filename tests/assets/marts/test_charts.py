"""Each chart from the rows of its mart: numbers, words in both languages, texts of the source, and
pictures that stay small.
"""

import json
import logging
import re
from datetime import date
from typing import Any
from xml.etree import ElementTree

import dagster as dg
import pytest
import vl_convert
from sqlalchemy import Engine

from assets.marts.charts import specs
from assets.marts.charts.catalogue import CHARTS, Chart
from assets.marts.charts.draw import FONTS, program
from assets.marts.charts.parts import SHOWN
from assets.marts.charts.shown import chart_metadata, with_chart
from assets.marts.charts.words import STAGES, both, in_both, words
from tests.assets.marts.chart_frames import (
    Rows,
    ages,
    ahead,
    booked,
    burn,
    cycles,
    earned,
    flow,
    forecasts,
    late,
    moved,
    planned,
    sprints,
    weeks,
)

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own picture


def texts(svg: str) -> list[str]:
    """Return what a reader sees: letters of no width keep equal names apart."""
    return [
        "".join(element.itertext()).rstrip("\u200b") for element in parsed(svg).iter(f"{SVG}text")
    ]


def marks(spec: dict[str, Any], rows: Rows) -> list[dict[str, str]]:
    """Return what is said of each mark when the pointer is over it, by its title."""
    made = {**in_both(spec), "datasets": {"rows": rows}, "width": 800}
    svg = vl_convert.vegalite_to_svg(json.dumps(made, default=lambda day: f"{day:%Y-%m-%d}"))
    said = [
        one.get("aria-label") or ""
        for one in parsed(svg).iter(f"{SVG}path")
        if one.get("role") == "graphics-symbol"
    ]
    return [dict(part.split(": ", 1) for part in one.split("; ")) for one in said if one]


def overdue_of(people: list[str]) -> str:
    return chart("overdue_title").draw([row for name in people for row in late(1, person=name)])


def chart(word: str) -> Chart:
    return next(one for one in CHARTS if one.word == word)


ROWS: dict[str, Rows] = {
    "overdue_title": late(1, 9, 90),
    "ageing_title": ages(5),
    "load_title": ahead(3),
    "burn_title": burn(),
    "milestones_title": forecasts(),
    "plan_title": planned(3),
    "flow_title": flow(),
    "throughput_title": weeks((0, 5, 3, 0), (1, 2, 4, 1)),
    "cycle_title": cycles(10),
    "hours_title": booked(3),
    "earned_title": earned(4),
    "velocity_title": sprints(3),
    "gantt_title": moved(3),
}
each_chart = pytest.mark.parametrize("word", list(ROWS))


def test_every_chart_is_tried() -> None:
    assert [one.word for one in CHARTS] == list(ROWS)
    assert len({one.mart for one in CHARTS}) == len(CHARTS)


@each_chart
def test_titles_are_texts_in_both_languages_and_the_fonts_are_those_of_the_reader(
    word: str,
) -> None:
    svg = chart(word).draw(ROWS[word])
    title = chart(word).title
    assert title in texts(svg)
    japanese, english = title.split(" / ")
    assert not japanese.isascii()
    assert english.isascii()
    root = parsed(svg)
    assert root.get("aria-label") == title
    assert root.get("font-family") == FONTS
    assert svg.count("font-family") == 1
    assert "@" not in svg, "every word and every colour is there"
    assert "href" not in svg, "a picture leads nowhere"
    assert chart(word).draw(ROWS[word]) == svg, "the same rows give the same bytes"


@each_chart
def test_no_rows_rows_of_nulls_and_a_single_row_give_a_picture(word: str) -> None:
    rows, draw, no_data = ROWS[word], chart(word).draw, both("no_data")
    assert no_data in texts(draw([]))
    texts(draw([dict.fromkeys(row) for row in rows]))
    for column in rows[0]:
        texts(draw([{**row, column: None} for row in rows]))
    assert no_data not in texts(draw(rows[:1]))


@each_chart
def test_texts_of_the_source_are_escaped_and_cut(word: str) -> None:
    nasty = "<script>&\x01@done " + "とても長い名前" * 20
    named = [
        name
        for name in ("project", "status", "milestone", "name", "person", "key")
        if name in ROWS[word][0]
    ]
    rows = [
        {**row, **{name: f"{str(row[name])[:1]}{nasty}" for name in named}} for row in ROWS[word]
    ]
    svg = chart(word).draw(rows)
    assert "<script" not in svg
    shown = [text for text in texts(svg) if "<script>" in text]
    assert all("…" in text for text in shown)
    if {"project", "status", "name", "person"} & {*named}:
        assert shown


def test_cumulative_flow_shows_the_last_day_and_draws_the_stages_in_one_order() -> None:
    draw = chart("flow_title").draw
    svg = draw(flow())
    [said] = [text for text in texts(svg) if text.startswith("2026-06-01 – 2026-06-03")]
    assert said.endswith("課題 / issues 60")
    assert {"OPS", "WEB"} <= set(texts(svg))
    assert set(STAGES.values()) <= {path.get("fill") for path in parsed(svg).iter(f"{SVG}path")}
    drawn = [one[both("stage")] for one in marks(specs.flow(), flow())]
    assert drawn == [both(f"stage_{one}") for one in STAGES]
    assert "OPS" not in texts(draw(flow(projects=("OPS",)))), (
        "one project needs no second picture of it"
    )


def test_an_axis_of_flow_begins_below_what_was_done_before() -> None:
    def lowest(rows: Rows) -> int:
        numbers = [text.replace(",", "") for text in texts(chart("flow_title").draw(rows))]
        return min(int(text) for text in numbers if text.isdigit())

    assert 900 < lowest(flow(before=1000)) <= 1010
    assert lowest(flow()) == 0


def test_throughput_has_the_mean_of_four_weeks_and_names_what_is_off_the_scale() -> None:
    rows = weeks((0, 6, 4, 1), (1, 0, 0, 0), (2, 0, 0, 0), (3, 2, 4, 0), (4, 1, 2, 0))
    said = [
        text for text in texts(chart("throughput_title").draw(rows)) if "完了 / done 10" in text
    ]
    assert said
    assert "登録 / created 9 · 再オープン / reopened 1" in said[0]
    means = {one[both("week")]: one[both("mean")] for one in marks(specs.throughput(), rows)}
    assert list(means.values()) == ["4.0", "2.0", "1.3", "2.0", "1.5"]
    import_of_many = weeks(*((week, 10, 5, 0) for week in range(40)), (40, 900, 5, 0))
    shown = texts(chart("throughput_title").draw(import_of_many))
    assert "↑ 900" in shown
    assert "900" not in shown, "the axis ends below"
    assert not [text for text in texts(chart("throughput_title").draw(rows)) if "↑" in text]


def test_cycle_times_draw_dots_and_say_the_percentiles_of_all() -> None:
    svg = chart("cycle_title").draw(cycles(100))
    assert {"50 %: 50.5 日 / d", "85 %: 85.2 日 / d", "95 %: 95.0 日 / d"} <= {*texts(svg)}
    assert any("課題 / issues 100,000, 点 / dots 100" in text for text in texts(svg))
    assert len(marks(specs.cycle(), [{**row, "at": 0} for row in cycles(100)])) >= 100


def test_ageing_names_the_oldest_of_each_status_and_shows_risks() -> None:
    rows = ages(6) + ages(2, key="WEB-1", status="レビュー中", order=3, risk=None)
    shown = texts(chart("ageing_title").draw(rows))
    assert [text for text in shown if text.startswith(("OPS-", "WEB-"))] == ["OPS-5", "WEB-1"]
    assert shown.index("処理中") < shown.index("レビュー中")
    dots = [one for one in marks(specs.ageing(), rows) if both("risk") in one]
    assert {one[both("risk")] for one in dots} == {both("risk_high"), both("risk_unknown")}
    assert any("課題 / issues 400" in text for text in texts(chart("ageing_title").draw(ages(400))))


def test_burn_up_shows_the_milestones_with_most_left_to_do() -> None:
    shown = texts(chart("burn_title").draw(burn(milestones=9)))
    assert [text for text in shown if re.match(r"OPS v\d:", text)] == [
        f"OPS v{one}: 4 / {10 + one}" for one in (8, 7, 6, 5, 4, 3)
    ]
    red = 'stroke-dasharray="6,4"'
    assert red in chart("burn_title").draw(burn(due_date=date(2026, 6, 9)))
    assert red not in chart("burn_title").draw(burn(due_date=date(2027, 6, 9))), (
        "a year away, it would press the rest"
    )


def test_milestones_that_are_open_show_when_they_will_end() -> None:
    rows = forecasts(milestones=12)
    rows[1] |= {"due": date(2026, 6, 4), "done_by_50": None, "done_by_85": None}
    rows[2] |= {"due": None, "state": "no_due"}
    rows[3] |= {"due": date(2026, 6, 7), "done_by_85": date(2027, 7, 1), "state": "at_risk"}
    shown = texts(chart("milestones_title").draw(rows))
    names = [text for text in shown if text.startswith("OPS v")]
    assert names[:3] == ["OPS v1", "OPS v3", "OPS v0"], "the first due first"
    assert len(names) == 10
    assert "OPS v2" not in names, "without a due date it comes last"
    assert shown.count("?") == 1, "no forecast"
    assert shown.count("→") == 1, "after the edge"
    assert {both(state) for state in ("in_time", "at_risk", "too_late", "no_forecast")} <= {*shown}


def test_hours_name_those_with_most_and_add_up() -> None:
    svg = chart("hours_title").draw(booked(8))
    assert any("合計 / total 720.0 h" in text for text in texts(svg))
    people = {one[both("person")] for one in marks(specs.hours(), booked(8))}
    assert people == {*(f"佐藤 {one}" for one in range(2, 8)), both("others")}
    others = [
        one for one in marks(specs.hours(), booked(8)) if one[both("person")] == both("others")
    ]
    assert [one[both("hours")] for one in others] == ["30.0", "30.0"]
    nobody = {"month": "2026-02", "person": None, "hours": -4.0}
    taken_back = marks(specs.hours(), [*booked(1), nobody])
    assert taken_back[-1][both("person")] == both("unknown_person")


def test_overdue_counts_by_person_and_by_how_late_they_are() -> None:
    rows = late(1, 7, 8, 30, 31) + late(2, person=None) + late(3, 4, person="鈴木")
    found = {
        (one[both("person")], one[both("late")]): one[both("issues_axis")]
        for one in marks(specs.overdue(), rows)
    }
    assert found == {
        ("佐藤", both("late_week")): "2",
        ("佐藤", both("late_month")): "2",
        ("佐藤", both("late_long")): "1",
        (both("nobody"), both("late_week")): "1",
        ("鈴木", both("late_week")): "2",
    }
    shown = texts(chart("overdue_title").draw(rows))
    assert [one for one in shown if one in ("佐藤", "鈴木", both("nobody"))] == [
        "佐藤", "鈴木", both("nobody")
    ]  # fmt: skip


def test_load_shows_those_with_most_first_against_their_capacity() -> None:
    shown = texts(chart("load_title").draw(ahead(30)))
    assert [text for text in shown if text.startswith("佐藤")] == [
        f"佐藤 {one}" for one in range(29, 19, -1)
    ]
    assert shown.count("300 / 40") == 8
    assert any(text.endswith("合計 / total 41,850.0 h") for text in shown)
    assert "10" in texts(chart("load_title").draw(ahead(1))), "of who has no capacity"
    plan = texts(chart("plan_title").draw(planned(3)))
    assert "予定 / planned 300.0 h · 実績 / actual 331.5 h" in plan


def test_earned_value_and_velocity_draw_what_there_is() -> None:
    drawn = marks(specs.earned(), [{**row, "day": 0} for row in earned(4, ("OPS",))])
    assert {one[both("kind")] for one in drawn} == {
        both(f"ev_{one}") for one in ("planned", "baseline", "earned", "cost")
    }
    bars = marks(specs.velocity(), sprints(2))
    assert [(one[both("kind")], one[both("issues_axis")]) for one in bars] == [
        (both("committed"), "20"), (both("done"), "18"),
        (both("committed"), "21"), (both("done"), "18"), (both("carried"), "1"),
    ]  # fmt: skip


def test_due_dates_that_moved_furthest_come_first_each_issue_with_its_title() -> None:
    shown = texts(chart("gantt_title").draw(moved(12)))
    bars = [text for text in shown if text.startswith("OPS-")]
    assert bars == [f"OPS-{number} 見積もり" for number in range(1, 13)]
    assert any("open issues with a due date 120 · 変更あり / moved 12" in text for text in shown)
    assert {both("due_now"), both("overdue"), both("first_due"), both("moved")} <= {*shown}


def test_the_page_of_a_mart_shows_its_newest_chart_in_place() -> None:
    for one in CHARTS:
        [shown] = chart_metadata(dg.AssetKey(["mart", one.mart])).values()
        assert shown.value == f"![{one.title}](/charts/mart/{one.mart}.svg)"
        assert len(shown.value) < 1_000, "the UI asks for a click"
    assert chart_metadata(dg.AssetKey(["mart", "reopen_event"])) == {}


def test_a_text_is_drawn_as_it_is_also_with_letters_that_stand_in_for_japanese_ones() -> None:
    names = [
        "課長c 山田",
        "cécile 課",
        "Ünal я 田c",
        "".join(map(chr, range(0x4E00, 0x4E0C))),
        "ﾊﾝｶｸ 半角",
    ]
    assert {*names} <= {*texts(overdue_of(names))}
    # More letters than there are stand-ins: the others are measured as they are.
    many = ["".join(map(chr, range(at, at + 14))) for at in range(0x4E00, 0x4E00 + 14 * SHOWN, 14)]
    assert {*many} <= {*texts(overdue_of(many))}


@pytest.mark.parametrize(
    ("word", "rows"),
    [
        ("flow_title", flow(days=100, projects=tuple(f"P{number}" for number in range(50)))),
        ("burn_title", burn(milestones=200, days=100)),
        ("throughput_title", weeks(*((week, 10, week % 9, week % 3) for week in range(104)))),
        ("hours_title", booked(300, months=12)),
        ("earned_title", earned(60, tuple(f"P{number}" for number in range(6)))),
        ("cycle_title", cycles(500)),
        ("ageing_title", ages(400)),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_large_space_has_small_pictures(word: str, rows: Rows) -> None:
    assert len(chart(word).draw(rows).encode()) < 150_000


@pytest.mark.parametrize("name", list(specs.PAGE))
def test_the_page_has_every_word_that_its_charts_name_and_their_rows_come_from_it(
    name: str,
) -> None:
    made = program(specs.PAGE[name]())
    said = json.dumps(made, ensure_ascii=False)
    assert {one[1:] for one in re.findall(r"@[a-z_]+", said)} <= words().keys()
    assert [data["name"] for data in made["data"] if "values" in data] == ["rows"]
    assert "pick" in {signal["name"] for signal in made["signals"]}, "a click picks"
    assert "https" not in said.replace("https://vega.github.io/schema/", "")


def test_a_chart_that_cannot_be_drawn_is_left_out_and_said(
    warehouse: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    built = dg.Output(None, metadata={"unique_id": "model.backlog.flow_daily"})
    with caplog.at_level(logging.WARNING):
        assert with_chart(built, warehouse, logging.getLogger("marts")) is built
    assert "flow_daily: its chart was left out: ProgrammingError" in caplog.text
    other = dg.Output(None, metadata={"unique_id": "model.backlog.reopen_event"})
    assert with_chart(other, warehouse, logging.getLogger("marts")) is other

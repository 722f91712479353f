"""Each chart from the rows of its mart: numbers, words in both languages, texts of the source, and
pictures that stay small.
"""

import json
import logging
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import dagster as dg
import pandas as pd
import pytest
from sqlalchemy import Engine

from assets.marts.charts import flow_rows, rows, specs
from assets.marts.charts.catalogue import CHARTS, Chart
from assets.marts.charts.draw import FONTS, program
from assets.marts.charts.drawn import ms
from assets.marts.charts.shown import chart_for
from assets.marts.charts.words import STAGES, both, words
from tests.assets.marts.chart_frames import (
    MONDAY,
    ages,
    ahead,
    booked,
    burn,
    cycles,
    flow,
    forecasts,
    late,
    planned,
    weeks,
)

SVG = "{http://www.w3.org/2000/svg}"
LARGEST_BYTES = 150_000


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own picture


def texts(svg: str) -> list[str]:
    """Return what a reader sees: letters of no width keep equal names apart."""
    return [
        "".join(element.itertext()).rstrip("\u200b") for element in parsed(svg).iter(f"{SVG}text")
    ]


def overdue_of(people: list[str]) -> str:
    return chart("overdue_title").draw(pd.concat([late(1, person=person) for person in people]))


def chart(word: str) -> Chart:
    return next(one for one in CHARTS if one.word == word)


FRAMES: dict[str, pd.DataFrame] = {
    "overdue_title": late(1, 9, 90),
    "ageing_title": ages(5),
    "load_title": ahead(3),
    "burn_title": burn(),
    "milestones_title": forecasts(3),
    "plan_title": planned(3),
    "flow_title": flow(),
    "throughput_title": weeks((0, 5, 3, 0), (1, 2, 4, 1)),
    "cycle_title": cycles(10),
    "hours_title": booked(3),
}
each_chart = pytest.mark.parametrize("word", list(FRAMES))


def test_every_chart_is_tried() -> None:
    assert [one.word for one in CHARTS] == list(FRAMES)
    assert len({one.mart for one in CHARTS}) == len(CHARTS)


@each_chart
def test_titles_are_texts_in_both_languages_and_the_fonts_are_those_of_the_reader(
    word: str,
) -> None:
    svg = chart(word).draw(FRAMES[word])
    title = chart(word).title
    assert title in texts(svg)
    japanese, english = title.split(" / ")
    assert not japanese.isascii()
    assert english.isascii()
    root = parsed(svg)
    assert root.get("aria-label") == title
    assert root.get("font-family") == FONTS
    assert svg.count("font-family") == 1
    assert "@" not in svg, "every word is there"
    assert chart(word).draw(FRAMES[word]) == svg, "the same frame gives the same bytes"


@each_chart
def test_no_rows_rows_of_nulls_and_a_single_row_give_a_picture(word: str) -> None:
    frame, draw, no_data = FRAMES[word], chart(word).draw, both("no_data")
    assert no_data in texts(draw(frame.head(0)))
    assert no_data in texts(draw(pd.DataFrame(None, index=range(2), columns=frame.columns)))
    for column in frame.columns:
        texts(draw(frame.astype(object).assign(**{column: None})))
    assert no_data not in texts(draw(frame.head(1)))


@each_chart
def test_texts_of_the_source_are_escaped_and_cut(word: str) -> None:
    nasty = "<script>&\x01@done " + "とても長い名前" * 20
    named = [
        name
        for name in ("project", "status", "milestone", "project_key", "person")
        if name in FRAMES[word]
    ]
    frame = FRAMES[word].assign(
        **{name: FRAMES[word][name].map(lambda old: f"{old[:1]}{nasty}") for name in named}
    )
    svg = chart(word).draw(frame)
    assert "<script" not in svg
    if named:
        shown = [text for text in texts(svg) if "<script>" in text]
        assert shown
        assert all("…" in text for text in shown)


def test_cumulative_flow_shows_the_last_day_and_draws_the_stages_in_one_order() -> None:
    draw = chart("flow_title").draw
    svg = draw(flow())
    [said] = [text for text in texts(svg) if text.startswith("2026-06-01 – 2026-06-03")]
    for number in (
        "待ち / waiting 24",
        "作業中 / active 18",
        "レビュー / review 12",
        "完了 / done 6",
    ):
        assert number in said
    assert {"OPS: 30", "WEB: 30"} <= set(texts(svg))
    assert set(STAGES.values()) <= {path.get("fill") for path in parsed(svg).iter(f"{SVG}path")}
    drawn = flow_rows.flow(flow())
    assert sorted({(row["order"], row["stage"]) for row in drawn.rows}) == [
        (at, both(f"stage_{one}")) for at, one in enumerate(STAGES)
    ]
    assert "OPS: 30" not in texts(draw(flow(projects=("OPS",)))), (
        "one project needs no second picture of it"
    )


def test_an_axis_of_flow_begins_below_what_was_done_before() -> None:
    old = flow().assign(issues=lambda frame: frame["issues"] + 1000.0 * (frame["stage"] == "done"))
    [floor] = flow_rows.flow(old).params
    assert 1900 < floor["value"] < 2002
    assert flow_rows.flow(flow()).params == [{"name": "floor", "value": 0}]


def test_throughput_counts_weeks_without_events_and_names_what_is_off_the_scale() -> None:
    drawn = flow_rows.throughput(weeks((0, 6, 4, 1), (3, 2, 4, 0)))
    assert [row["done"] for row in drawn.rows] == [4, 0, 0, 4]
    assert [row["mean"] for row in drawn.rows] == [4, 2, pytest.approx(4 / 3), 2]
    assert "完了 / done 8 · 登録 / created 8 · 再オープン / reopened 1" in drawn.said
    import_of_many = weeks(*((week, 10, 5, 0) for week in range(40)), (40, 900, 5, 0))
    assert "↑ 900" in texts(chart("throughput_title").draw(import_of_many))


def test_cycle_times_draw_some_dots_and_take_percentiles_of_all() -> None:
    drawn = flow_rows.cycle(cycles(100))
    assert len(drawn.rows) == 100
    assert [mark["text"] for mark in drawn.marks] == [
        "50 %: 50.5 日 / days",
        "85 %: 85.1 日 / days",
        "95 %: 95.0 日 / days",
    ]
    many = chart("cycle_title").draw(cycles(100_000))
    assert len(flow_rows.cycle(cycles(100_000)).rows) == flow_rows.MOST_DOTS
    assert any("200 件ごとに 1 点 / one dot in 200" in text for text in texts(many))
    assert len(many.encode()) < LARGEST_BYTES


def test_ageing_names_the_oldest_and_counts_risks() -> None:
    frame = pd.concat(
        [
            ages(6),
            ages(
                2,
                issue_key=["WEB-1", "WEB-2"],
                status="レビュー中",
                stage="review",
                risk=["low", "?"],
            ),
        ]
    )
    shown = texts(chart("ageing_title").draw(frame))
    [said] = [text for text in shown if text.startswith("最後の着手から")]
    assert "高 / high 6 · 中 / medium 0 · 低 / low 1 · 不明 / unknown 1" in said
    assert [text for text in shown if text.startswith("OPS-")] == [
        "OPS-5",
        "OPS-3",
        "OPS-2",
        "OPS-1",
    ], "OPS-4 has no room for its key"
    assert shown.index("処理中") < shown.index("レビュー中")
    many = chart("ageing_title").draw(ages(100_000))
    assert any("高 / high 100,000" in text for text in texts(many))
    assert len(flow_rows.ageing(ages(100_000)).rows) == flow_rows.OLDEST_SHOWN
    assert len(many.encode()) < LARGEST_BYTES


def test_burn_up_shows_the_milestones_with_most_left_to_do() -> None:
    shown = texts(chart("burn_title").draw(burn(milestones=9)))
    assert [text for text in shown if re.match(r"OPS v\d:", text)] == [
        f"OPS v{one}: 4 / {10 + one}" for one in (8, 7, 6, 5, 4, 3)
    ]
    [last] = [row for row in rows.burn(burn(due_date=date(2026, 6, 9))).rows if row.get("due")]
    assert last["due"] == ms(date(2026, 6, 9))
    assert not [row for row in rows.burn(burn(due_date=date(2027, 6, 9))).rows if row.get("due")], (
        "a year away, it would press the rest"
    )


def test_milestones_that_are_open_show_when_they_will_end() -> None:
    frame = forecasts(6)
    frame["due_date"] = [date(2026, 6, 30), date(2026, 7, 4), None, date(2026, 6, 4),
                         date(2026, 7, 3), date(2026, 6, 29)]  # fmt: skip
    frame.loc[2, "done_by_85"] = date(2027, 1, 1)
    for column in ("done_by_50", "done_by_85"):
        frame.loc[[3, 5], column] = None
    frame.loc[[3, 5], "reason"] = "too_few_done"
    drawn = rows.ends(frame)
    too_few = both("reason_too_few_done")
    assert [
        (row["milestone"].rstrip("\u200b"), row["state"], row["cut"], row["ends"], row["due_on"])
        for row in drawn.rows
    ] == [
        ("OPS v3", both("too_late"), "?", too_few, "2026-06-04"),
        ("OPS v5", both("no_forecast"), "?", too_few, "2026-06-29"),
        ("OPS v0", both("too_late"), "", "2026-07-04", "2026-06-30"),
        ("OPS v4", both("at_risk"), "", "2026-07-04", "2026-07-03"),
        ("OPS v1", both("in_time"), "", "2026-07-04", "2026-07-04"),
        ("OPS v2", both("no_due"), "→", "2027-01-01", "–"),
    ]
    assert {row["today"] for row in drawn.rows} == {ms(MONDAY + timedelta(days=4))}
    assert {row["half_on"] for row in drawn.rows} == {"2026-07-01", too_few}
    assert both("at_risk") in texts(chart("milestones_title").draw(frame))
    assert rows.ends(forecasts(done_by_50=None, done_by_85=None, due_date=None)).rows == []


def test_hours_name_those_with_most_and_add_up() -> None:
    shown = texts(chart("hours_title").draw(booked(8)))
    assert {"佐藤 7: 160.0", "佐藤 2: 60.0", "その他 / others: 60.0"} <= set(shown)
    assert any("合計 / total 720.0 h" in text for text in shown)
    taken_back = pd.concat(
        [
            booked(1),
            pd.DataFrame([(date(2026, 2, 1), None, -4.0)], columns=["month", "person", "hours"]),
        ]
    )
    assert "不明 / not known: -4.0" in texts(chart("hours_title").draw(taken_back))


def test_overdue_counts_by_person_and_by_how_late_they_are() -> None:
    drawn = rows.overdue(
        pd.concat([late(1, 7, 8, 30, 31), late(2, person=None), late(3, 4, person="鈴木")])
    )
    found = {(row["person"], row["late"]): row["issues"] for row in drawn.rows}
    assert found == {
        ("佐藤", both("late_week")): 2,
        ("佐藤", both("late_month")): 2,
        ("佐藤", both("late_long")): 1,
        (both("nobody"), both("late_week")): 1,
        ("鈴木", both("late_week")): 2,
    }
    assert [row["order"] for row in drawn.rows if row["person"] == "佐藤"] == [0, 0, 0]


def test_load_shows_those_with_most_first_and_plans_add_up() -> None:
    drawn = rows.load(ahead(30))
    assert [row["person"] for row in drawn.rows[:: rows.WEEKS_SHOWN]] == [
        f"佐藤 {one}" for one in range(29, 9, -1)
    ]
    assert drawn.said.endswith("合計 / total 37,200.0 h · 担当者 / Person 30")
    assert rows.plan(planned(3)).said == "予定 / planned 300.0 h · 実績 / actual 331.5 h"


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
    many = ["".join(map(chr, range(at, at + 10))) for at in range(0x4E00, 0x4E00 + 190, 10)]
    assert {*many} <= {*texts(overdue_of(many))}


def test_a_large_space_has_small_pictures() -> None:
    large = flow(days=120, projects=tuple(f"P{number}" for number in range(50)))
    assert len(chart("flow_title").draw(large).encode()) < LARGEST_BYTES
    assert len(chart("burn_title").draw(burn(milestones=200, days=120)).encode()) < LARGEST_BYTES
    many_weeks = weeks(*((week, 10, week % 9, week % 3) for week in range(104)))
    assert len(chart("throughput_title").draw(many_weeks).encode()) < LARGEST_BYTES
    assert len(chart("hours_title").draw(booked(300, months=12)).encode()) < LARGEST_BYTES


@pytest.mark.parametrize("name", list(specs.PAGE))
def test_the_page_has_every_word_that_its_charts_name_and_their_rows_come_from_it(
    name: str,
) -> None:
    made = program(specs.PAGE[name]())
    said = json.dumps(made, ensure_ascii=False)
    assert {one[1:] for one in re.findall(r"@[a-z_]+", said)} <= words().keys()
    assert [data["name"] for data in made["data"] if "values" in data] in (
        ["rows"],
        ["rows", "marks"],
    )
    assert "https" not in said.replace("https://vega.github.io/schema/", "")


def test_a_chart_that_cannot_be_drawn_is_left_out_and_said(
    warehouse: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    built = dg.Output(None, metadata={"unique_id": "model.backlog.flow_daily"})
    with caplog.at_level(logging.WARNING):
        assert chart_for(built, warehouse, logging.getLogger("marts")) == {}
    assert "flow_daily: its chart was left out: ProgrammingError" in caplog.text
    other = dg.Output(None, metadata={"unique_id": "model.backlog.reopen_event"})
    assert chart_for(other, warehouse, logging.getLogger("marts")) == {}

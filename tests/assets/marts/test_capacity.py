"""Capacity: the hours that people have, by the mapping and the calendar, and how much of them is
used: worked out by hand (`docs/metrics.md`).
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.assets.marts.building import build, last_checks, rows_of
from tests.assets.marts.test_bi_metrics import measured
from tests.assets.marts.worked_metrics import CAPACITY, UPCOMING
from tests.assets.marts.worked_plan import FIRST, SECOND
from tests.deployment import Deployment
from tests.scratch import edited_mappings

LINES = f"""\
person,project_key,from_day,to_day,hours_per_day,share
{FIRST},,2026-07-06,,6,
{FIRST},,2026-07-15,2026-07-17,0,
{FIRST},PLAN,2026-07-06,,,0.5
{SECOND},,2026-08-01,2026-08-14,,0.5
{SECOND},,2026-08-10,2026-08-31,4,
somebody,,,,4,
{SECOND},NONE,,,4,
{SECOND},PLAN,,,-4,
"""
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)


@pytest.fixture(scope="module")
def edited(marts: Deployment) -> Iterator[Deployment]:
    """Return the marts with marts of these lines; afterwards they are those of before."""
    with edited_mappings({"capacity.csv": LINES}):
        build(marts)
        yield marts
    build(marts)


def hours(deployment: Deployment, table: str, by: str) -> dict[tuple[Any, ...], Any]:
    """Return the hours of both people in a table of days."""
    found = deployment.query(
        f"SELECT user_name, {by}, sum(hours) AS hours FROM mart.{table} "
        f"WHERE user_name IN ('{FIRST}', '{SECOND}') GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return {(row["user_name"], row[by]): row["hours"] for row in found}


def test_without_a_line_people_have_the_working_hours_from_their_first_day_on(
    marts: Deployment,
) -> None:
    months = hours(marts, "capacity", "month")
    # 22 working days: Marine Day is off.
    assert months[FIRST, JULY] == months[SECOND, JULY] == 176
    assert min(month for _, month in months) == JULY
    assert marts.query("SELECT * FROM mart.capacity WHERE user_id = 0") == []
    assert marts.query("SELECT * FROM mart.capacity_project") == []


def test_lines_change_the_hours_of_their_days_and_the_later_one_counts(edited: Deployment) -> None:
    months, weeks = hours(edited, "capacity", "month"), hours(edited, "capacity", "week")
    # Three days of 8, then 19 of 6 but for the three of the leave.
    assert months[FIRST, JULY] == 24 + 16 * 6
    assert months[SECOND, JULY] == 176
    assert [weeks[SECOND, date(2026, 8, day)] for day in (3, 10, 17, 31)] == [20, 16, 20, 36]


def test_a_project_has_its_share_of_what_the_person_has(edited: Deployment) -> None:
    months = hours(edited, "capacity_project", "month")
    assert months[FIRST, JULY] == 16 * 3
    assert {person for person, _ in months} == {FIRST}


def test_load_is_set_against_the_hours_that_the_person_has(edited: Deployment) -> None:
    found = edited.query(
        "SELECT user_name, hours, capacity_hours, utilisation FROM mart.upcoming_load "
        "WHERE project_key = 'PLAN' AND week = '2026-08-03' ORDER BY user_id"
    )
    load = [tuple(map(row.get, ("user_name", "hours", "capacity_hours"))) for row in found]
    assert load == [(FIRST, 15, 30), (SECOND, 20, 20)]
    assert [row["utilisation"] for row in found] == [Decimal("0.5"), 1]


def test_metrics_of_capacity_have_the_numbers_that_were_worked_out_by_hand(
    edited: Deployment, reader: Engine
) -> None:
    del edited
    day = "{{{{ TimeDimension('metric_time', '{}') }}}} = date '{}'"
    of_july, of_week = day.format("month", JULY), day.format("week", date(2026, 8, 3))
    of = f"person={FIRST}"
    assert measured(reader, CAPACITY, of, of_july) == pytest.approx(CAPACITY)
    assert measured(reader, UPCOMING, of, of_week) == pytest.approx(UPCOMING)


def test_wrong_lines_of_capacity_are_named(edited: Deployment) -> None:
    check = last_checks(edited)["mappings_are_understood"]
    assert not check.passed
    assert [(row["line"], row["reason"]) for row in rows_of(check)] == [
        ("5", "line 6 is for some of the same days and counts there"),
        ("7", "no person has this id, login or name"),
        ("8", "no project has the key NONE"),
        ("9", "hours_per_day is '-4': expected a number from 0 to 24"),
    ]

"""What a build makes of mappings that people have edited: capacity, the hours that people have and
how much of them is used, days off and baselines, worked out by hand (`docs/metrics.md`); and of
wrong lines.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine

from tests.assets.marts.building import build, checks_of, rows_of
from tests.assets.marts.test_bi_metrics import measured
from tests.assets.marts.worked_metrics import CAPACITY, UPCOMING
from tests.assets.marts.worked_plan import FIRST, SECOND
from tests.deployment import Deployment, Run
from tests.scratch import edited_mappings

EDITED = {
    "capacity.csv": f"""\
person,project_key,from_day,to_day,hours_per_day,share
{FIRST},,2026-07-06,,6,
{FIRST},,2026-07-15,2026-07-17,0,
{FIRST},PLAN,2026-07-06,,,0.5
{SECOND},,2026-08-01,2026-08-14,,0.5
{SECOND},,2026-08-10,2026-08-31,4,
somebody,,,,4,
{SECOND},NONE,,,4,
{SECOND},PLAN,,,-4,
""",
    "days_off.csv": """\
space_key,from_day,to_day,is_working,name
,09-24,09-25,,秋季休業
,2026-02-30,,,
acme2,09-28,,,
""",
    "baselines.csv": """\
project_key,baseline_day
NONE,2026-04-01
OPS,2999-01-01
PLAN,2026-07-06
BASE,2026-07-06
""",
}
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)


@pytest.fixture(scope="module")
def run(marts: Deployment) -> Iterator[Run]:
    """Return a build with these lines; afterwards the marts are those of before."""
    with edited_mappings(EDITED):
        yield build(marts)
    build(marts)
    assert marts.query("SELECT * FROM mart.mapping_problem") == []


@pytest.fixture(scope="module")
def edited(marts: Deployment, run: Run) -> Deployment:
    """Return the marts of these lines."""
    del run
    return marts


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


def test_days_off_are_in_the_calendar(edited: Deployment) -> None:
    off = edited.query(
        "SELECT day FROM mart.calendar WHERE holiday_name = '秋季休業' "
        "AND fiscal_year = 2026 ORDER BY day"
    )
    assert [str(row["day"]) for row in off] == ["2026-09-24", "2026-09-25"]


def test_a_baseline_has_the_plans_of_the_end_of_its_day(edited: Deployment) -> None:
    """Worked by hand in docs/metrics.md."""
    baselines = edited.query(
        "SELECT project_key || ' ' || as_of AS at, baseline_planned_value AS planned, "
        "baseline_budget_hours AS budget FROM mart.earned_value_project "
        "WHERE project_key IN ('BASE', 'PLAN') AND month = '2026-07-01' "
        "AND as_of > '2026-07-05' ORDER BY as_of, project_key"
    )
    assert {row["at"]: (row["planned"], row["budget"]) for row in baselines} == {
        "BASE 2026-07-12": (0, 23),
        "PLAN 2026-07-12": (8, 49),
        "BASE 2026-07-19": (4, 23),
        "PLAN 2026-07-19": (19, 49),
        "BASE 2026-07-26": (17, 23),
        "PLAN 2026-07-26": (39, 49),
        "BASE 2026-07-31": (17, 23),
        "PLAN 2026-07-31": (39, 49),
    }


def test_a_build_goes_on_without_the_wrong_lines_and_names_them(run: Run) -> None:
    check = checks_of(run)["mappings_are_understood"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert [(row["file"], row["line"], row["reason"]) for row in rows_of(check)] == [
        ("baselines.csv", "2", "no project has the key NONE"),
        ("baselines.csv", "3", "baseline_day is in the future"),
        ("capacity.csv", "5", "line 6 is for some of the same days and counts there"),
        ("capacity.csv", "7", "no person has this id, login or name"),
        ("capacity.csv", "8", "no project has the key NONE"),
        ("capacity.csv", "9", "hours_per_day is '-4': expected a number from 0 to 24"),
        ("days_off.csv", "3", "from_day is '2026-02-30': expected a day as 2026-08-13 or 08-13"),
        ("days_off.csv", "4", "no space has the key acme2"),
    ]
    said = [entry.user_message for entry in run.instance.all_logs(run.run_id)]
    assert "mappings: days_off.csv, line 3: from_day is '2026-02-30'" in "\n".join(said)

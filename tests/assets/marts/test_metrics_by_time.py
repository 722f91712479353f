"""Metrics by week, month and fiscal year: of which day they are."""

from datetime import date
from typing import Any

from sqlalchemy import Engine

from tests.assets.marts.test_bi_metrics import rows


def test_earned_value_by_time_is_of_its_last_day_and_in_it_of_the_time_alone(
    reader: Engine,
) -> None:
    """The last Sunday of July is the 26th, on the 30th hours were booked, and the last row is of
    Saturday 1 August.
    """

    def of(grain: str) -> list[tuple[Any, ...]]:
        found = rows(reader, ["actual_cost", "cost_in_period"], [grain], ["project=PLAN"])
        return [tuple(row.values()) for row in found]

    assert of("month") == [(date(2026, 7, 1), 17, 17), (date(2026, 8, 1), 17, 0)]
    assert of("week") == [
        (date(2026, 6, 29), 2, 2),
        (date(2026, 7, 6), 8, 6),
        (date(2026, 7, 13), 13, 5),
        (date(2026, 7, 20), 13, 0),
        (date(2026, 7, 27), 17, 4),
    ]
    assert of("fiscal_year") == [(2026, 17, 17)]
    assert of("fiscal_quarter") == [("2026Q2", 17, 17)]
    halves = rows(reader, ["planned_hours"], ["fiscal_half"], ["project=PLAN"])
    assert halves == [{"fiscal_half": "2026H1", "planned_hours": 56}]
    years = rows(reader, ["hours", "issues"], ["fiscal_year"], ["project=PLAN"])
    assert years == [{"fiscal_year": 2026, "hours": 17, "issues": 7}]

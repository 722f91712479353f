"""Each metric at each grain: it runs and adds up to what its rows add up to, or it is refused; and
metrics by week, month and fiscal year: of which day they are.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from assets.marts.manifest import manifest
from assets.marts.metrics import GRAINS, MetricError, Metrics
from tests.assets.marts.test_bi_metrics import rows

DEFINED = Metrics(manifest())
_DECLARED = json.loads(manifest().with_name("semantic_manifest.json").read_text(encoding="utf-8"))
_MEASURES = {
    one["name"]: one for model in _DECLARED["semantic_models"] for one in model["measures"]
}
#: Metrics whose values of days add up to those of a month: no share, median or state of a day.
ADDED_UP = {
    metric["name"]
    for metric in _DECLARED["metrics"]
    if metric["type"] == "simple"
    for measure in [_MEASURES[metric["type_params"]["measure"]["name"]]]
    if measure["agg"] in ("sum", "count", "sum_boolean") and not measure["non_additive_dimension"]
}


def fiscal(day: date) -> tuple[int, int]:
    """Return the fiscal year of a day, and how many months of it are over."""
    return day.year - (day.month < 4), (day.month - 4) % 12


#: The time in which a day lies.
TIME_OF: Mapping[str, Callable[[date], object]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=day.month - (day.month - 1) % 3, day=1),
    "year": lambda day: day.replace(month=1, day=1),
    "fiscal_quarter": lambda day: f"{fiscal(day)[0]}Q{fiscal(day)[1] // 3 + 1}",
    "fiscal_half": lambda day: f"{fiscal(day)[0]}H{fiscal(day)[1] // 6 + 1}",
    "fiscal_year": lambda day: fiscal(day)[0],
}


@pytest.mark.parametrize("metric", DEFINED.all)
def test_a_metric_adds_up_at_each_grain_that_is_offered(reader: Engine, metric: str) -> None:
    offered = DEFINED.grains([metric])
    assert offered
    for grain in GRAINS:
        if grain not in offered:
            with pytest.raises(MetricError, match=f"only by {', '.join(offered)}, not by {grain}"):
                DEFINED.sql([metric], [grain])
    finest, *coarser = offered
    found = rows(reader, [metric], by=[finest])
    with reader.connect() as connection:
        last = connection.exec_driver_sql("SELECT max(day) FROM mart.calendar").scalar_one()
    for grain in coarser if metric in ADDED_UP else ():
        sums: dict[object, float] = defaultdict(float)
        for row in found:
            day = row[finest]
            # What is due after the end of the calendar is in no fiscal year.
            known = day and (day <= last or "fiscal" not in grain)
            sums[TIME_OF[grain](day) if known else None] += float(row[metric] or 0)
        by_grain = {row[grain]: float(row[metric] or 0) for row in rows(reader, [metric], [grain])}
        assert by_grain == {begin: pytest.approx(value) for begin, value in sums.items()}


def test_tables_of_weeks_and_of_months_meet_at_no_time() -> None:
    assert DEFINED.grains(["upcoming_hours"]) == ["week"]
    assert DEFINED.grains(["planned_hours"]) == [
        one for one in GRAINS if one not in ("day", "week")
    ]
    assert len(ADDED_UP) > 40
    with pytest.raises(MetricError, match="can be cut together by no time, not by week"):
        DEFINED.sql(["upcoming_hours", "planned_hours"], ["week"])


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

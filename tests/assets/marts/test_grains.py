"""Each metric at each grain: it runs and adds up to what its rows add up to, or it is refused."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, timedelta

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

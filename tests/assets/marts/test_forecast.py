"""Velocity and forecasts: numbers worked out by hand (`docs/metrics.md`), and all forecasts by the
rule from the history of the issues.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from math import sqrt
from statistics import mean, stdev
from typing import Any

import pytest

from tests.deployment import Deployment

JULY, DAY = date(2026, 7, 1), timedelta(days=1)
#: A project and a milestone; 0: the project.
Unit = tuple[int, int]


def test_what_came_into_a_milestone_done_counts_only_if_it_was_reopened(marts: Deployment) -> None:
    [row] = marts.query("SELECT * FROM mart.velocity WHERE project_key = 'PACE'")
    counts = ("committed", "added", "removed", "done", "left_open", "carried_over")
    assert [row[name] for name in counts] == [5, 2, 1, 5, 1, 1]
    hours = ("committed_hours", "added_hours", "removed_hours", "done_hours", "left_open_hours")
    assert [row[name] for name in hours] == [17, 4, 5, 10, 6]
    assert row["actual_hours"] == Decimal("8.5"), "booked in its days, while it was in it"


@pytest.mark.parametrize(
    ("milestone", "as_of", "basis", "measured", "left_open", "days", "dates", "reason"),
    [
        (None, 24, "project", (17, 7, 1, "0.3529", "0.7019"), 2, (6, 14), "08-03 08-14", None),
        ("速", 3, "project", (3, 2, 0, "0.6667", "0.5774"), 5, None, None, "not_begun"),
        ("速", 6, "project", (4, 2, 0, "0.5000", "0.5774"), 5, None, None, "too_few_done"),
        ("速", 24, "project", (17, 7, 1, "0.3529", "0.7019"), 1, (3, 10), "07-29 08-07", None),
        ("速", 27, "milestone", (15, 5, 1, "0.2667", "0.7037"), 1, (4, 14), "07-31 08-17", None),
    ],
)
def test_the_rest_is_done_by_two_dates_or_it_says_why_nobody_knows(
    marts: Deployment,
    milestone: str | None,
    as_of: int,
    basis: str,
    measured: tuple[Any, ...],
    left_open: int,
    days: tuple[int, int] | None,
    dates: str | None,
    reason: str | None,
) -> None:
    [row] = marts.query(
        "SELECT * FROM mart.forecast WHERE project_key = 'PACE' "
        f"AND as_of = '{JULY.replace(day=as_of)}' AND coalesce(milestone, '') = '{milestone or ''}'"
    )
    names = ("basis", "working_days", "finished", "reopened", "per_day", "spread", "left_open",
             "days_50", "days_85", "reason")  # fmt: skip
    *counted, per_day, spread = measured
    assert [row[name] for name in names] == [
        basis, *counted, Decimal(per_day), Decimal(spread), left_open, *(days or (None, None)),
        reason,
    ]  # fmt: skip
    found = [str(row[name]) for name in ("done_by_50", "done_by_85")]
    assert found == ([f"2026-{one}" for one in dates.split()] if dates else ["None"] * 2)


@dataclass(frozen=True)
class State:
    """What an issue was at the end of a day: in which project and milestones, and whether done."""

    units: frozenset[Unit] = frozenset()
    is_done: bool = False


def changes_of(marts: Deployment) -> Iterator[tuple[date, State, State]]:
    """Give each change of an issue: its day, and what it was before and after it."""
    stones = {row["id"]: row["project_id"] for row in marts.rows("versions")}
    made_done = {
        row["issue_id"]
        for row in marts.query(
            "SELECT issue_id FROM mart.issue_status_interval WHERE position = 0 AND stage = 'done'"
        )
    }
    rows = marts.query("SELECT * FROM mart.issue_history ORDER BY issue_id, first_day")
    for issue, runs in groupby(rows, lambda row: row["issue_id"]):
        before = State(is_done=issue in made_done)
        for row in runs:
            project = row["project_id"]
            units = {(project, 0)} | {
                (stones.get(one, project), one) for one in row["milestone_ids"]
            }
            now = State(frozenset(units), row["stage"] == "done")
            yield row["first_day"], before, now
            before = now
        if row["last_day"]:
            yield row["last_day"] + DAY, before, State()


@dataclass
class Pace:
    """What changed by day in a project or milestone."""

    start: date | None
    days: dict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def lately(self, as_of: date, working: list[date]) -> tuple[list[int], int, int]:
        """Return what was done on each working day of the window, and issues done and reopened."""
        began = max(min(self.days), self.start or date.min)
        since = [day for day in working if began <= day <= as_of]
        window = since[-60:]
        net, finished, reopened = [0] * len(window), 0, 0
        for day, changed in self.days.items():
            place = bisect_right(window, day) - 1
            is_before = place < 0 and len(since) > len(window)
            if not window or day < began or day > as_of or is_before:
                continue
            net[max(place, 0)] += changed["finished"] - changed["reopened"]
            finished += changed["finished"]
            reopened += changed["reopened"]
        return net, finished, reopened

    def left(self, as_of: date) -> int:
        """Return the open issues at the end of a day."""
        return sum(one["scope"] - one["done"] for day, one in self.days.items() if day <= as_of)


def paces_of(marts: Deployment, today: date) -> dict[Unit, Pace]:
    """Return what changed by day in each project and milestone."""
    starts = {row["id"]: row["start_date"] for row in marts.rows("versions")}
    found: dict[Unit, Pace] = {}
    for day, before, now in changes_of(marts):
        for unit in before.units | now.units if day <= today else ():
            was_in, is_in = unit in before.units, unit in now.units
            changed = found.setdefault(unit, Pace(starts.get(unit[1]))).days[day]
            changed["scope"] += is_in - was_in
            changed["done"] += (is_in and now.is_done) - (was_in and before.is_done)
            changed["finished"] += is_in and now.is_done and not before.is_done
            changed["reopened"] += was_in and is_in and before.is_done and not now.is_done
    for pace in found.values():
        for day in [day for day, one in pace.days.items() if not any(one.values())]:
            del pace.days[day]
    return found


def forecast(
    pace: Pace, project: Pace, as_of: date, working: list[date], *, is_project: bool
) -> tuple[Any, ...]:
    """Return a forecast by the rule."""
    net, finished, reopened = pace.lately(as_of, working)
    basis = "milestone" if len(net) >= 15 and not is_project else "project"
    if basis == "project":
        net, finished, reopened = project.lately(as_of, working)
    left = pace.left(as_of)
    measured = (basis, len(net), finished, reopened, left)
    if left == 0:
        return (*measured, None, None, "nothing_left")
    if pace.start and pace.start > as_of:
        return (*measured, None, None, "not_begun")
    if finished < 5:
        return (*measured, None, None, "too_few_done")
    if len(net) < 2:
        return (*measured, None, None, "too_few_days")
    if sum(net) <= 0:
        return (*measured, None, None, "all_reopened")
    ahead = [day for day in working if day > as_of]
    # By the promise itself: the first of the days to come by which so much is done.
    done_by = [
        next(
            day
            for n, day in enumerate(ahead, 1)
            if n * mean(net) - quantile * stdev(net) * sqrt(n) >= left - 1e-6
        )
        for quantile in (0, 1.0364)
    ]
    return (*measured, *done_by, None)


def test_every_forecast_is_what_the_rule_gives_day_by_day(marts: Deployment) -> None:
    [today] = [row["day"] for row in marts.query("SELECT day FROM staging.space_today")]
    working = [
        row["day"]
        for row in marts.query("SELECT day FROM mart.calendar WHERE is_working_day ORDER BY day")
    ]
    paces = paces_of(marts, today)
    expected = {}
    for (project, stone), pace in paces.items():
        last = today
        if stone and not pace.left(today):
            last = min(today, next(day for day in working if day >= max(pace.days)))
        for as_of in sorted({*working, today}):
            if max(min(pace.days), today - 400 * DAY) <= as_of <= last:
                of = paces.get((project, 0), pace)
                expected[project, stone, as_of] = forecast(
                    pace, of, as_of, working, is_project=not stone
                )
    rows = marts.query("SELECT * FROM mart.forecast")
    columns = ("basis", "working_days", "finished", "reopened", "left_open", "done_by_50",
               "done_by_85", "reason")  # fmt: skip
    found = {
        (row["project_id"], row["milestone_id"], row["as_of"]): tuple(row[name] for name in columns)
        for row in rows
    }
    assert {row["reason"] for row in rows} >= {None, "nothing_left", "not_begun", "too_few_done"}
    assert found == expected

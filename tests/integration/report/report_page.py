"""The report in a browser: how it is opened, what it adds up by itself, and what the metrics
say.
"""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page

from assets.marts.manifest import manifest
from assets.marts.metrics import Metrics
from assets.marts.report_data import packed
from tests.browser import Reader
from tests.deployment import Deployment

TOKYO = ZoneInfo("Asia/Tokyo")
DEFINED = Metrics(manifest())


def opened(somebody: Reader, file: Path) -> Page:
    page = somebody.open(file)
    settled(page)
    return page


def settled(page: Page) -> None:
    page.locator("body[data-drawing=no]").wait_for()


#: What the page works out of its rows for a choice, all time.
ADDED_UP = """choice => {
  Object.assign(chosen, { project: "", type: "", person: "", period: "all" }, choice);
  const all = selection(), stages = flow().chart, last = stages.at(-1)?.day;
  return {
    overdue: overdue(all).rows.length,
    stages: stages.filter(row => row.day === last && row.issues).map(row =>
      [STAGES[row.order], row.issues]),
    weeks: throughput(all).chart.map(row =>
      [iso(row.week / MS), row.created, row.done, row.reopened]),
    months: plan().chart.map(row => [row.month, row.planned, row.actual]),
    load: load(all).rows.map(row =>
      [DATA.people[row.a], [0, 1, 2, 3, 4, 5, 6].reduce((all, week) => all + row[week][0], 0)]),
    milestones: burns(milestones(all).rows).map(({ row, chart }) =>
      [row.project, row.name, chart.at(-1).scope, chart.at(-1).done]),
  };
}"""


Row = tuple[Any, ...]


def kept(rows: list[list[Any]]) -> dict[Row, Any]:
    """Return numbers by what precedes them, without rows of zeros."""
    made = {
        tuple(one for one in row if isinstance(one,
            str)): [one for one in row if not isinstance(one, str)]
        for row in rows
    }  # fmt: skip
    return {
        of: pytest.approx(numbers, abs=0.02)
        for of, numbers in made.items()
        if any(abs(one) > 0.02 for one in numbers)
    }


def metric(built: Deployment, names: list[str], by: list[str], where: list[str]) -> dict[Row, Any]:
    """Return the rows of metrics as the page has them: days as text, months without a day."""
    length = {"month": 7, "week": 10}.get(by[0])
    found: dict[Row, Any] = {}
    with built.engine.connect() as connection:
        for place, name in enumerate(
            names
        ):  # two of different tables could not be cut by project together
            made = connection.exec_driver_sql(
                DEFINED.sql([name], by, where), execution_options={"no_parameters": True}
            )
            for *of, value in made:
                numbers = found.setdefault(
                    tuple(str(one)[:length] for one in of), [0.0] * len(names)
                )
                numbers[place] = float(value or 0)
    return {of: numbers for of, numbers in found.items() if any(numbers)}


def total(built: Deployment, name: str, where: list[str]) -> float:
    """Return a metric of all; 0 of none."""
    return sum(sum(numbers) for numbers in metric(built, [name], ["project"], where).values())


def number(said: str) -> float:
    return float("".join(one for one in said if one.isdigit() or one == "."))


#: The first milestone under way has no forecast, and its due date is long past; another ends in
#: years.
SLOWED = """() => {
  const rows = milestones(selection()).rows.filter(isUnderWay), [first, second] = rows;
  const late = { by_50: null, by_85: null, reason: "too_few_done", due: DATA.today - 400 };
  Object.assign(DATA.milestones[first.m], late, { state: "too_late" });
  const slow = { by_50: DATA.today + 800, by_85: DATA.today + 900, reason: null };
  Object.assign(DATA.milestones[second.m], slow, { due: DATA.today + 10, state: "too_late" });
  update();
  return [first.milestone, second.milestone, iso(late.due), iso(slow.by_85)];
}"""


def with_data(file: Path, data: dict[str, Any], path: Path) -> Path:
    """Write the page with other data, and return where it is."""
    path.write_text(
        re.sub(r'(?<=id="data">)[A-Za-z0-9+/=]+', packed(data), file.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    return path

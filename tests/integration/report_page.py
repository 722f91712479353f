"""The report in a browser: a space that it shows, how it is opened, what it adds up by itself, and
what the metrics say.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from playwright.sync_api import Page

from assets.marts.manifest import manifest
from assets.marts.metrics import Metrics
from assets.marts.report_data import packed
from resources.warehouse.connect import engine
from simulator import Simulator, SpaceSpec
from tests.browser import Reader
from tests.deployment import Deployment, quiet

TOKYO = ZoneInfo("Asia/Tokyo")
DEFINED = Metrics(manifest())
SPACE = SpaceSpec(seed=11, users=8, projects=3, issues=150, history_days=200)


@contextmanager
def space_with_marts(warehouse_url: str) -> Iterator[Deployment]:
    """Give a deployment that is loaded and has its marts."""
    made = engine(warehouse_url)
    with Simulator(SPACE) as sim, dg.DagsterInstance.ephemeral() as instance:
        # Everybody is in a team there: who has most issues leaves them; and an issue is of nobody.
        [(busiest, _)] = Counter(
            issue.assignee_id for issue in sim.space.issues.values() if issue.assignee_id
        ).most_common(1)
        for team in sim.space.teams.values():
            team.members[:] = [user for user in team.members if user != busiest]
        sim.space.create_issue("OPS", at=datetime(2026, 5, 1, tzinfo=TOKYO), due_date="2026-05-08")
        # A milestone that was given up, with what is left of it.
        old = sim.space.add_version("OPS", "前の計画", at=datetime(2026, 4, 1, tzinfo=TOKYO)).id
        sim.space.create_issue(
            "OPS",
            at=datetime(2026, 4, 2, tzinfo=TOKYO),
            milestone_ids=(old,),
            due_date="2026-05-29",
        )
        sim.space.archive_version("OPS", old)
        deployment = Deployment(sim, warehouse_url, made, instance, sim.api_key, quiet())
        deployment.load().run("marts")
        yield deployment
    made.dispose()


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


def emptied(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a report of a space without issues."""
    return {
        **data,
        "tables": {name: {key: [] for key in table} for name, table in data["tables"].items()},
        "total": 0,
        "notes": [["note_empty", {}]],
        "projects": [],
        "types": [],
        "people": [""],
        "teams": [],
        "statuses": [],
        "sync": [],
    }

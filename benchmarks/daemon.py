"""How long a change at the source takes to reach its row, through a running `backlog-elt up`, and
what waiting costs.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.figures import Figure, expect_equal
from benchmarks.workshop import api, control, home, served
from resources.warehouse.server.connect import engine
from simulator import SpawnedSimulator, spawn_simulator

LATENCY_BOUND = 90.0
IDLE_BOUND = 1.0
IDLE_TICKS = 4
#: Seconds from one change to the next, at least and at most: some come while the run for another
#: works.
GAPS = (2.0, 40.0)
#: A change that is not seen within this time has got lost.
PATIENCE = 300.0
FEED = "/space/activities"

ROW = "SELECT count(*) FROM raw.issues WHERE id = :id AND summary = :said AND deleted_at IS NULL"
GONE = "SELECT count(*) FROM raw.issues WHERE id = :id AND deleted_at IS NOT NULL"
COMMENT = (
    "SELECT count(*) FROM raw.comments WHERE id = :id AND content = :said AND deleted_at IS NULL"
)


@dataclass
class Change:
    """A change that was made, and the query that counts its row once it is there."""

    kind: str
    query: str
    values: dict[str, Any]
    made: float
    seconds: float | None = None


def latency(count: int) -> Iterator[Figure]:
    """Make so many changes at random moments next to a running daemon, and time each to its row;
    before that, watch it idle.
    """
    group = "from a change to its row, by the sensor: 5 projects, 600 issues"
    # With the limits of the paid plan.
    with spawn_simulator(projects=5, issues=600) as simulator, home(simulator) as place:
        place.load()
        warehouse = engine(place.python("pipelines", "status", "--json").found["warehouse"]["url"])
        control(simulator, "/requests", method="DELETE")
        with served(place):
            yield from _idle(simulator)
            changes = _changes(simulator, warehouse, count)
        warehouse.dispose()
    lost = [f"{change.kind} {change.values}" for change in changes if change.seconds is None]
    expect_equal(f"changes that did not come within {PATIENCE:.0f} s", lost, [])
    seconds = [change.seconds or 0.0 for change in changes]
    kinds = sorted({change.kind for change in changes})
    yield Figure(group, f"changes timed ({', '.join(kinds)})", len(changes), "changes")
    yield Figure(group, "fastest", min(seconds), "s", LATENCY_BOUND)
    yield Figure(group, "median", median(seconds), "s", LATENCY_BOUND)
    yield Figure(group, "slowest", max(seconds), "s", LATENCY_BOUND)


def _idle(simulator: SpawnedSimulator) -> Iterator[Figure]:
    """Count the requests of a space in which nothing happens, over some ticks of the sensor."""
    group = "the daemon on an idle space"
    # Projects are looked for when the daemon starts and every quarter of an hour, by another
    # sensor.
    _until(lambda: _asked(simulator).get(FEED, 0) >= 2 and "/projects" in _asked(simulator), 120)
    control(simulator, "/requests", method="DELETE")
    began = time.monotonic()
    _until(lambda: _asked(simulator).get(FEED, 0) >= IDLE_TICKS, 600)
    seconds, asked = time.monotonic() - began, _asked(simulator)
    yield Figure(group, "ticks of the sensor watched", asked[FEED], "ticks")
    yield Figure(
        group, "requests a tick", sum(asked.values()) / asked[FEED], "requests", IDLE_BOUND
    )
    for route, number in sorted(asked.items()):
        yield Figure(group, f"  GET {route}", number, "requests")
    yield Figure(group, "from tick to tick", seconds / asked[FEED], "s")


def _changes(simulator: SpawnedSimulator, warehouse: Engine, count: int) -> list[Change]:
    """Make changes, and watch for each until its row is there."""
    rng = Random(7)  # noqa: S311 - moments
    issues = api(simulator, f"/issues?count={count}&sort=created&order=asc")
    made: list[Change] = []
    due = time.monotonic()
    while len(made) < count or any(change.seconds is None for change in made):
        if len(made) < count and time.monotonic() >= due:
            made.append(_change(simulator, len(made), issues[len(made)]))
            due = time.monotonic() + rng.uniform(*GAPS)
        for change in made:
            if change.seconds is None and _is_there(warehouse, change):
                change.seconds = time.monotonic() - change.made
        if made and time.monotonic() - made[-1].made > PATIENCE:
            break
        time.sleep(0.2)
    return made


def _change(simulator: SpawnedSimulator, number: int, issue: dict[str, Any]) -> Change:
    said, began = f"Change {number}", time.monotonic()
    kind, action, arguments, query = (
        ("edits", "edit_issue", {"issue": issue["id"], "summary": said}, ROW),
        ("comments", "comment", {"issue": issue["id"], "content": said}, COMMENT),
        ("creations", "create_issue", {"project": issue["projectId"], "summary": said}, ROW),
        ("deletions", "delete_issue", {"issue": issue["id"]}, GONE),
    )[number % 4]
    ids = control(simulator, "/actions", {"action": action, "arguments": arguments})["ids"]
    row = ids[0] if kind in ("comments", "creations") else issue["id"]
    return Change(kind, query, {"id": row, "said": said}, began)


def _is_there(warehouse: Engine, change: Change) -> bool:
    with warehouse.connect() as connection:
        return bool(connection.execute(text(change.query), change.values).scalar_one())


def _asked(simulator: SpawnedSimulator) -> dict[str, int]:
    by_route: dict[str, int] = control(simulator, "/requests")["route"]
    return by_route


def _until(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(f"what was waited for did not come within {seconds:.0f} s")
        time.sleep(0.2)

"""What happens while `backlog-elt up` runs, as lines for the person who started it."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Self

from pipelines.hosting.screen import Screen
from resources.links import dagster_of_people
from resources.problems.names import name_range
from resources.problems.problem import Problem
from resources.progress import how_far
from resources.redact import plain_line
from resources.secret import reveal
from resources.settings import Settings
from resources.warehouse.history.history_reader import Sync, active_syncs
from resources.warehouse.history.run_kinds import OF_COMMAND
from resources.warehouse.state.builds import last_built
from resources.warehouse.state.heartbeats import DEAD_AFTER, alerts_of, last_beat
from resources.warehouse.state.known_spaces import space_or_url
from resources.warehouse.state.seen_conditions import current
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource

LOOK_SECONDS, PROGRESS_SECONDS = 2.0, 60.0
#: What is counted of a load, in the order in which it is shown.
COUNTED = ("issues", "comments", "activities", "users", "projects")
#: The alerter cannot report this of itself.
SILENT = Problem("silent/alerts", "alerter_silent")

_logger = logging.getLogger(__name__)

Problems = Mapping[str, Mapping[str, Any]]


def news(before: Problems, now: Problems, dagster_url: str) -> Iterator[str]:
    """Yield a line for each problem that is new, and for each that is over, both by their keys."""
    for key in sorted(now.keys() - before.keys()):
        one = now[key]
        # A command that ended before its first run has no page in Dagster.
        seen = dagster_url and one["run_id"] and not one["run_id"].startswith(OF_COMMAND)
        link = f"  {dagster_url}/runs/{one['run_id']}" if seen else ""
        yield f"problem: {_about(one)}; {one['step']}{link}"
    for key in sorted(before.keys() - now.keys()):
        yield f"over: {_about(before[key])}"


def _about(problem: Mapping[str, Any]) -> str:
    place = name_range(problem["partition"])
    where = f" ({place})" if place else ""
    return f"{problem['asset']}{where}: {plain_line(problem['cause'])}"


def loaded(code: int, summary: Mapping[str, Any], again: timedelta | None) -> str:
    """Return what the first load did; `summary` is the object of `load --json`, `again` how long
    after its failure it is started again.
    """
    if code:
        why = plain_line(next(iter(summary.get("errors", ())), "see the log"))
        pause = again and f"it goes on in {again.total_seconds() / 60:.0f} min"
        return f"the load has failed: {why}; {pause or 'the schedules try again'}"
    tables, figures = summary.get("tables", {}), []
    for table in COUNTED:
        rows = tables.get(table, {})
        count = sum(rows.get(name, 0) for name in ("inserted", "updated", "deleted"))
        figures += [f"{count:,} {table}"] if count else []
    of = " from a simulated space" if summary.get("simulated") else ""
    what = f"{', '.join(figures)}{of} in schema raw" if figures else f"nothing has changed{of}"
    return f"loaded: {what} ({summary.get('seconds', 0):.0f} s)"


def progress(seconds: float, active: Sequence[Sync]) -> str:
    """Return how far the first load is, after so many seconds."""
    # The rows of one load and type, one for each project, all say how far that load is.
    loads = {(one.run_id, one.sync_type): asdict(one) | {"project_key": None} for one in active}
    return "; ".join((f"loading, {timedelta(seconds=int(seconds))}", *map(how_far, loads.values())))


class Follower(threading.Thread):
    """Reads the warehouse in a thread of its own, so that a slow database holds up nothing else.

    `loading_since`: when the first load began, None while none works. `built`: the newest build of
    the marts that has ended since this began. `disconnected`: Backlog cannot be read.
    `at_work`: how many runs load something.
    """

    def __init__(self, settings: Settings, screen: Screen) -> None:
        super().__init__(name="following", daemon=True)
        self.loading_since: float | None = None
        self.built: int | None = None
        self.disconnected = False
        self.at_work = 0
        url = reveal(settings.warehouse_url)
        self._warehouse = WarehouseResource(url=url, home=str(settings.home))
        self._url = settings.backlog_url or ""
        self._screen = screen
        self._ended = threading.Event()
        self._problems: Problems = {}
        self._built_before: int | None = None
        self._beat_before: datetime | None = None
        self._beat_at: datetime | None = None
        self._alive_at = time.monotonic()
        self._progress_at = -PROGRESS_SECONDS

    def run(self) -> None:
        """Look every few seconds, until the end."""
        lost = ""
        while not self._ended.is_set():
            before, lost = lost, ""
            try:
                self.look()
            except WarehouseError as error:
                lost, self._alive_at = str(error), time.monotonic()
            except Exception:  # nothing else waits for this look, and the next one may do better
                _logger.exception("reading the warehouse failed")
                lost = before
            if bool(lost) != bool(before):
                self._say(lost or "the warehouse can be used again")
            self._ended.wait(LOOK_SECONDS)
        self._warehouse.close()

    def look(self) -> None:
        """Write what is new since the last look; of problems, what the alerter has found since the
        first one, and that it is silent itself, whatever the clock says.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """
        engine = self._warehouse.engine
        beat, last = last_beat(engine, alerts_of(self._url)), last_built(engine)
        if self._built_before is None:
            self._built_before = last[0] if last else 0
            self._beat_before = beat[0] if beat else None
        elif last and last[0] != self._built_before:
            self.built = last[0]
        began, now, problems = self.loading_since, time.monotonic(), self._problems
        if beat and beat[0] != self._beat_at:
            self._beat_at, self._alive_at = beat[0], now
            if beat[0] != self._beat_before:
                problems = {one["key"]: one for one in beat[2]["open"]}
        if now - self._alive_at > DEAD_AFTER.total_seconds():
            problems = {**problems, SILENT.key: SILENT.as_json()}
        for line in news(self._problems, problems, dagster_of_people(os.environ)):
            self._say(line)
        self._problems = problems
        condition = current(engine, self._url)
        self.disconnected = condition is not None and condition.disconnected
        active = active_syncs(engine, space_or_url(engine, self._url))
        self.at_work = len({one.run_id for one in active})
        if began is not None and now - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = now
            self._say(progress(now - began, active))

    def _say(self, line: str) -> None:
        if not self._ended.is_set():
            self._screen.say(line)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        """Write nothing more."""
        self._ended.set()

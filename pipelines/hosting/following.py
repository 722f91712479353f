"""What happens while `backlog-elt up` runs, as lines for the person who started it.

It is read from the warehouse: the problems that the alerter has reported, the builds of the marts,
and how far the syncs are that are at work.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from pipelines.hosting.screen import Screen
from resources.links import dagster_of_people
from resources.progress import how_far
from resources.redact import plain_line
from resources.secret import reveal
from resources.settings import Settings
from resources.warehouse.builds import last_built
from resources.warehouse.errors import WarehouseError
from resources.warehouse.heartbeats import alerts_of, last_beat
from resources.warehouse.history import Sync, active_syncs
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.run_log import OF_COMMAND
from resources.warehouse.sync_log import place_of

LOOK_SECONDS = 2.0
#: What is counted of a load, in the order in which it is shown.
COUNTED = {
    "issues": "issue",
    "comments": "comment",
    "activities": "activity",
    "users": "user",
    "projects": "project",
}
_LONGEST = 300

_logger = logging.getLogger(__name__)

Problems = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Facts:
    """What is known: open problems by key, the newest build of the marts, and syncs at work."""

    problems: Problems
    built: int | None
    active: Sequence[Sync]


def read(warehouse: WarehouseResource, url: str) -> Facts:
    """Return what the warehouse says now of the space at a URL.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    engine = warehouse.engine
    beat, built = last_beat(engine, alerts_of(url)), last_built(engine)
    problems = {one["key"]: one for one in beat[2]["open"]} if beat else {}
    return Facts(problems, built[0] if built else None, active_syncs(engine, place_of(engine, url)))


def news(before: Problems, now: Problems, dagster_url: str) -> Iterator[str]:
    """Yield a line for each problem that is new, and for each that is over."""
    for key in sorted(now.keys() - before.keys()):
        one = now[key]
        # A command that ended before its first run has no page in Dagster.
        seen = dagster_url and one["run_id"] and not one["run_id"].startswith(OF_COMMAND)
        link = f"  {dagster_url}/runs/{one['run_id']}" if seen else ""
        yield f"problem: {_about(one)}; {one['step']}{link}"
    for key in sorted(before.keys() - now.keys()):
        yield f"over: {_about(before[key])}"


def loaded(code: int, summary: Mapping[str, Any]) -> str:
    """Return what the first load did; `summary` is the object of `load --json`."""
    if code:
        why = _short(next(iter(summary.get("errors", ())), "see the log"))
        return f"the load has failed: {why}; the schedules try again"
    figures = []
    for table, one in COUNTED.items():
        rows = summary.get("tables", {}).get(table, {})
        count = sum(rows.get(name, 0) for name in ("inserted", "updated", "deleted"))
        figures += [f"{count:,} {one if count == 1 else table}"] if count else []
    of = " from a simulated space" if summary.get("simulated") else ""
    what = f"{', '.join(figures)}{of} in schema raw" if figures else f"nothing has changed{of}"
    return f"loaded: {what} ({summary.get('seconds', 0):.0f} s)"


def progress(seconds: float, active: Sequence[Sync]) -> str:
    """Return how far the first load is, after so many seconds."""
    # The rows of one load and type, one for each project, all say how far that load is.
    loads = {(one.run_id, one.sync_type): asdict(one) | {"project_key": None} for one in active}
    return "; ".join((f"loading, {timedelta(seconds=int(seconds))}", *map(how_far, loads.values())))


def _about(problem: Mapping[str, Any]) -> str:
    partition = f" ({problem['partition']})" if problem["partition"] else ""
    return f"{problem['asset']}{partition}: {_short(problem['cause'])}"


def _short(text: str) -> str:
    line = plain_line(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


class Follower(threading.Thread):
    """Looks every few seconds, in a thread of its own: a slow database holds up nothing else.

    `loading_since`: when the first load began, None while none works. `built`: the newest build of
    the marts that has ended since the first look.
    """

    def __init__(self, settings: Settings, screen: Screen) -> None:
        super().__init__(name="following", daemon=True)
        self.loading_since: float | None = None
        self.built: int | None = None
        url = reveal(settings.warehouse_url)
        self._warehouse = WarehouseResource(url=url, home=str(settings.home))
        self._url = settings.backlog_url or ""
        self._screen = screen
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until the end; a problem that is open at the first look is news."""
        before, lost, first = Facts({}, None, ()), False, True
        while not self._ended.is_set():
            try:
                now = read(self._warehouse, self._url)
            except WarehouseError as error:
                if not lost:
                    self._say(f"the warehouse cannot be used: {_short(str(error))}")
                lost = True
            except Exception:  # nothing else waits for this look, and the next one may do better
                _logger.exception("reading the warehouse failed")
            else:
                again = ["the warehouse can be used again"] if lost else []
                url = dagster_of_people(os.environ)
                self._say(*again, *news(before.problems, now.problems, url))
                if self.loading_since is not None and not self._ended.is_set():
                    took = time.monotonic() - self.loading_since
                    self._screen.progress(progress(took, now.active))
                if not first and now.built != before.built:
                    self.built = now.built
                before, lost, first = now, False, False
            self._ended.wait(LOOK_SECONDS)

    def _say(self, *lines: str) -> None:
        for line in () if self._ended.is_set() else lines:
            self._screen.say(line)

    def end(self) -> None:
        """Write nothing more."""
        self._ended.set()

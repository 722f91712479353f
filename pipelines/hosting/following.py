"""What happens while `backlog-elt up` runs, as lines for the person who started it.

It is known from what is stored anyway: the log of syncs, the builds of the marts, the condition of
the source, what the alerter has found. `lines` says what of that is new. `Follower` looks every few
seconds, in a thread of its own, so that a slow database holds up nothing else.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.hosting.screen import Screen
from resources.conditions import WORDS
from resources.links import dagster_of_people
from resources.progress import UNITS
from resources.redact import plain_line
from resources.secret import reveal
from resources.settings import Settings
from resources.warehouse.builds import last_built
from resources.warehouse.heartbeats import alerts_of, last_beat
from resources.warehouse.history import Sync, active_syncs
from resources.warehouse.run_log import OF_COMMAND
from resources.warehouse.seen_conditions import Condition, current
from resources.warehouse.sync_log import Requested, page, place_of
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource

#: Seconds between two looks: while a load is watched, and afterwards.
LOADING_SECONDS, RESTING_SECONDS = 1.0, 5.0
#: A look sees so many of the newest syncs that failed, and remembers so many runs.
NEWEST, REMEMBERED = 50, 500
#: What is counted of a load, in the order in which it is shown.
COUNTED = {
    "issues": "issue",
    "comments": "comment",
    "activities": "activity",
    "users": "user",
    "projects": "project",
}
#: Key and kind of the problem that the source cannot be read, as in `alerting/problems.py`, which
#: is too large for this process.
SOURCE_FAILED = ("source", "failed")
_LONGEST = 300
#: The first look may find the warehouse gone, and migrates it; a load waits so long for it.
FIRST_LOOK_SECONDS = 20.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Load:
    """The load with which `up` begins; `summary` is the object of `load --json`, None while it
    works or where it printed none.
    """

    seconds: float
    code: int | None = None
    summary: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Facts:
    """What one look has found. `known` is false until the warehouse was read; what went before that
    is no news.

    failed: run -> what failed of it, and why. alerts: key -> problem that is open. built: the
        newest build of the marts, and its seconds; `ready` since the first one of this `up`.
        condition: what is wrong with the source. warehouse: why it cannot be used.
    """

    known: bool = False
    failed: Mapping[str, str] = field(default_factory=dict)
    alerts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    built: tuple[int, float] | None = None
    ready: bool = False
    active: tuple[Sync, ...] = ()
    condition: Condition | None = None
    load: Load | None = None
    warehouse: str | None = None


def lines(
    before: Facts, now: Facts, dagster_url: str = "", at: datetime | None = None
) -> Iterator[str]:
    """Yield a line for each thing that is new and that a person should know."""
    if now.warehouse and not before.warehouse:
        yield f"the warehouse cannot be used: {now.warehouse}"
    if before.warehouse and not now.warehouse:
        yield "the warehouse can be used again"
    was, is_ = _disconnected(before), _disconnected(now)
    if is_ and (was is None or was.kind != is_.kind):
        yield f"the source {WORDS[is_.kind]}: {_short(is_.message)}"
    if was and not is_:
        yield f"the source answers again (after {_duration(was.since, at)})"
    new = now.failed.keys() - before.failed.keys() if before.known else ()
    for run_id in (run_id for run_id in now.failed if run_id in new):
        yield f"failed: {now.failed[run_id]}{_link(dagster_url, run_id)}"
    if now.load and now.load.code is not None and (before.load is None or before.load.code is None):
        yield _loaded(now.load, now.failed.values())
    if now.ready and not before.ready and now.built:
        yield f"the marts are built ({now.built[1]:.0f} s): tables in schema mart"
    for key in sorted(now.alerts.keys() - before.alerts.keys()):
        one = now.alerts[key]
        if one["run_id"] not in now.failed:
            yield (
                f"alert: {_about(one)}: {_short(one['cause'])}; "
                f"{one['step']}{_link(dagster_url, one['run_id'])}"
            )
    for key in sorted(before.alerts.keys() - now.alerts.keys()):
        one = before.alerts[key]
        yield (
            f"resolved: {_about(one)}: {_short(one['cause'])} (after "
            f"{_duration(datetime.fromisoformat(one['since']), at)})"
        )


def progress(facts: Facts) -> str:
    """Return how far the load with which `up` begins is, nothing when none works."""
    if facts.load is None or facts.load.code is not None:
        return ""
    # The rows of one load and type, one for each project, all say how far that load is.
    parts = {(sync.run_id, sync.sync_type): _far(sync) for sync in facts.active}
    return "; ".join((f"loading, {timedelta(seconds=int(facts.load.seconds))}", *parts.values()))


def _far(sync: Sync) -> str:
    done = "" if sync.progress_done is None else f" {sync.progress_done:,}"
    total = (
        f" of {sync.progress_total:,} {UNITS.get(sync.sync_type, '')}".rstrip()
        if done and sync.progress_total
        else ""
    )
    until = f" until {sync.waiting_until.astimezone():%H:%M:%S}" if sync.waiting_until else ""
    waits = f" (waiting for the {sync.waiting_for}{until})" if sync.waiting_for else ""
    return f"{sync.sync_type}{done}{total}{waits}"


def _of(projects: Sequence[str] | None) -> str:
    """Return which projects a sync covers: at most three by name, nothing for the whole space."""
    more = f" and {len(projects) - 3} more" if projects and len(projects) > 3 else ""
    return f" of {', '.join(projects[:3])}{more}" if projects else ""


def _loaded(load: Load, shown: Any) -> str:
    summary = load.summary or {}
    if load.code:
        unseen = [
            str(error)
            for error in summary.get("errors", ())
            if not any(str(error) in one for one in shown)
        ]
        why = f": {_short(unseen[0])}" if unseen else " (see above)" if shown else " (see the log)"
        return f"the load has failed{why}; the schedules try again"
    tables = summary.get("tables", {})
    changed = {
        table: sum(
            tables.get(table, {}).get(name, 0) for name in ("inserted", "updated", "deleted")
        )
        for table in COUNTED
    }
    figures = ", ".join(
        f"{count:,} {COUNTED[table] if count == 1 else table}"
        for table, count in changed.items()
        if count
    )
    requests = sum(
        count
        for name, count in summary.get("requests", {}).items()
        if name not in {"retries", "rate_limited"}
    )
    took = f"{summary.get('seconds', load.seconds):.0f} s, {requests:,} requests"
    of = " from a simulated space" if summary.get("simulated") else ""
    return (
        f"loaded: {figures}{of} in schema raw ({took})"
        if figures
        else f"loaded: nothing has changed{of} ({took})"
    )


def _disconnected(facts: Facts) -> Condition | None:
    """Return the condition in which nothing can be read; where others use up the limit, loads go on
    and an alert is sent.
    """
    return facts.condition if facts.condition and facts.condition.disconnected else None


def _duration(since: datetime, at: datetime | None) -> timedelta:
    return timedelta(seconds=int(((at or datetime.now(UTC)) - since).total_seconds()))


def _about(alert: Mapping[str, Any]) -> str:
    return f"{alert['asset']} ({alert['partition']})" if alert["partition"] else str(alert["asset"])


def _link(dagster_url: str, run_id: str) -> str:
    """Return where a run is seen, nothing for a command that ended before its first run."""
    return (
        f"  {dagster_url}/runs/{run_id}"
        if dagster_url and run_id and not run_id.startswith(OF_COMMAND)
        else ""
    )


def _short(text: str | None) -> str:
    line = plain_line(text or "no reason was recorded")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def read(warehouse: WarehouseResource, url: str, before: Facts) -> Facts:
    """Return what the warehouse says now of the space at a URL.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    engine = warehouse.engine
    space = place_of(engine, url)
    failed = dict(before.failed)
    for sync in reversed(page(engine, space, NEWEST, requested=Requested(status="failed"))):
        failed.setdefault(
            sync.run_id, f"{sync.sync_type}{_of(sync.projects)}: {_short(sync.error)}"
        )
    beat, built = last_beat(engine, alerts_of(url)), last_built(engine)
    return replace(
        before,
        known=True,
        failed=dict(list(failed.items())[-REMEMBERED:]),
        # The condition of the source says two minutes earlier that it cannot be read.
        alerts={
            one["key"]: one for one in beat[2]["open"] if (one["key"], one["kind"]) != SOURCE_FAILED
        }
        if beat
        else {},
        built=built,
        ready=before.ready
        or (before.known and built is not None and built[:1] != (before.built or ())[:1]),
        active=tuple(active_syncs(engine, space)),
        condition=current(engine, url),
        warehouse=None,
    )


class Follower:
    """Looks at a deployment while `up` runs, and writes what is new."""

    def __init__(self, settings: Settings, screen: Screen) -> None:
        self._warehouse = WarehouseResource(
            url=reveal(settings.warehouse_url), home=str(settings.home)
        )
        self._url = settings.backlog_url or ""
        self._screen = screen
        self._facts = Facts()
        self._load: Load | None = None
        self._began = time.monotonic()
        self._wake, self._ended, self._begun = (
            threading.Event(),
            threading.Event(),
            threading.Event(),
        )
        self._thread = threading.Thread(target=self._follow, name="following", daemon=True)

    def start(self) -> None:
        """Begin to look; how things stand at the first look is no news."""
        self._thread.start()

    def load_began(self) -> None:
        """Note that the load with which `up` begins is at work, which is news already: after the
        first look, or that is lost.
        """
        self._began, self._load = time.monotonic(), Load(0.0)
        self._wake.set()

    def load_ended(self, code: int, summary: Mapping[str, Any] | None) -> None:
        """Note that it has ended, and how."""
        self._load = Load(time.monotonic() - self._began, code, summary)
        self._wake.set()

    @property
    def looks(self) -> bool:
        """Whether it has looked once."""
        return self._begun.is_set()

    @property
    def built(self) -> int | None:
        """The newest build of the marts since this `up` began."""
        return self._facts.built[0] if self._facts.ready and self._facts.built else None

    def end(self) -> None:
        """Write nothing more."""
        self._ended.set()
        self._wake.set()

    def close(self) -> None:
        """Give back the connections; a look that hangs is left to itself."""
        if self._thread.ident is not None:  # it was started
            self._thread.join(timeout=1.0)
        if not self._thread.is_alive():
            self._warehouse.close()

    def _follow(self) -> None:
        while not self._ended.is_set():
            self._look()
            self._begun.set()
            loading = self._load is not None and self._load.code is None
            self._wake.wait(LOADING_SECONDS if loading else RESTING_SECONDS)
            self._wake.clear()

    def _look(self) -> None:
        load = self._load
        if load and load.code is None:
            load = replace(load, seconds=time.monotonic() - self._began)
        try:
            now = read(self._warehouse, self._url, self._facts)
        except WarehouseError as error:
            now = replace(self._facts, active=(), warehouse=_short(str(error)))
        except (
            Exception
        ):  # whatever it is: the next look may do better, and nothing else waits for this one
            _logger.exception("reading the warehouse failed")
            return
        now = replace(now, load=load)
        found = list(lines(self._facts, now, dagster_of_people(os.environ)))
        if not self._ended.is_set():
            for line in found:
                self._screen.say(line)
            self._screen.progress(progress(now))
        self._facts = now

"""Runs in the log of syncs: pages of them with their syncs, and those of the last 24 hours by half
hours.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, exists, select, text

from resources.cadences import ISSUES, PROJECTS
from resources.warehouse.history import Sync
from resources.warehouse.run_log import CANCELED
from resources.warehouse.schema_ops import sync_history
from resources.warehouse.sync_log import Requested

SLOT = timedelta(minutes=30)
#: Slots of a day; the last one is the one that holds the present.
SLOTS = 48
#: Modes in which the tables of issues are synced by a job of another name.
JOB_OF_MODE = {"targeted": "targeted_sync", "refresh": "rolling_refresh"}
_OF_ISSUES = frozenset(ISSUES.tables)
_OF_PROJECTS = frozenset(PROJECTS.tables)
#: What began half a day before the first slot is still looked for.
_OVERLAPPING = text("""
SELECT run_id, min(started_at), max(coalesce(ended_at, now())), bool_or(status = 'failed'),
    bool_or(status = 'in_progress'),
       array_agg(DISTINCT sync_type), array_agg(DISTINCT mode)
FROM ops.sync_history
WHERE space_key = :space_key AND started_at > :since - interval '12 hours'
    AND coalesce(ended_at, now()) > :since
GROUP BY run_id""")


@dataclass(frozen=True)
class LoggedRun:
    """A run with its syncs, in the order of their start."""

    run_id: str
    syncs: tuple[Sync, ...]

    @property
    def kind(self) -> str:
        """What it was for, as `issues` or `marts`."""
        return kind_of_run(
            {sync.sync_type for sync in self.syncs}, {sync.mode for sync in self.syncs}
        )

    @property
    def state(self) -> str:
        """Whether it is running, or how it has ended, as far as the log knows."""
        if any(sync.status == "in_progress" for sync in self.syncs):
            return "running"
        if any(sync.status == "failed" for sync in self.syncs):
            return (
                "canceled"
                if any((sync.error or "").startswith(CANCELED) for sync in self.syncs)
                else "failed"
            )
        return "completed"


@dataclass(frozen=True)
class Slot:
    """Half an hour of one kind of runs: how many were at work in it, and how many of these failed
    or still are.
    """

    kind: str
    start: datetime
    runs: int
    failed: int
    running: int


def kind_of_run(types: Iterable[str], modes: Iterable[str]) -> str:
    """Return what a run was for, by what it synced: the name of the job of such runs, `load` for a
    load of everything.
    """
    types = set(types)
    job = next((JOB_OF_MODE[mode] for mode in sorted(modes) if mode in JOB_OF_MODE), None)
    if job is not None:
        return job
    jobs = sorted(
        {
            "issues" if one in _OF_ISSUES else "projects" if one in _OF_PROJECTS else one
            for one in types
        }
    )
    return jobs[0] if len(jobs) == 1 else "load"


def run_page(
    engine: Engine, space_key: str, limit: int, before: int | None, requested: Requested
) -> list[LoggedRun]:
    """Return the newest runs of a space, newest first.

    Args:
        engine: the warehouse.
        space_key: the space.
        limit: the most runs to return.
        before: the number of the first sync of the last run of the page before this.
        requested: runs that have a sync of this type and of this project, and that have this status
            as a whole.
    """
    history, row = sync_history, sync_history.c
    other = sync_history.alias("other")
    same_run = (other.c.run_id == row.run_id, other.c.space_key == row.space_key)

    def has(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists(select(1).select_from(other).where(*same_run, *conditions))

    query = select(row.run_id).where(row.space_key == space_key, ~has(other.c.id < row.id))
    if before is not None:
        query = query.where(row.id < before)
    if requested.sync_type is not None:
        query = query.where(has(other.c.sync_type == requested.sync_type))
    if requested.project_key is not None:
        query = query.where(has(other.c.projects.contains([requested.project_key])))
    if requested.status == "completed":
        query = query.where(~has(other.c.status != "completed"))
    elif requested.status == "failed":
        query = query.where(has(other.c.status == "failed"), ~has(other.c.status == "in_progress"))
    elif requested.status is not None:
        query = query.where(has(other.c.status == requested.status))
    of_runs = select(*(row[name] for name in Sync.__dataclass_fields__)).where(
        row.space_key == space_key
    )
    by_run: dict[str, list[Sync]] = defaultdict(list)
    with engine.connect() as conn:
        run_ids = list(conn.execute(query.order_by(row.id.desc()).limit(limit)).scalars())
        for found in conn.execute(of_runs.where(history.c.run_id.in_(run_ids)).order_by(row.id)):
            by_run[found.run_id].append(Sync(*found))
    return [LoggedRun(run_id, tuple(by_run[run_id])) for run_id in run_ids]


def last_slots(engine: Engine, space_key: str) -> tuple[datetime, list[Slot]]:
    """Return the end of the half hour that holds the present, and what was at work in each half
    hour of the day before that.
    """
    with engine.connect() as conn:
        now: datetime = conn.execute(text("SELECT now()")).scalar_one()
        until = datetime.fromtimestamp(
            (now.timestamp() // SLOT.total_seconds() + 1) * SLOT.total_seconds(), now.tzinfo
        )
        rows = conn.execute(
            _OVERLAPPING, {"space_key": space_key, "since": until - SLOTS * SLOT}
        ).all()
    return until, _slots(rows, until)


def _slots(rows: Sequence[Any], until: datetime) -> list[Slot]:
    first = until - SLOTS * SLOT
    counts: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, started_at, ended_at, failed, running, types, modes in rows:
        kind = kind_of_run(types, modes)
        begin = max(0, (started_at - first) // SLOT)
        end = min(SLOTS - 1, (ended_at - first) // SLOT)
        for number in range(begin, end + 1):
            count = counts[kind, number]
            count[0] += 1
            # A failure is one where the run ended, and the end is where it is looked for.
            count[1] += failed and not running and number == end
            count[2] += running
    return [
        Slot(kind, first + number * SLOT, *map(int, count))
        for (kind, number), count in sorted(counts.items())
    ]

"""Reads the history: what is in progress, pages of syncs and of runs, and which runs it lacks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Engine,
    case,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from resources.warehouse.history.run_kinds import kind_of_run
from resources.warehouse.state.living_loads import AT_WORK, sync_outcomes
from resources.warehouse.state.schema_ops import sync_history

_UNTOLD = text(
    """
    SELECT ended.run_id FROM unnest(CAST(:run_ids AS text[]), CAST(:failed AS boolean[])) AS ended
        (run_id, failed)
    WHERE NOT EXISTS (
        SELECT FROM ops.sync_outcomes AS h WHERE h.run_id = ended.run_id
            AND (h.status NOT IN ('in_progress', 'completed') OR NOT ended.failed)
    )
    """
)


SyncStatus = Literal["in_progress", "completed", "interrupted", "failed", "canceled"]
#: How a sync can have ended badly, the worst first.
BAD: Final[tuple[SyncStatus, ...]] = ("failed", "interrupted", "canceled")


@dataclass(frozen=True)
class Sync:
    """A row of `ops.sync_outcomes`; in `last_syncs` all rows of a run added up."""

    id: Annotated[int, ""]
    sync_type: Annotated[str, "table, or kind of run"]
    mode: Annotated[
        str, "`incremental`, `backfill`, …; `run` is not a sync: it says how a run ended"
    ]
    project_key: Annotated[str | None, "projects that it covers, as text; null: the whole space"]
    status: Annotated[SyncStatus, ""]
    started_at: Annotated[datetime, ""]
    ended_at: Annotated[datetime | None, ""]
    items_synced: Annotated[int, "records read and accepted, changed or not"]
    items_failed: Annotated[int, "records in quarantine"]
    requests: Annotated[int, "requests to Backlog"]
    error: Annotated[str | None, ""]
    run_id: Annotated[str, "run in Dagster"]
    waiting_for: Annotated[str | None, "what it waits for now"] = None
    waiting_until: Annotated[datetime | None, "until when"] = None
    # In rows, or for comments in issues, over all syncs of its run and type.
    progress_done: Annotated[int | None, "how far it is"] = None
    progress_total: Annotated[int | None, "of how much, where that is known"] = None
    projects: Annotated[list[str] | None, "projects that it covers"] = None
    cause: Annotated[str | None, "code of the cause of `error`"] = None


_COLUMNS = [sync_outcomes.c[name] for name in Sync.__dataclass_fields__]


@dataclass(frozen=True)
class Requested:
    """Which syncs of a page are requested; None: whichever."""

    sync_type: str | None = None
    status: str | None = None
    project_key: str | None = None


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
        """Whether it is running, or how it has ended, as far as the history knows."""
        if any(sync.status == "in_progress" for sync in self.syncs):
            return "running"
        if any(sync.status == "canceled" for sync in self.syncs):
            return "canceled"
        return "failed" if any(sync.status in BAD for sync in self.syncs) else "completed"

    @property
    def started_at(self) -> datetime:
        """When its first sync began."""
        return min(sync.started_at for sync in self.syncs)

    @property
    def ended_at(self) -> datetime | None:
        """When its last sync ended; None while it is running."""
        if self.state == "running":
            return None
        return max(sync.ended_at or sync.started_at for sync in self.syncs)


def active_syncs(engine: Engine, space_key: str) -> list[Sync]:
    """Return the syncs of a space that are at work, oldest first."""
    history = sync_history.c
    # Who waited goes on without saying so; what it does next clears the note.
    waits = or_(history.waiting_until.is_(None), history.waiting_until > func.statement_timestamp())
    columns: dict[str, ColumnElement[Any]] = {
        name: history[name] for name in Sync.__dataclass_fields__
    }
    columns |= {
        name: case((waits, history[name])).label(name) for name in ("waiting_for", "waiting_until")
    }
    active = select(*columns.values()).where(history.space_key == space_key, AT_WORK)
    with engine.connect() as conn:
        return [Sync(*row) for row in conn.execute(active.order_by(history.started_at, history.id))]


def synced_today(engine: Engine, space_key: str, table: str, timezone: str) -> bool:
    """Return whether a sync of a table was begun on this day of a zone, and completed."""
    row = sync_outcomes.c
    begun, now = func.timezone(timezone, row.started_at), func.timezone(timezone, func.now())
    query = exists().where(
        row.space_key == space_key,
        row.sync_type == table,
        row.succeeded_at.is_not(None),
        func.date_trunc("day", begun) == func.date_trunc("day", now),
    )
    with engine.connect() as conn:
        return bool(conn.execute(select(query)).scalar_one())


def first_starts(engine: Engine, run_ids: Sequence[str]) -> dict[tuple[str, str, str], datetime]:
    """Return when the syncs of some runs first began, by run, type and mode: a load counts on
    through all its rows.
    """
    row = sync_history.c
    keys = (row.run_id, row.sync_type, row.mode)
    query = select(*keys, func.min(row.started_at)).where(row.run_id.in_(run_ids)).group_by(*keys)
    with engine.connect() as conn:
        return {
            (run_id, sync_type, mode): began
            for run_id, sync_type, mode, began in conn.execute(query)
        }


def history_version(engine: Engine, space_key: str) -> str:
    """Return a text that changes when a sync of the space begins or ends, also by the death of its
    process; cheap however long the history is.

    A sync is in progress from the moment in which its row is made, so the newest row and those at
    work are enough.
    """
    history = sync_history.c
    newest = select(func.max(history.id)).scalar_subquery()
    active = (
        select(func.array_agg(aggregate_order_by(history.id, history.id), type_=ARRAY(BigInteger)))
        .where(history.space_key == space_key, AT_WORK)
        .scalar_subquery()
    )
    with engine.connect() as conn:
        last, working = conn.execute(select(newest, active)).one()
    return f"{last or 0}:{','.join(map(str, working or ()))}"


def sync_page(
    engine: Engine,
    space_key: str,
    limit: int,
    before: int | None = None,
    requested: Requested = Requested(),
) -> list[Sync]:
    """Return the newest syncs of a space, newest first.

    `before` is the number of the last sync of the page before this.
    """
    row = sync_outcomes.c
    query = select(*_COLUMNS).where(row.space_key == space_key)
    if before is not None:
        query = query.where(row.id < before)
    if requested.sync_type is not None:
        query = query.where(row.sync_type == requested.sync_type)
    if requested.status is not None:
        query = query.where(row.status == requested.status)
    if requested.project_key is not None:
        query = query.where(row.projects.contains([requested.project_key]))
    with engine.connect() as conn:
        return [Sync(*found) for found in conn.execute(query.order_by(row.id.desc()).limit(limit))]


def run_syncs(engine: Engine, run_id: str) -> list[Sync]:
    """Return what the history has of a run, in the order of its start."""
    row = sync_outcomes.c
    query = select(*_COLUMNS).where(row.run_id == run_id)
    with engine.connect() as conn:
        return [Sync(*found) for found in conn.execute(query.order_by(row.id))]


def run_page(
    engine: Engine, space_key: str, limit: int, before: int | None, requested: Requested
) -> list[LoggedRun]:
    """Return the newest runs of a space, newest first.

    Args:
        engine: the warehouse.
        space_key: the space.
        limit: the most runs to return.
        before: the number of the first sync of the last run of the page before this.
        requested: runs that have a sync of this type and of this project, and that have this
        status as a whole.
    """
    row, other = sync_outcomes.c, sync_outcomes.alias("other")
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
        query = query.where(has(other.c.status.in_(BAD)), ~has(other.c.status == "in_progress"))
    elif requested.status is not None:
        query = query.where(has(other.c.status == requested.status))
    of_runs = select(*_COLUMNS).where(row.space_key == space_key)
    by_run: dict[str, list[Sync]] = defaultdict(list)
    with engine.connect() as conn:
        run_ids = list(conn.execute(query.order_by(row.id.desc()).limit(limit)).scalars())
        for found in conn.execute(of_runs.where(row.run_id.in_(run_ids)).order_by(row.id)):
            by_run[found.run_id].append(Sync(*found))
    return [LoggedRun(run_id, tuple(by_run[run_id])) for run_id in run_ids]


def unreported(engine: Engine, ended: Mapping[str, bool]) -> set[str]:
    """Return the runs whose end the history lacks: failed ones without a failed row, others
    without any row.

    `ended` is run -> whether it failed or was cancelled.
    """
    if not ended:
        return set()
    with engine.connect() as conn:
        return set(
            conn.execute(
                _UNTOLD, {"run_ids": list(ended), "failed": list(ended.values())}
            ).scalars()
        )

"""The log of syncs, `ops.sync_history`: every sync from start to end, and what `backlog-elt status` says of them.

Add here: what is written or asked about syncs. Keep out: what a later sync needs (`state.py`).
Writers use short transactions of their own, so that a failed load still leaves its trace.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Select,
    case,
    cast,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    text,
    tuple_,
    update,
)

from resources.warehouse.locks import is_free
from resources.warehouse.schema_ops import sync_history

#: What is only true of a sync in progress.
_OVER: dict[str, Any] = dict.fromkeys(("waiting_for", "waiting_until", "progress_done", "progress_total"))
DIED = "the run ended without saying so: its process was killed"


@dataclass(frozen=True)
class Sync:
    """One row of `ops.sync_history`. Times are UTC."""

    id: int
    sync_type: str
    mode: str
    project_key: str | None
    status: str
    started_at: datetime
    ended_at: datetime | None
    items_synced: int
    items_failed: int
    requests: int
    error: str | None
    run_id: str
    waiting_for: str | None = None
    waiting_until: datetime | None = None
    progress_done: int | None = None
    """How far its load (run and type) is while it works, in rows, or for comments in issues."""
    progress_total: int | None = None


@dataclass(frozen=True)
class Totals:
    """What the syncs that started in a stretch of time did; `active` ones count as runs only."""

    runs: int
    completed: int
    failed: int
    items: int
    requests: int


@dataclass(frozen=True)
class Summary:
    """The state of all syncs of a space: those in progress, the newest run of each type as one, the last 24 hours."""

    active: tuple[Sync, ...]
    last: dict[str, Sync]
    last_24h: Totals


def lock_of(run_id: str, sync_type: str) -> str:
    """Name the lock that a load holds for its whole life, so that a row in progress tells by it whether its load still lives."""
    return f"load/{run_id}/{sync_type}"


def is_dead(row: str) -> str:
    """Return the condition, in SQL, that the load of a row in progress is no more; `row` is the name of its table there.

    A load holds its lock from before its first row here until after its last: when nobody holds it, no one will end the row.
    """
    return is_free(f"{row}.space_key", f"'load/' || {row}.run_id || '/' || {row}.sync_type")


def start_sync(engine: Engine, *, space_key: str, sync_type: str, mode: str, run_id: str, project_key: str | None = None) -> int:
    """Record that a sync has started; return its number for `finish_sync` or `fail_sync`.

    The caller holds the lock `lock_of(run_id, sync_type)`; without it the sync counts as dead.
    """
    values = {"space_key": space_key, "sync_type": sync_type, "mode": mode, "project_key": project_key}
    statement = insert(sync_history).values(**values, status="in_progress", run_id=run_id)
    with engine.begin() as conn:
        number: int = conn.execute(statement.returning(sync_history.c.id)).scalar_one()
    return number


def finish_sync(engine: Engine, number: int, *, items_synced: int, items_failed: int, requests: int) -> None:
    """Record that the sync is complete."""
    _end(engine, number, status="completed", items_synced=items_synced, items_failed=items_failed, requests=requests)


def fail_sync(engine: Engine, number: int, error: str, *, items_synced: int = 0, items_failed: int = 0, requests: int = 0) -> None:
    """Record that the sync failed, why in one line, and what it did before that."""
    _end(
        engine, number,
        status="failed", error=error, items_synced=items_synced, items_failed=items_failed, requests=requests,
    )  # fmt: skip


def _end(engine: Engine, number: int, **values: Any) -> None:
    _update(engine, number, ended_at=func.statement_timestamp(), **_OVER, **values)


def _update(engine: Engine, number: int, **values: Any) -> None:
    with engine.begin() as conn:
        conn.execute(update(sync_history).where(sync_history.c.id == number).values(**values))


def note_wait(engine: Engine, number: int, waiting_for: str | None, until: datetime | None = None) -> None:
    """Record what a sync in progress waits for and until when at the latest; None: it goes on."""
    _update(engine, number, waiting_for=waiting_for, waiting_until=until)


def note_progress(engine: Engine, number: int, done: int, total: int | None) -> None:
    """Record how far the load of a sync in progress is; `total` is None where it cannot be known."""
    _update(engine, number, progress_done=done, progress_total=total)


def forget_sync(engine: Engine, number: int) -> None:
    """Take back a `start_sync`: it was there to show a wait, and what came after the wait has a row of its own."""
    with engine.begin() as conn:
        conn.execute(delete(sync_history).where(sync_history.c.id == number))


def end_dead(engine: Engine, space_key: str) -> int:
    """Mark as failed the syncs in progress whose load is no more, and return how many there were."""
    history, dead = sync_history.c, text(is_dead(str(sync_history)))
    with engine.begin() as conn:
        ended = conn.execute(
            update(sync_history)
            .where(history.space_key == space_key, history.status == "in_progress", dead)
            .values(status="failed", ended_at=func.statement_timestamp(), error=DIED, **_OVER)
        )
    return ended.rowcount


def known_spaces(engine: Engine) -> list[str]:
    """Return the keys of all spaces that were ever synced into this warehouse."""
    with engine.connect() as conn:
        return list(conn.execute(select(sync_history.c.space_key).distinct().order_by(sync_history.c.space_key)).scalars())


def _in_progress(space_key: str) -> Select[Any]:
    """Select the syncs in progress in the shape of `Sync`, oldest first."""
    history = sync_history.c
    # Who waited goes on without saying so; what it does next clears the note.
    waits = or_(history.waiting_until.is_(None), history.waiting_until > func.statement_timestamp())
    columns: dict[str, ColumnElement[Any]] = {name: history[name] for name in Sync.__dataclass_fields__}
    columns |= {name: case((waits, history[name])).label(name) for name in ("waiting_for", "waiting_until")}
    active = select(*columns.values()).where(history.space_key == space_key, history.status == "in_progress")
    return active.order_by(history.started_at, history.id)


def active_syncs(engine: Engine, space_key: str) -> list[Sync]:
    """Return the syncs of a space that are in progress, oldest first."""
    with engine.connect() as conn:
        return [Sync(*row) for row in conn.execute(_in_progress(space_key))]


def summary(engine: Engine, space_key: str) -> Summary:
    """Return what `status` shows of the syncs of a space."""
    history = sync_history.c
    lately = select(
        func.count(),
        func.count().filter(history.status == "completed"),
        func.count().filter(history.status == "failed"),
        func.coalesce(func.sum(history.items_synced), 0),
        func.coalesce(func.sum(history.requests), 0),
    ).where(history.space_key == space_key, history.started_at > func.now() - timedelta(hours=24))
    with engine.connect() as conn:
        return Summary(
            active=tuple(Sync(*row) for row in conn.execute(_in_progress(space_key))),
            last={sync.sync_type: sync for sync in (Sync(*row) for row in conn.execute(_last_runs(space_key)))},
            last_24h=Totals(*map(int, conn.execute(lately).one())),
        )


def _last_runs(space_key: str) -> Select[Any]:
    """Select one row in the shape of `Sync` for each type: all that its newest run did, which may be several syncs."""
    history = sync_history.c
    ended = (history.space_key == space_key, history.status != "in_progress")
    newest = select(history.sync_type, history.run_id).where(*ended).distinct(history.sync_type)
    newest = newest.order_by(history.sync_type, history.started_at.desc(), history.id.desc())
    of_newest_run = tuple_(history.sync_type, history.run_id).in_(newest)
    return (
        select(
            func.max(history.id),
            history.sync_type,
            func.string_agg(history.mode.distinct(), ", "),
            case((func.count() == 1, func.max(history.project_key)), else_=None),
            case((func.bool_or(history.status == "failed"), "failed"), else_="completed"),
            func.min(history.started_at),
            func.max(history.ended_at),
            *(cast(func.sum(column), BigInteger) for column in (history.items_synced, history.items_failed, history.requests)),
            func.string_agg(history.error, "; "),
            history.run_id,
            *(null() for _ in _OVER),
        )
        .where(*ended, of_newest_run)
        .group_by(history.sync_type, history.run_id)
        .order_by(history.sync_type)
    )

"""The log of syncs, `ops.sync_history`: every sync from its start to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from resources.warehouse.locks import free_condition
from resources.warehouse.schema_ops import spaces, sync_history
from resources.warehouse.sync_state import note_space_url

#: What is only true of a sync in progress.
_OVER: dict[str, Any] = dict.fromkeys(
    ("waiting_for", "waiting_until", "progress_done", "progress_total")
)
DIED = "the run ended without a word: its process was killed"


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
    projects: list[str] | None = None
    """The projects that it covers; None: the whole space."""


def lock_of(run_id: str, sync_type: str) -> str:
    """Name the lock that a load holds for its whole life; it shows whether the load of a row in
    progress still lives.
    """
    return f"load/{run_id}/{sync_type}"


def is_dead(row: str) -> str:
    """Return the condition, in SQL, that the load of a row in progress is no more; `row` is the
    name of its table there.

    A load holds its lock from before its first row here until after its last: when it is free, no
    process will end the row.
    """
    return free_condition(f"{row}.space_key", f"'load/' || {row}.run_id || '/' || {row}.sync_type")


def start_sync(
    engine: Engine,
    *,
    space_key: str,
    sync_type: str,
    mode: str,
    run_id: str,
    projects: Sequence[str] | None = None,
) -> int:
    """Record that a sync has started; return its number for `finish_sync` or `fail_sync`.

    `projects` are those that it covers, None: the whole space. The caller holds the lock
    `lock_of(run_id, sync_type)`; without it the sync counts as dead.
    """
    values = {"space_key": space_key, "sync_type": sync_type, "mode": mode, "run_id": run_id}
    statement = insert(sync_history).values(**values, **covering(projects), status="in_progress")
    with engine.begin() as conn:
        number: int = conn.execute(statement.returning(sync_history.c.id)).scalar_one()
    return number


def covering(projects: Sequence[str] | None) -> dict[str, Any]:
    """Return the columns that say which projects a row covers, None: the whole space."""
    return {
        "project_key": projects[0] if projects and len(projects) == 1 else None,
        "projects": projects and list(projects),
    }


def record_failure(
    engine: Engine,
    error: str,
    *,
    space_key: str,
    sync_type: str,
    mode: str,
    run_id: str,
    seconds: float = 0.0,
    requests: int = 0,
    projects: Sequence[str] | None = None,
) -> None:
    """Record a sync that failed before it had a row, `seconds` after its start. `space_key` is that
    of `sync_log.place_of`.
    """
    values = {
        "space_key": space_key,
        "sync_type": sync_type,
        "mode": mode,
        "run_id": run_id,
        "error": error,
        "requests": requests,
    }
    now = func.statement_timestamp()
    times = {"started_at": now - timedelta(seconds=seconds), "ended_at": now}
    with engine.begin() as conn:
        conn.execute(
            insert(sync_history).values(**values, **times, **covering(projects), status="failed")
        )


def know_space(engine: Engine, space_key: str, url: str) -> None:
    """Remember which space is at a URL, and give it the rows that were kept under the URL until
    then.
    """
    with engine.begin() as conn:
        known = select(spaces.c.url).where(spaces.c.space_key == space_key)
        if conn.execute(known).scalar_one_or_none() != url.rstrip("/"):
            note_space_url(conn, space_key, url)
            _adopt(conn, space_key, url)


def adopt(engine: Engine, space_key: str, url: str) -> None:
    """Give a space the rows that were kept under its URL until its key was known."""
    with engine.begin() as conn:
        _adopt(conn, space_key, url)


def _adopt(conn: Connection, space_key: str, url: str) -> None:
    conn.execute(
        update(sync_history)
        .where(sync_history.c.space_key == url.rstrip("/"))
        .values(space_key=space_key)
    )


def finish_sync(
    engine: Engine, number: int, *, items_synced: int, items_failed: int, requests: int
) -> None:
    """Record that the sync is complete."""
    _end(
        engine,
        number,
        status="completed",
        items_synced=items_synced,
        items_failed=items_failed,
        requests=requests,
    )


def fail_sync(
    engine: Engine,
    number: int,
    error: str,
    *,
    items_synced: int = 0,
    items_failed: int = 0,
    requests: int = 0,
) -> None:
    """Record that the sync failed, why in one line, and what it did before that."""
    _end(
        engine, number,
        status="failed", error=error, items_synced=items_synced, items_failed=items_failed,
        requests=requests,
    )  # fmt: skip


def _end(engine: Engine, number: int, **values: Any) -> None:
    _update(engine, number, ended_at=func.statement_timestamp(), **_OVER, **values)


def _update(engine: Engine, number: int, **values: Any) -> None:
    with engine.begin() as conn:
        conn.execute(update(sync_history).where(sync_history.c.id == number).values(**values))


def note_wait(
    engine: Engine, number: int, waiting_for: str | None, until: datetime | None = None
) -> None:
    """Record what a sync in progress waits for and until when at the latest; None: it goes on."""
    _update(engine, number, waiting_for=waiting_for, waiting_until=until)


def note_progress(engine: Engine, number: int, done: int, total: int | None) -> None:
    """Record how far the load of a sync in progress is; `total` is None where it cannot be
    known.
    """
    _update(engine, number, progress_done=done, progress_total=total)


def forget_sync(engine: Engine, number: int) -> None:
    """Take back a `start_sync`: it was there to show a wait, and what came after the wait has a row
    of its own.
    """
    with engine.begin() as conn:
        conn.execute(delete(sync_history).where(sync_history.c.id == number))


def end_dead(engine: Engine, space_key: str) -> int:
    """Mark as failed the syncs in progress whose load is no more, and return how many there
    were.
    """
    history, dead = sync_history.c, text(is_dead(str(sync_history)))
    with engine.begin() as conn:
        ended = conn.execute(
            update(sync_history)
            .where(history.space_key == space_key, history.status == "in_progress", dead)
            .values(status="failed", ended_at=func.statement_timestamp(), error=DIED, **_OVER)
        )
    return ended.rowcount


def _in_progress(space_key: str) -> Select[Any]:
    """Select the syncs in progress in the shape of `Sync`, oldest first."""
    history = sync_history.c
    # Who waited goes on without saying so; what it does next clears the note.
    waits = or_(history.waiting_until.is_(None), history.waiting_until > func.statement_timestamp())
    columns: dict[str, ColumnElement[Any]] = {
        name: history[name] for name in Sync.__dataclass_fields__
    }
    columns |= {
        name: case((waits, history[name])).label(name) for name in ("waiting_for", "waiting_until")
    }
    active = select(*columns.values()).where(
        history.space_key == space_key, history.status == "in_progress"
    )
    return active.order_by(history.started_at, history.id)


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


def active_syncs(engine: Engine, space_key: str) -> list[Sync]:
    """Return the syncs of a space that are in progress, oldest first."""
    with engine.connect() as conn:
        return [Sync(*row) for row in conn.execute(_in_progress(space_key))]

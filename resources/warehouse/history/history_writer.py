"""Writes the history: each sync from start to end, and the ends of runs without a sync."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from resources.problems.causes import Failure
from resources.redact import first_line
from resources.warehouse.history.run_kinds import CANCELED, UNFINISHED
from resources.warehouse.state.schema_ops import spaces, sync_history
from resources.warehouse.state.sync_state import note_space_url

#: Columns that are set only while a sync is in progress.
_OVER: dict[str, Any] = dict.fromkeys(
    ("waiting_for", "waiting_until", "progress_done", "progress_total")
)
_RECORD = text(
    """
    INSERT INTO ops.sync_history
        (space_key, sync_type, mode, project_key, projects, status, started_at, ended_at, error,
            cause, run_id)
    SELECT :space_key, :kind, 'run', :project_key, CAST(:projects AS text[]), :status, :started_at,
        :ended_at, :error, :cause, :run_id
    WHERE NOT EXISTS (
        SELECT FROM ops.sync_history AS h WHERE h.run_id = :run_id AND (h.status = 'failed'
            OR :status = 'completed')
    )
    ON CONFLICT (run_id) WHERE mode = 'run' DO NOTHING
    """
)
_CANCEL = text(
    """
    UPDATE ops.sync_history SET error = :canceled, cause = 'canceled'
    WHERE run_id = ANY(CAST(:run_ids AS text[])) AND status = 'failed'
        AND error = ANY(CAST(:broken_off AS text[]))
    """
)


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: `failure` is why it failed or was canceled, None if it succeeded.

    `kind` is that of `run_kinds.kind_of`.
    """

    run_id: str
    kind: str
    started_at: datetime
    ended_at: datetime
    failure: Failure | None = None
    projects: Sequence[str] | None = None


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
    `living_loads.lock_of(run_id, sync_type)`; without it the sync counts as interrupted.
    """
    values = {"space_key": space_key, "sync_type": sync_type, "mode": mode, "run_id": run_id}
    statement = insert(sync_history).values(**values, **covering(projects), status="in_progress")
    with engine.begin() as conn:
        number: int = conn.execute(statement.returning(sync_history.c.id)).scalar_one()
    return number


def covering(projects: Sequence[str] | None) -> dict[str, Any]:
    """Return the columns for the projects that a row covers; None: the whole space."""
    return {
        "project_key": projects[0] if projects and len(projects) == 1 else None,
        "projects": projects and list(projects),
    }


def record_failure(
    engine: Engine,
    failure: Failure,
    *,
    space_key: str,
    sync_type: str,
    mode: str,
    run_id: str,
    seconds: float = 0.0,
    requests: int = 0,
    projects: Sequence[str] | None = None,
) -> None:
    """Record a sync that failed before it had a row, `seconds` after its start.

    `space_key` is that of `known_spaces.space_or_url`.
    """
    values = {
        "space_key": space_key,
        "sync_type": sync_type,
        "mode": mode,
        "run_id": run_id,
        "error": failure.line,
        "cause": failure.cause,
        "requests": requests,
    }
    now = func.statement_timestamp()
    times = {"started_at": now - timedelta(seconds=seconds), "ended_at": now}
    with engine.begin() as conn:
        conn.execute(
            insert(sync_history).values(**values, **times, **covering(projects), status="failed")
        )


def know_space(engine: Engine, space_key: str, url: str) -> None:
    """Record which space is at a URL, and give it the rows that were stored under the URL."""
    with engine.begin() as conn:
        known = select(spaces.c.url).where(spaces.c.space_key == space_key)
        if conn.execute(known).scalar_one_or_none() != url.rstrip("/"):
            note_space_url(conn, space_key, url)
            _adopt(conn, space_key, url)


def adopt(engine: Engine, space_key: str, url: str) -> None:
    """Give a space the rows that were stored under its URL before its key was known."""
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
    failure: Failure,
    *,
    items_synced: int = 0,
    items_failed: int = 0,
    requests: int = 0,
) -> None:
    """Record that the sync failed: why, and what it did before."""
    _end(
        engine, number,
        status="failed", error=failure.line, cause=failure.cause, items_synced=items_synced,
        items_failed=items_failed, requests=requests,
    )  # fmt: skip


def _note(engine: Engine, number: int, **values: Any) -> None:
    _update(engine, number, noted_at=func.statement_timestamp(), **values)


def _end(engine: Engine, number: int, **values: Any) -> None:
    _update(engine, number, ended_at=func.statement_timestamp(), **_OVER, **values)


def _update(engine: Engine, number: int, **values: Any) -> None:
    with engine.begin() as conn:
        conn.execute(update(sync_history).where(sync_history.c.id == number).values(**values))


def note_wait(
    engine: Engine, number: int, waiting_for: str | None, until: datetime | None = None
) -> None:
    """Record what a sync in progress waits for, and until when at the latest; None: it
    continues.
    """
    _note(engine, number, waiting_for=waiting_for, waiting_until=until)


def note_progress(engine: Engine, number: int, done: int, total: int | None) -> None:
    """Record how far a load in progress is; `total` is None when unknown."""
    _note(engine, number, progress_done=done, progress_total=total)


def forget_sync(engine: Engine, number: int) -> None:
    """Delete the row of a `start_sync` that only showed a wait: the work after it has its
    own row.
    """
    with engine.begin() as conn:
        conn.execute(delete(sync_history).where(sync_history.c.id == number))


def record_ends(engine: Engine, space_key: str, ends: Collection[RunEnd]) -> None:
    """Record how runs ended, each once; a run that already has such a row is skipped.

    `space_key` is that of `known_spaces.space_or_url`.
    """
    if not ends:
        return
    rows = [
        {
            "space_key": space_key,
            "kind": end.kind,
            "status": "completed" if end.failure is None else "failed",
            "started_at": end.started_at,
            "ended_at": end.ended_at,
            "error": end.failure and first_line(end.failure.line),
            "cause": end.failure and end.failure.cause,
            "run_id": end.run_id,
            **covering(end.projects),
        }
        for end in ends
    ]
    with engine.begin() as conn:
        conn.execute(_RECORD, rows)


def record_cancellations(engine: Engine, run_ids: Collection[str]) -> None:
    """Set the error of canceled runs' syncs: a sync itself cannot know why it was ended."""
    with engine.begin() as conn:
        conn.execute(
            _CANCEL,
            {"run_ids": list(run_ids), "canceled": CANCELED, "broken_off": [UNFINISHED]},
        )

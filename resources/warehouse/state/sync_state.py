"""State between runs: watermarks, freshness per project, and project keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from resources.problems.causes import Failure
from resources.warehouse.state.schema_ops import spaces, sync_state
from resources.warehouse.state.schema_ops_records import project_keys

WHOLE_SPACE = 0
"""The project id for the state of a scope without projects."""

_KEY = (sync_state.c.space_key, sync_state.c.scope, sync_state.c.project_id)


@dataclass(frozen=True)
class ProjectState:
    """How far one project is synced. Times are UTC; None: never, or not failed."""

    watermark: datetime | None
    last_success_at: datetime | None
    last_attempt_at: datetime | None
    last_error: str | None
    last_cause: str | None


def get_watermarks(conn: Connection, space_key: str, scope: str) -> dict[int, datetime]:
    """Return project id -> watermark, for projects that have one: all changes before it are in the
    warehouse.
    """
    states = project_states(conn, space_key, scope)
    return {
        project: state.watermark for project, state in states.items() if state.watermark is not None
    }


def project_states(conn: Connection, space_key: str, scope: str) -> dict[int, ProjectState]:
    """Return the state of each project of a scope, for freshness and for `status`."""
    state = sync_state.c
    query = select(
        state.project_id,
        state.watermark,
        state.last_success_at,
        state.last_attempt_at,
        state.last_error,
        state.last_cause,
    ).where(state.space_key == space_key, state.scope == scope)
    return {row[0]: ProjectState(*row[1:]) for row in conn.execute(query)}


def oldest_watermark(conn: Connection, scope: str, keys: Collection[str]) -> datetime | None:
    """Return the oldest watermark of the projects with one of `keys`, None if one of them has none.

    Projects that were inaccessible in the last listing, and former keys of a project, do not count.
    """
    known, states = project_keys.c, sync_state.c
    latest = _latest_listings().subquery()
    of_project = and_(
        states.space_key == known.space_key,
        states.project_id == known.project_id,
        states.scope == scope,
    )
    found = list(
        conn.execute(
            select(known.project_key, known.last_seen_at == latest.c.at, states.watermark)
            .join(latest, latest.c.space_key == known.space_key)
            .outerjoin(sync_state, of_project)
            .where(known.project_key.in_(keys))
        )
    )
    marks = [watermark for _, accessible, watermark in found if accessible]
    never_listed = set(keys) - {key for key, _, _ in found}
    return None if never_listed or None in marks else min(marks, default=None)


def set_watermark(
    conn: Connection, space_key: str, scope: str, project_id: int, value: datetime
) -> None:
    """Move the watermark of a project forward; a value before the stored one changes nothing.

    Commit it together with the rows that it covers.
    """
    statement = insert(sync_state).values(
        space_key=space_key, scope=scope, project_id=project_id, watermark=value
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=_KEY,
            set_={"watermark": func.greatest(sync_state.c.watermark, statement.excluded.watermark)},
        )
    )


def record_success(
    conn: Connection, space_key: str, scope: str, project_ids: Collection[int]
) -> None:
    """Record that a sync of these projects succeeded now."""
    now = func.statement_timestamp()
    _record_state(
        conn,
        space_key,
        scope,
        project_ids,
        {
            "last_success_at": now,
            "last_attempt_at": now,
            "last_error": None,
            "last_cause": None,
        },
    )


def record_project_failures(
    conn: Connection, space_key: str, scope: str, project_ids: Collection[int], failure: Failure
) -> None:
    """Record that a sync of these projects failed now; the time of their last success stays."""
    values = {
        "last_attempt_at": func.statement_timestamp(),
        "last_error": failure.line,
        "last_cause": failure.cause,
    }
    _record_state(conn, space_key, scope, project_ids, values)


def _record_state(
    conn: Connection,
    space_key: str,
    scope: str,
    project_ids: Collection[int],
    values: Mapping[str, object],
) -> None:
    key = {"space_key": space_key, "scope": scope}
    rows = [{**key, "project_id": project, **values} for project in sorted(set(project_ids))]
    if not rows:
        return
    statement = insert(sync_state).values(rows)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=_KEY, set_={n: statement.excluded[n] for n in values}
        )
    )


def record_project_keys(conn: Connection, space_key: str, keys: Mapping[str, int]) -> None:
    """Record the present keys of projects (key -> id); former keys stay."""
    now = func.statement_timestamp()
    rows = [
        {
            "space_key": space_key,
            "project_key": key,
            "project_id": keys[key],
            "first_seen_at": now,
            "last_seen_at": now,
        }
        for key in sorted(keys)
    ]
    if not rows:
        return
    statement = insert(project_keys).values(rows)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[
                project_keys.c.space_key,
                project_keys.c.project_key,
                project_keys.c.project_id,
            ],
            set_={"last_seen_at": statement.excluded.last_seen_at},
        )
    )


def noted_project_keys(conn: Connection, space_key: str | None) -> set[str]:
    """Return the keys that projects of a space (None: of all spaces) have or had; empty before the
    first listing.
    """
    keys = project_keys.c
    query = select(keys.project_key).where(keys.space_key == space_key if space_key else true())
    return set(conn.execute(query).scalars())


def _latest_listings() -> Select[Any]:
    """Select the time of the last listing of each space's projects, as `at`."""
    keys = project_keys.c
    return select(keys.space_key, func.max(keys.last_seen_at).label("at")).group_by(keys.space_key)


def lost_project_keys(conn: Connection, space_key: str | None) -> set[str]:
    """Return the keys of projects that were all missing in the last listing: deleted, or without
    access.
    """
    keys = project_keys.c
    mine = keys.space_key == space_key if space_key else true()
    there = select(keys.space_key, keys.project_id).where(
        mine, tuple_(keys.space_key, keys.last_seen_at).in_(_latest_listings())
    )
    return set(
        conn.execute(
            select(keys.project_key)
            .where(mine)
            .group_by(keys.project_key)
            .having(~func.bool_or(tuple_(keys.space_key, keys.project_id).in_(there)))
        ).scalars()
    )


def project_id_for_key(conn: Connection, space_key: str, project_key: str) -> int | None:
    """Return the project that has the key, or had it last; None when no project ever did."""
    keys = project_keys.c
    query = select(keys.project_id).where(
        keys.space_key == space_key, keys.project_key == project_key
    )
    newest = query.order_by(keys.last_seen_at.desc(), keys.first_seen_at.desc()).limit(1)
    return conn.execute(newest).scalar_one_or_none()


@dataclass(frozen=True)
class Checkpoint:
    """How far an interrupted read has come.

    `sort` is its order: `created` for a whole project, `updated` for changes. `position` is where
    it continues, in a form that only the reader knows; everything before it is stored as it was at
    `started_at` or later.
    """

    sort: str
    position: Mapping[str, Any]
    started_at: datetime


def get_checkpoints(
    conn: Connection, space_key: str, scope: str, sort: str
) -> dict[int, Checkpoint]:
    """Return project id -> checkpoint, for projects with an interrupted read in this order."""
    state = sync_state.c
    return {
        project: Checkpoint(sort, found["position"], datetime.fromisoformat(found["started_at"]))
        for project, found in conn.execute(
            select(state.project_id, state.extra[sort]).where(
                state.space_key == space_key, state.scope == scope, state.extra.has_key(sort)
            )
        )
    }


def set_checkpoint(
    conn: Connection,
    space_key: str,
    scope: str,
    project_ids: Collection[int],
    checkpoint: Checkpoint,
) -> None:
    """Store how far a read of projects has come. Commit it together with the rows."""
    kept = {
        checkpoint.sort: {
            "position": checkpoint.position,
            "started_at": checkpoint.started_at.isoformat(),
        }
    }
    rows = [
        {"space_key": space_key, "scope": scope, "project_id": project, "extra": kept}
        for project in sorted(project_ids)
    ]
    if not rows:
        return
    statement = insert(sync_state).values(rows)
    extra = sync_state.c.extra.concat(statement.excluded.extra)
    conn.execute(statement.on_conflict_do_update(index_elements=_KEY, set_={"extra": extra}))


def clear_checkpoints(
    conn: Connection, space_key: str, scope: str, project_ids: Collection[int]
) -> None:
    """Delete the checkpoints of projects: their reads are complete."""
    state = sync_state.c
    chosen = (state.space_key == space_key, state.scope == scope, state.project_id.in_(project_ids))
    conn.execute(update(sync_state).where(*chosen).values(extra={}))


def note_space_url(conn: Connection, space_key: str, url: str) -> None:
    """Record the URL of a space; nothing is written if it is unchanged."""
    insertion = insert(spaces).values({"space_key": space_key, "url": url.rstrip("/")})
    moved = {"url": insertion.excluded.url, "changed_at": func.statement_timestamp()}
    elsewhere = spaces.c.url != insertion.excluded.url
    conn.execute(
        insertion.on_conflict_do_update(
            index_elements=[spaces.c.space_key], set_=moved, where=elsewhere
        )
    )

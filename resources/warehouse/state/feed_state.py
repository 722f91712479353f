"""How far the activity feed is read, forward and backward, for the space and for single
projects.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.issue_sync_state import lock_sync_state
from resources.warehouse.state.schema_ops import sync_state
from resources.warehouse.state.schema_ops_records import issue_sync_state
from resources.warehouse.state.sync_state import WHOLE_SPACE

SCOPE = "activities"


@dataclass(frozen=True)
class Gap:
    """A period of which the feed had nothing when it was read; instants as ISO 8601 text."""

    since: str
    until: str


@dataclass(frozen=True)
class FeedState:
    """How far the feed of a space is read.

    Everything visible with ids from `oldest` to `cursor` is stored. `read_at` is the source's clock
    at the last read that reached the end; rows that became visible late are a little older.
    `complete`: the beginning was reached. `projects` are covered by the reads so far; the feed of
    any other project must be read separately. `gaps`: what the source removed before it was read.
    `stable_id`: the highest id that was old enough when read that nothing below it becomes visible
    later.
    """

    cursor: int
    oldest: int
    read_at: datetime
    complete: bool = False
    projects: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = field(default=())
    stable_id: int = 0


def get_feed(conn: Connection, space_key: str) -> FeedState | None:
    """Return the state of a space's feed, None before its first page was stored."""
    state = sync_state.c
    row = conn.execute(
        select(state.watermark, state.extra).where(
            state.space_key == space_key, state.scope == SCOPE, state.project_id == WHOLE_SPACE
        )
    ).one_or_none()
    if row is None or row.watermark is None:
        return None
    extra: Mapping[str, Any] = row.extra
    return FeedState(
        cursor=extra["cursor"],
        oldest=extra["oldest"],
        read_at=row.watermark,
        complete=extra["complete"],
        projects=tuple(extra["projects"]),
        gaps=tuple(Gap(**gap) for gap in extra["gaps"]),
        stable_id=extra.get("stable_id", 0),
    )


def known_feed(conn: Connection, space_key: str) -> FeedState:
    """Return the state of a space's feed that was read before.

    Raises:
        LookupError: nothing was read yet.
    """
    state = get_feed(conn, space_key)
    if state is None:
        raise LookupError("nothing of the feed was read before")
    return state


def set_feed(conn: Connection, space_key: str, state: FeedState) -> None:
    """Store the state of the feed. Commit it together with the rows that it covers."""
    extra = asdict(state)
    del extra["read_at"]
    _store_state(conn, space_key, WHOLE_SPACE, extra, state.read_at)


def change_feed(conn: Connection, space_key: str, **fields: Any) -> FeedState:
    """Set fields of the stored state of the feed, and keep the others; return the new state.

    Commit it together with the rows that it covers.
    """
    state = replace(known_feed(conn, space_key), **fields)
    set_feed(conn, space_key, state)
    return state


def get_backward(conn: Connection, space_key: str, project_id: int) -> int | None:
    """Return the oldest id of an interrupted read of one project's feed, None when it was not
    begun.
    """
    state = sync_state.c
    return conn.execute(
        select(state.extra["oldest"]).where(
            state.space_key == space_key, state.scope == SCOPE, state.project_id == project_id
        )
    ).scalar_one_or_none()


def set_backward(conn: Connection, space_key: str, project_id: int, oldest: int | None) -> None:
    """Store how far back one project's feed is read; None: to its beginning."""
    _store_state(conn, space_key, project_id, {} if oldest is None else {"oldest": oldest}, None)


def _store_state(
    conn: Connection,
    space_key: str,
    project_id: int,
    extra: Mapping[str, Any],
    watermark: datetime | None,
) -> None:
    values = {
        "space_key": space_key,
        "scope": SCOPE,
        "project_id": project_id,
        "extra": dict(extra),
        "watermark": watermark,
    }
    statement = insert(sync_state).values(**values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[sync_state.c.space_key, sync_state.c.scope, sync_state.c.project_id],
            set_={"extra": statement.excluded.extra, "watermark": statement.excluded.watermark},
        )
    )


def overlap_from(
    conn: Connection, space_key: str, state: FeedState, since: datetime, projects: Collection[int]
) -> tuple[int | None, int | None]:
    """Return the id after which a forward read begins (None: the beginning), and the stored
    activity that it should meet first.

    That activity is the last one created before `since` or with an id up to `stable_id`: everything
    that became visible since the last read has a higher id. It is None when nothing is stored.
    Activities of projects that the key no longer sees are ignored, since the feed does not list
    them.
    """
    columns = SPECS["activities"].table.c
    mine = (
        columns.space_key == space_key,
        columns.project_id.in_(projects),
        columns.id <= state.cursor,
    )
    over = or_(columns.created_at < since, columns.id <= state.stable_id)
    before = conn.execute(select(func.max(columns.id)).where(*mine, over)).scalar_one()
    if before is not None:
        return int(before) - 1, int(before)
    first = conn.execute(select(func.min(columns.id)).where(*mine)).scalar_one()
    if first is None:
        return state.cursor, None
    return (None if state.complete else int(first) - 1), int(first)


def invalidate_comment_reads(conn: Connection, space_key: str) -> int:
    """Request the comments of every issue again, after the last known one; return the number of
    issues.

    For a feed that has lost rows: they may have reported a comment that changed no `updated`. It
    counts as a refetch request, so that a read under way does not acknowledge it.
    """
    reads = issue_sync_state.c
    lock_sync_state(conn, space_key, reads.updated_at.is_not(None))
    return conn.execute(
        update(issue_sync_state)
        .where(reads.space_key == space_key, reads.updated_at.is_not(None))
        .values(
            refetch_comments_from=func.least(
                reads.refetch_comments_from, func.coalesce(reads.last_comment_id, 0) + 1
            ),
            requested_by="activity feed: trimmed",
            refetch_requests=reads.refetch_requests + 1,
        )
    ).rowcount

"""How far the comments of each issue are read, and which reads are due.

An issue is pending when its comments were never read, when its `updated_at` is not the one of the
last read, or when a refetch was requested (`refetch_requests.py`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    any_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    text,
)

from resources.warehouse.arrays import bigints
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.written_rows import written_since
from resources.warehouse.state.schema_ops_records import issue_sync_state

ISSUES = SPECS["issues"].table
_issue = ISSUES.c
_read = issue_sync_state.c
OF_ISSUE = and_(_read.space_key == _issue.space_key, _read.issue_id == _issue.id)
#: The version of an issue. The fallbacks keep an issue without `updated` from being pending
#: forever.
_VERSION = func.coalesce(_issue.updated_at, _issue.created_at, func.to_timestamp(0))


@dataclass(frozen=True, slots=True)
class CommentRead:
    """A read of an issue's comments that is due: those with ids above `from_id`, all of them if it
    is 0.
    """

    issue_id: int
    project_id: int
    updated_at: datetime
    """The issue's last change in the warehouse when this was selected; `finish_comments` records
    it.
    """
    last_comment_id: int
    from_id: int
    refetch_requests: int
    need: int
    """Priority: 0 open issues, 1 recently changed ones, 2 others, 3 those that never changed, as
    far as is known.
    """


def lock_sync_state(conn: Connection, space_key: str, *chosen: ColumnElement[bool]) -> None:
    """Lock the sync state of the issues that meet all conditions, in the order of their ids.

    Call it before a statement that changes several rows in an order that PostgreSQL chooses:
    `sync/store.py` says which order all transactions keep.
    """
    rows = select(_read.issue_id).where(_read.space_key == space_key, *chosen)
    in_order = rows.order_by(_read.issue_id).with_for_update().subquery()
    conn.execute(select(func.count()).select_from(in_order))


def hidden_projects(space_key: str) -> Select[Any]:
    """Select the projects that were missing in the last listing: deleted, or without access."""
    projects = SPECS["projects"].table.c
    return select(projects.id).where(
        projects.space_key == space_key, projects.deleted_reason.is_not(None)
    )


_NEVER = _read.updated_at.is_(None)
_PENDING = or_(_NEVER, _read.updated_at != _VERSION, _read.refetch_comments_from.is_not(None))
_LAST_ID = func.coalesce(_read.last_comment_id, 0)
#: The comments of a moved issue still have its old project.
_comment = SPECS["comments"].table.c
_MOVED = exists().where(
    _comment.space_key == _issue.space_key,
    _comment.issue_id == _issue.id,
    _comment.project_id != _issue.project_id,
    _comment.deleted_at.is_(None),
)
#: LEAST ignores null: without a request the read continues after the last comment, also after an
#: interruption.
_FROM_ID = case(
    (_MOVED, 0), else_=func.greatest(func.least(_LAST_ID, _read.refetch_comments_from - 1), 0)
)


#: The status 完了 / Closed has this id in every project.
_CLOSED = 4
#: Changed recently: within this time of the newest change in the space.
_RECENT = timedelta(days=30)
#: The types of activities that report a change of an issue or a comment.
_CHANGES_OF_ISSUES = (2, 3, 14, 17, 34, 35)
_activity = SPECS["activities"].table.c
_IN_FEED = exists().where(
    _activity.space_key == _issue.space_key,
    _activity.content_id == _issue.id,
    _activity.type.in_(_CHANGES_OF_ISSUES),
)
_NEWEST_FIRST = (_VERSION.desc(), _issue.id)
_ROWS_AT_A_TIME = 1_000


def _need(space_key: str) -> ColumnElement[int]:
    """Return the priority of an issue's comments. It affects only the order: each issue is read
    once.
    """
    other = ISSUES.alias().c
    newest = (
        select(func.max(other.updated_at)).where(other.space_key == space_key).scalar_subquery()
    )
    return case(
        (_issue.status_id.is_distinct_from(_CLOSED), 0),
        (newest - _RECENT <= _VERSION, 1),
        (or_(_issue.created_at < _VERSION, _IN_FEED), 2),
        else_=3,
    )


def _due(
    space_key: str,
    project_ids: Collection[int] | None,
    from_id: Any,
    among: Collection[int] | None = None,
) -> Select[Any]:
    """Select reads of the unmarked issues of some projects, None: all, with or without sync
    state.
    """
    found = (
        select(
            _issue.id,
            _issue.project_id,
            _VERSION,
            _LAST_ID,
            from_id,
            func.coalesce(_read.refetch_requests, 0),
            _need(space_key),
        )
        .join_from(ISSUES, issue_sync_state, OF_ISSUE, isouter=True)
        .where(
            _issue.space_key == space_key,
            _issue.deleted_at.is_(None),
        )
    )
    if project_ids is not None:
        found = found.where(_issue.project_id == any_(bigints(project_ids)))
    return found if among is None else found.where(_issue.id == any_(bigints(among)))


def _reads(conn: Connection, query: Select[Any]) -> list[CommentRead]:
    """Return the reads of a query, fetched in batches: a first load selects all issues, which would
    be held twice.
    """
    return [
        CommentRead(*row)
        for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME})
    ]


def pending_comments(
    conn: Connection,
    space_key: str,
    project_ids: Collection[int] | None,
    among: Collection[int] | None = None,
    since: datetime | None = None,
) -> list[CommentRead]:
    """Return the due reads of comments, newest changes first.

    Args:
        conn: a connection.
        space_key: the space.
        project_ids: the projects of the issues; None: all.
        among: only these issues; None: all.
        since: only issues that were written since, or requested: no other one was due then. None:
            all.
    """
    due = _due(space_key, project_ids, _FROM_ID, among).where(_PENDING)
    if since is not None:
        written = select(_issue.id).where(written_since(ISSUES, space_key, since))
        requested = select(_read.issue_id).where(
            _read.space_key == space_key, _read.refetch_comments_from.is_not(None)
        )
        due = due.where(_issue.id.in_(written.correlate(None).union_all(requested)))
    return _reads(conn, due.order_by(*_NEWEST_FIRST))


def requested_comments(
    conn: Connection,
    space_key: str,
    project_ids: Collection[int],
    among: Collection[int] | None = None,
) -> list[CommentRead]:
    """Return the due reads that were requested; issues that were never read nor requested are left
    out.
    """
    due = _due(space_key, project_ids, _FROM_ID, among).where(_read.refetch_requests > 0, _PENDING)
    return _reads(conn, due.order_by(*_NEWEST_FIRST))


def window_comments(
    conn: Connection,
    space_key: str,
    project_id: int,
    since: datetime | None,
    until: datetime | None,
) -> list[CommentRead]:
    """Return a full read of every issue of a project changed within [since, until), newest changes
    first.
    """
    query = _due(space_key, [project_id], literal(0)).order_by(*_NEWEST_FIRST)
    if since is not None:
        query = query.where(_issue.updated_at >= since)
    if until is not None:
        query = query.where(_issue.updated_at < until)
    return _reads(conn, query)


def refresh_share(
    conn: Connection, space_key: str, project_ids: Collection[int], limit: int
) -> list[CommentRead]:
    """Return full reads of the issues whose last full read is oldest; never read ones
    come first.
    """
    oldest = _due(space_key, project_ids, literal(0)).order_by(
        _read.refreshed_at.asc().nulls_first(), _issue.id
    )
    return _reads(conn, oldest.limit(limit))


_PUT_OFF = text(
    "INSERT INTO ops.issue_sync_state AS r (space_key, issue_id, project_id, refreshed_at) "
    "SELECT :space_key, w.issue_id, w.project_id, statement_timestamp() "
    "FROM unnest(CAST(:issues AS bigint[]), CAST(:projects AS bigint[])) AS "
    "w (issue_id, project_id) ORDER BY w.issue_id "
    "ON CONFLICT (space_key, issue_id) DO UPDATE SET refreshed_at = excluded.refreshed_at"
)


def put_off_refresh(conn: Connection, space_key: str, refused: Sequence[CommentRead]) -> None:
    """Move refused full reads to the end of the queue, so that they do not block the others."""
    columns = {
        "issues": [one.issue_id for one in refused],
        "projects": [one.project_id for one in refused],
    }
    conn.execute(_PUT_OFF, {"space_key": space_key, **columns})


_FINISH = text(
    "INSERT INTO ops.issue_sync_state AS r "
    "(space_key, issue_id, project_id, updated_at, last_comment_id, "
    "refetch_requests, refreshed_at) "
    "SELECT :space_key, w.issue_id, w.project_id, w.updated_at, "
    "w.last_comment_id, w.refetch_requests, "
    "CASE WHEN w.whole THEN statement_timestamp() END "
    "FROM unnest(CAST(:issues AS bigint[]), CAST(:projects AS bigint[]), "
    "CAST(:versions AS timestamptz[]), "
    "CAST(:last AS bigint[]), CAST(:refetch_requests AS bigint[]), CAST(:whole AS boolean[])) "
    "AS w (issue_id, project_id, updated_at, last_comment_id, refetch_requests, "
    "whole) ORDER BY w.issue_id "
    "ON CONFLICT (space_key, issue_id) DO UPDATE SET project_id = excluded.project_id, "
    "updated_at = excluded.updated_at, "
    "last_comment_id = CASE WHEN excluded.refreshed_at IS NULL THEN GREATEST(r.last_comment_id, "
    "excluded.last_comment_id) "
    "ELSE excluded.last_comment_id END, "
    "refetch_comments_from = CASE WHEN r.refetch_requests <> excluded.refetch_requests THEN "
    "r.refetch_comments_from END, "
    "refreshed_at = COALESCE(excluded.refreshed_at, r.refreshed_at)"
)


def finish_comments(
    conn: Connection, space_key: str, finished: Sequence[tuple[CommentRead, int]]
) -> None:
    """Record that reads are complete, in the transaction that stores their last comments.

    Args:
        conn: a connection inside the caller's transaction.
        space_key: the space.
        finished: each read as it was due, one per issue, with the highest comment id read; 0
            without comments.
    """
    if not finished:
        return
    columns = {
        "issues": [read.issue_id for read, _ in finished],
        "projects": [read.project_id for read, _ in finished],
        "versions": [read.updated_at for read, _ in finished],
        "last": [last for _, last in finished],
        "refetch_requests": [read.refetch_requests for read, _ in finished],
        "whole": [read.from_id == 0 for read, _ in finished],
    }
    conn.execute(_FINISH, {"space_key": space_key, **columns})


_REACH = text(
    "INSERT INTO ops.issue_sync_state AS r (space_key, issue_id, project_id, last_comment_id) "
    "VALUES (:space_key, :issue_id, :project_id, :last_comment_id) ON "
    "CONFLICT (space_key, issue_id) "
    "DO UPDATE SET last_comment_id = GREATEST(r.last_comment_id, excluded.last_comment_id), "
    # What was requested up to here is read; a request made meanwhile may reach farther back.
    "refetch_comments_from = CASE WHEN r.refetch_requests = :refetch_requests THEN "
    "GREATEST(r.refetch_comments_from, CASE WHEN r.refetch_comments_from IS NOT NULL "
    "THEN excluded.last_comment_id + 1 END) ELSE r.refetch_comments_from END"
)


def reach_comments(
    conn: Connection, space_key: str, read: CommentRead, last_comment_id: int
) -> None:
    """Record how far an unfinished read has come, in the transaction that stores its page. After an
    interruption it continues from there.

    A full read of an issue that was read before starts again instead: only its end shows which
    comments were deleted. Its row is locked all the same, in the order of the others.
    """
    if read.from_id == 0 and read.last_comment_id > 0:
        lock_sync_state(conn, space_key, _read.issue_id == read.issue_id)
        return
    values = {
        "issue_id": read.issue_id,
        "project_id": read.project_id,
        "last_comment_id": last_comment_id,
        "refetch_requests": read.refetch_requests,
    }
    conn.execute(_REACH, {"space_key": space_key, **values})


class Histories(NamedTuple):
    """Of a project: how many issues it has, of how many all comments are read, and how many open
    ones are left.
    """

    issues: int
    complete: int
    open_left: int


def count_histories(conn: Connection, space_key: str) -> dict[int, Histories]:
    """Return project id -> how far its histories are read, without inaccessible projects."""
    query = (
        select(
            _issue.project_id,
            func.count(),
            func.count(_read.updated_at),
            func.count().filter(_NEVER, _issue.status_id.is_distinct_from(_CLOSED)),
        )
        .join_from(ISSUES, issue_sync_state, OF_ISSUE, isouter=True)
        .where(
            _issue.space_key == space_key,
            _issue.deleted_at.is_(None),
            _issue.project_id.not_in(hidden_projects(space_key)),
        )
        .group_by(_issue.project_id)
    )
    return {project: Histories(*counts) for project, *counts in conn.execute(query)}


def history_share(conn: Connection) -> float:
    """Return the share of issues whose history is read, over all spaces; 1.0 without issues."""
    spaces = conn.execute(select(SPECS["space"].table.c.space_key)).scalars().all()
    found = [counts for space in spaces for counts in count_histories(conn, space).values()]
    issues = sum(one.issues for one in found)
    return sum(one.complete for one in found) / issues if issues else 1.0


def count_refreshed(
    conn: Connection, space_key: str, project_ids: Collection[int], before: datetime
) -> tuple[int, int]:
    """Return the number of issues, and of those whose last full read is older than `before` or
    missing.
    """
    due = func.count().filter(or_(_read.refreshed_at.is_(None), _read.refreshed_at < before))
    issues, overdue = conn.execute(
        _due(space_key, project_ids, literal(0)).with_only_columns(func.count(), due)
    ).one()
    return int(issues), int(overdue)

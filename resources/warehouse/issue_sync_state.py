"""What is still to be read of each issue: how far its comments are read, what was requested since,
what is due to be read whole.

An issue is pending when it was never read, when its `updated_at` is not the one up to which it was
read, or when a refetch was requested. Each request increments `refetch_requests`. An
acknowledgement names the count that its read began with, so that what is requested during a read
stays requested.
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
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops_records import issue_sync_state

_ISSUES = SPECS["issues"].table
_issue = _ISSUES.c
_read = issue_sync_state.c
_OF_ISSUE = and_(_read.space_key == _issue.space_key, _read.issue_id == _issue.id)
#: The version of an issue. The source always sends `updated`; should it not, an issue must not be
#: pending for ever.
_VERSION = func.coalesce(_issue.updated_at, _issue.created_at, func.to_timestamp(0))

#: Evidence of a refetch request that every load tries again: a comment that could not be loaded.
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class RefetchRequest:
    """A request to read an issue again: itself, its comments from an id on (0: all of them), or
    both.
    """

    issue_id: int
    project_id: int
    """0 when the evidence does not say."""
    by: str
    """The evidence, as `activity 777001`."""
    comments_from: int | None = None
    issue: bool = False


@dataclass(frozen=True)
class RequestedIssue:
    """An issue that is to be read itself; `refetch_requests` is the count that `acknowledge_issues`
    compares.
    """

    issue_id: int
    project_id: int
    refetch_requests: int
    by: str


@dataclass(frozen=True, slots=True)
class CommentRead:
    """A read of an issue's comments that is due: those with ids above `from_id`, all of them when
    that is 0.
    """

    issue_id: int
    project_id: int
    updated_at: datetime
    """The issue's last change as the warehouse had it when the read was due: what `finish_comments`
    records.
    """
    last_comment_id: int
    from_id: int
    refetch_requests: int
    need: int
    """How soon: 0 open issues, 1 those that changed recently, 2 the others, 3 those that never
    changed, as far as is known.
    """


_REQUEST_REFETCH = text(
    "INSERT INTO ops.issue_sync_state AS r (space_key, issue_id, project_id, "
    "refetch_comments_from, refetch_issue, requested_by, refetch_requests) "
    "SELECT :space_key, w.*, 1 FROM unnest(CAST(:issues AS bigint[]), CAST(:projects AS "
    "bigint[]), CAST(:starts AS bigint[]), "
    "CAST(:whole AS boolean[]), CAST(:evidence AS text[])) AS w "
    "ON CONFLICT (space_key, issue_id) DO UPDATE SET refetch_requests = r.refetch_requests + 1, "
    # What waits for a load does not wait longer because a record is in quarantine as well.
    "requested_by = CASE WHEN excluded.requested_by = :quarantine AND (r.refetch_issue OR "
    "r.refetch_comments_from IS NOT NULL) "
    "THEN r.requested_by ELSE excluded.requested_by END, "
    "project_id = COALESCE(NULLIF(excluded.project_id, 0), r.project_id), "
    # which passes over nulls
    "refetch_comments_from = LEAST(r.refetch_comments_from, excluded.refetch_comments_from), "
    "refetch_issue = r.refetch_issue OR excluded.refetch_issue"
)


def request_refetch(
    conn: Connection, space_key: str, refetch_requests: Sequence[RefetchRequest]
) -> None:
    """Remember what is to be read; of several refetch_requests of one issue the farthest reaching
    counts.

    Call it in the transaction that stores the evidence, so that no evidence is kept that was not
    acted upon.
    """
    merged: dict[int, RefetchRequest] = {}
    for one in refetch_requests:
        merged[one.issue_id] = _both(merged[one.issue_id], one) if one.issue_id in merged else one
    if not merged:
        return
    rows = [
        merged[issue_id] for issue_id in sorted(merged)
    ]  # in one order, so that two at once cannot deadlock
    columns = {
        "issues": [one.issue_id for one in rows],
        "projects": [one.project_id for one in rows],
        "starts": [one.comments_from for one in rows],
        "whole": [one.issue for one in rows],
        "evidence": [one.by for one in rows],
    }
    conn.execute(_REQUEST_REFETCH, {"space_key": space_key, "quarantine": QUARANTINE, **columns})


def lock_sync_state(conn: Connection, space_key: str, issues: Collection[int]) -> None:
    """Lock what is noted of some issues in the order of their ids, before statements that take them
    in another: no deadlocks.
    """
    query = select(_read.issue_id).where(
        _read.space_key == space_key, _read.issue_id == any_(bigints(issues))
    )
    conn.execute(query.order_by(_read.issue_id).with_for_update())


def _both(one: RefetchRequest, other: RefetchRequest) -> RefetchRequest:
    starts = [start for start in (one.comments_from, other.comments_from) if start is not None]
    project_id = other.project_id or one.project_id
    return RefetchRequest(
        other.issue_id, project_id, other.by, min(starts, default=None), one.issue or other.issue
    )


def requested_issues(
    conn: Connection, space_key: str, *, comments_too: bool
) -> list[RequestedIssue]:
    """Return the issues that are to be read themselves, in the order of their ids.

    With `comments_too` also those of which only comments are requested, so that both can be brought
    up to date; issues that are marked deleted are not among these, since what is requested of them
    waits until they come back.
    """
    requested: ColumnElement[bool] = _read.refetch_issue.is_(True)
    if comments_too:
        requested = or_(
            requested, and_(_read.refetch_comments_from.is_not(None), _issue.deleted_at.is_(None))
        )
    query = (
        select(
            _read.issue_id,
            func.coalesce(_issue.project_id, _read.project_id),
            _read.refetch_requests,
            func.coalesce(_read.requested_by, ""),
        )
        .join_from(issue_sync_state, _ISSUES, _OF_ISSUE, isouter=True)
        .where(
            _read.space_key == space_key,
            or_(_read.refetch_issue, _read.refetch_comments_from.is_not(None)),
            requested,
        )
        .order_by(_read.issue_id)
    )
    return [RequestedIssue(*row) for row in conn.execute(query)]


def _hidden_projects(space_key: str) -> Select[Any]:
    """Select the projects that were not there when projects were listed last: deleted, or no
    access.
    """
    projects = SPECS["projects"].table.c
    return select(projects.id).where(
        projects.space_key == space_key, projects.deleted_reason.is_not(None)
    )


def is_waiting(conn: Connection, space_key: str) -> bool:
    """Say whether a refetch of an existing issue is requested that a load can read.

    Quarantined records do not count, since every load tries them anyway, nor do issues of
    inaccessible projects, which wait.
    """
    query = (
        select(_read.issue_id)
        .join_from(issue_sync_state, _ISSUES, _OF_ISSUE, isouter=True)
        .where(
            _read.space_key == space_key,
            or_(_read.refetch_issue, _read.refetch_comments_from.is_not(None)),
            _issue.deleted_at.is_(None),
            _read.requested_by.is_distinct_from(QUARANTINE),
            func.coalesce(_issue.project_id, _read.project_id, 0).not_in(
                _hidden_projects(space_key)
            ),
        )
    )
    return conn.execute(query.limit(1)).first() is not None


_ACKNOWLEDGE = text(
    "UPDATE ops.issue_sync_state AS r SET refetch_issue = false, "
    "refetch_comments_from = CASE WHEN EXISTS (SELECT FROM raw.issues AS i WHERE i.space_key = "
    "r.space_key AND i.id = r.issue_id) "
    "THEN r.refetch_comments_from END "
    "FROM unnest(CAST(:issues AS bigint[]), CAST(:refetch_requests AS bigint[])) AS w "
    "(issue_id, refetch_requests) "
    "WHERE r.space_key = :space_key AND r.issue_id = w.issue_id AND "
    "r.refetch_requests = w.refetch_requests"
)


def acknowledge_issues(
    conn: Connection, space_key: str, requested: Sequence[RequestedIssue]
) -> None:
    """Say that these issues were read, or were confirmed to be gone; what was requested since stays
    requested.

    Nothing more is requested of an issue that has no row at all: there is none to hold comments.
    """
    columns = {
        "issues": [one.issue_id for one in requested],
        "refetch_requests": [one.refetch_requests for one in requested],
    }
    conn.execute(_ACKNOWLEDGE, {"space_key": space_key, **columns})


_NEVER = _read.updated_at.is_(None)
_PENDING = or_(_NEVER, _read.updated_at != _VERSION, _read.refetch_comments_from.is_not(None))
_LAST_ID = func.coalesce(_read.last_comment_id, 0)
#: An issue that has moved carries its comments into another project, and each of them says so.
_comment = SPECS["comments"].table.c
_MOVED = exists().where(
    _comment.space_key == _issue.space_key,
    _comment.issue_id == _issue.id,
    _comment.project_id != _issue.project_id,
    _comment.deleted_at.is_(None),
)
#: LEAST passes over a null: without a request the read continues after the last comment, also after
#: an interruption.
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
    """Return how soon the comments of an issue are needed; a hint of the order only, since each
    issue is read once in any case.
    """
    other = _ISSUES.alias().c
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
    space_key: str, project_ids: Collection[int], from_id: Any, among: Collection[int] | None = None
) -> Select[Any]:
    """Select reads of the issues of some projects that are there, with or without an entry of
    theirs.
    """
    refetch_requests = func.coalesce(_read.refetch_requests, 0)
    found = (
        select(
            _issue.id,
            _issue.project_id,
            _VERSION,
            _LAST_ID,
            from_id,
            refetch_requests,
            _need(space_key),
        )
        .join_from(_ISSUES, issue_sync_state, _OF_ISSUE, isouter=True)
        .where(
            _issue.space_key == space_key,
            _issue.project_id == any_(bigints(project_ids)),
            _issue.deleted_at.is_(None),
        )
    )
    return found if among is None else found.where(_issue.id == any_(bigints(among)))


def _reads(conn: Connection, query: Select[Any]) -> list[CommentRead]:
    """Return what is found, fetched in batches: in a first load these are all issues, which would
    be held twice.
    """
    return [
        CommentRead(*row)
        for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME})
    ]


def pending_comments(
    conn: Connection,
    space_key: str,
    project_ids: Collection[int],
    among: Collection[int] | None = None,
) -> list[CommentRead]:
    """Return the reads of comments that are due, those of the newest changes first; if given, only
    `among` these issues.
    """
    return _reads(
        conn, _due(space_key, project_ids, _FROM_ID, among).where(_PENDING).order_by(*_NEWEST_FIRST)
    )


def requested_comments(
    conn: Connection,
    space_key: str,
    project_ids: Collection[int],
    among: Collection[int] | None = None,
) -> list[CommentRead]:
    """Return those of the due reads that were requested; issues that were never read and never
    requested are left out.
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
    """Return a whole read of every issue of a project changed within [since, until), the newest
    changes first.
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
    """Return a whole read of those issues whose last one lies farthest back, never read
    ones first.
    """
    oldest = _due(space_key, project_ids, literal(0)).order_by(
        _read.refreshed_at.asc().nulls_first(), _issue.id
    )
    return _reads(conn, oldest.limit(limit))


_PUT_OFF = text(
    "INSERT INTO ops.issue_sync_state AS r (space_key, issue_id, project_id, refreshed_at) "
    "SELECT :space_key, w.issue_id, w.project_id, statement_timestamp() "
    "FROM unnest(CAST(:issues AS bigint[]), CAST(:projects AS bigint[])) AS "
    "w (issue_id, project_id) "
    "ON CONFLICT (space_key, issue_id) DO UPDATE SET refreshed_at = excluded.refreshed_at"
)


def put_off_refresh(conn: Connection, space_key: str, refused: Sequence[CommentRead]) -> None:
    """Let whole reads that were refused come round again after all others, which they would keep
    from their turn otherwise.
    """
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
    """Say that reads came to their end, in the transaction that stores their last comments.

    Args:
        conn: a connection inside the caller's transaction.
        space_key: the space.
        finished: the reads as they were due, of one issue each, and the highest id of a comment
            that was read; 0 without any.
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
    """Say how far a read has come that goes on, in the transaction that stores its page: broken off
    here, it goes on from there.

    A whole read of an issue that was read before goes back to its start instead: only its end shows
    which comments are gone.
    """
    if read.from_id == 0 and read.last_comment_id > 0:
        return
    values = {
        "issue_id": read.issue_id,
        "project_id": read.project_id,
        "last_comment_id": last_comment_id,
        "refetch_requests": read.refetch_requests,
    }
    conn.execute(_REACH, {"space_key": space_key, **values})


class Histories(NamedTuple):
    """How many issues a project has, how many of them have their comments read to the end, and how
    many open ones have not.
    """

    issues: int
    complete: int
    open_left: int


def count_histories(conn: Connection, space_key: str) -> dict[int, Histories]:
    """Return how far the histories are read, by the id of the project; comments of inaccessible
    projects cannot be read.
    """
    query = (
        select(
            _issue.project_id,
            func.count(),
            func.count(_read.updated_at),
            func.count().filter(_NEVER, _issue.status_id.is_distinct_from(_CLOSED)),
        )
        .join_from(_ISSUES, issue_sync_state, _OF_ISSUE, isouter=True)
        .where(
            _issue.space_key == space_key,
            _issue.deleted_at.is_(None),
            _issue.project_id.not_in(_hidden_projects(space_key)),
        )
        .group_by(_issue.project_id)
    )
    return {project: Histories(*counts) for project, *counts in conn.execute(query)}


def history_share(conn: Connection) -> float:
    """Return the share of issues whose history is read, of all spaces; 1.0 where there is none to
    read.
    """
    spaces = conn.execute(select(SPECS["space"].table.c.space_key)).scalars().all()
    found = [counts for space in spaces for counts in count_histories(conn, space).values()]
    issues = sum(one.issues for one in found)
    return sum(one.complete for one in found) / issues if issues else 1.0


def count_refreshed(
    conn: Connection, space_key: str, project_ids: Collection[int], before: datetime
) -> tuple[int, int]:
    """Return how many issues there are, and of how many all comments were last read before a time
    or never.
    """
    due = func.count().filter(or_(_read.refreshed_at.is_(None), _read.refreshed_at < before))
    query = _due(space_key, project_ids, literal(0)).with_only_columns(func.count(), due)
    issues, overdue = conn.execute(query).one()
    return int(issues), int(overdue)

"""Requests to read an issue or its comments again: stored with their evidence, acknowledged after
the read.

Each request increments `refetch_requests`. An acknowledgement passes the count at the start of its
read, so that requests made during the read stay open.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, any_, case, func, or_, select, text

from resources.warehouse.arrays import bigints
from resources.warehouse.state.issue_sync_state import (
    ISSUES,
    OF_ISSUE,
    hidden_projects,
    lock_sync_state,
)
from resources.warehouse.state.schema_ops_records import issue_sync_state

_issue = ISSUES.c
_read = issue_sync_state.c

#: Evidence of a request for a comment that could not be loaded; every load tries it again.
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class RefetchRequest:
    """A request to read an issue again: the issue itself, its comments from an id on (0: all), or
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
    """An issue to read again; `refetch_requests` is the count that `acknowledge_issues`
    compares.
    """

    issue_id: int
    project_id: int
    refetch_requests: int
    by: str


_REQUEST_REFETCH = text(
    "INSERT INTO ops.issue_sync_state AS r (space_key, issue_id, project_id, "
    "refetch_comments_from, refetch_issue, requested_by, refetch_requests) "
    "SELECT :space_key, w.*, 1 FROM unnest(CAST(:issues AS bigint[]), CAST(:projects AS "
    "bigint[]), CAST(:starts AS bigint[]), "
    "CAST(:whole AS boolean[]), CAST(:evidence AS text[])) AS w "
    "ON CONFLICT (space_key, issue_id) DO UPDATE SET refetch_requests = r.refetch_requests + 1, "
    # A request for a load keeps its evidence when a record is quarantined as well.
    "requested_by = CASE WHEN excluded.requested_by = :quarantine AND (r.refetch_issue OR "
    "r.refetch_comments_from IS NOT NULL) "
    "THEN r.requested_by ELSE excluded.requested_by END, "
    "project_id = COALESCE(NULLIF(excluded.project_id, 0), r.project_id), "
    # LEAST ignores nulls.
    "refetch_comments_from = LEAST(r.refetch_comments_from, excluded.refetch_comments_from), "
    "refetch_issue = r.refetch_issue OR excluded.refetch_issue"
)


def request_refetch(
    conn: Connection, space_key: str, refetch_requests: Sequence[RefetchRequest]
) -> None:
    """Store requests. Several requests for one issue are merged into the widest one.

    Call it in the transaction that stores the evidence, so that no evidence is stored without its
    requests.
    """
    merged: dict[int, RefetchRequest] = {}
    for one in refetch_requests:
        merged[one.issue_id] = _both(merged[one.issue_id], one) if one.issue_id in merged else one
    if not merged:
        return
    rows = [merged[issue_id] for issue_id in sorted(merged)]  # the order of `sync/store.py`
    columns = {
        "issues": [one.issue_id for one in rows],
        "projects": [one.project_id for one in rows],
        "starts": [one.comments_from for one in rows],
        "whole": [one.issue for one in rows],
        "evidence": [one.by for one in rows],
    }
    conn.execute(_REQUEST_REFETCH, {"space_key": space_key, "quarantine": QUARANTINE, **columns})


def _both(one: RefetchRequest, other: RefetchRequest) -> RefetchRequest:
    starts = [start for start in (one.comments_from, other.comments_from) if start is not None]
    project_id = other.project_id or one.project_id
    return RefetchRequest(
        other.issue_id, project_id, other.by, min(starts, default=None), one.issue or other.issue
    )


def requested_issues(
    conn: Connection, space_key: str, visible: Collection[int], *, comments_too: bool
) -> list[RequestedIssue]:
    """Return the issues to read again, by id; each with the project that it is stored in, or with
    that of its request if the former is not among the `visible` ones: it was moved.

    With `comments_too`, also those of which only comments are requested, so that both are updated.
    Issues marked deleted are not among the latter: their requests wait until they come back.
    """
    requested: ColumnElement[bool] = _read.refetch_issue.is_(True)
    if comments_too:
        requested = or_(
            requested, and_(_read.refetch_comments_from.is_not(None), _issue.deleted_at.is_(None))
        )
    query = (
        select(
            _read.issue_id,
            case(
                (_issue.project_id == any_(bigints(visible)), _issue.project_id),
                else_=_read.project_id,
            ),
            _read.refetch_requests,
            func.coalesce(_read.requested_by, ""),
        )
        .join_from(issue_sync_state, ISSUES, OF_ISSUE, isouter=True)
        .where(
            _read.space_key == space_key,
            or_(_read.refetch_issue, _read.refetch_comments_from.is_not(None)),
            requested,
        )
        .order_by(_read.issue_id)
    )
    return [RequestedIssue(*row) for row in conn.execute(query)]


def is_waiting(conn: Connection, space_key: str) -> bool:
    """Return whether a refetch of an existing, accessible issue is requested.

    Quarantined records do not count: every load tries them anyway.
    """
    hidden = hidden_projects(space_key)
    project = case((_issue.project_id.not_in(hidden), _issue.project_id), else_=_read.project_id)
    query = (
        select(_read.issue_id)
        .join_from(issue_sync_state, ISSUES, OF_ISSUE, isouter=True)
        .where(
            _read.space_key == space_key,
            or_(_read.refetch_issue, _read.refetch_comments_from.is_not(None)),
            or_(_issue.deleted_at.is_(None), _read.refetch_issue & (_issue.project_id != project)),
            _read.requested_by.is_distinct_from(QUARANTINE),
            project.not_in(hidden),
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
    """Record that issues were read, or confirmed as deleted; newer requests stay open.

    Requests for comments of an issue without a row are closed, too, since there is no row to hold
    them.
    """
    columns = {
        "issues": [one.issue_id for one in requested],
        "refetch_requests": [one.refetch_requests for one in requested],
    }
    lock_sync_state(conn, space_key, _read.issue_id == any_(bigints(columns["issues"])))
    conn.execute(_ACKNOWLEDGE, {"space_key": space_key, **columns})

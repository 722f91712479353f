"""Tombstones: rows that the source no longer has are marked, never removed: `marking.py` marks them
and writes to `ops.deletions` when, why and by which evidence.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    all_,
    any_,
    delete,
    exists,
    func,
    not_,
    select,
    update,
)

from resources.warehouse.arrays import bigints
from resources.warehouse.raw.cascades import REFERRED, cascading_references
from resources.warehouse.raw.marking import Finding, count_marked, mark
from resources.warehouse.raw.quarantine import key_texts, resolve_of_projects, resolve_unlisted
from resources.warehouse.raw.record_content import Key
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.state.issue_sync_state import lock_sync_state
from resources.warehouse.state.refetch_requests import RefetchRequest, request_refetch
from resources.warehouse.state.schema_ops import sync_state
from resources.warehouse.state.schema_ops_records import deletions, issue_sync_state

ISSUE_DELETED = "issue deleted"
COMMENT_DELETED = "comment deleted"
PROJECT_DELETED = "project deleted"
#: Longer than a load that began before a deletion can continue after it.
LATELY = timedelta(days=1)
#: Reasons of rows deleted along with another row.
FOLLOWED = frozenset({ISSUE_DELETED, COMMENT_DELETED, PROJECT_DELETED})


def mark_missing(
    conn: Connection,
    spec: TableSpec,
    scope: Mapping[str, int],
    present: Collection[int],
    *,
    space_key: str,
    reason: str,
    evidence: str | None = None,
    run_id: str,
) -> tuple[int, ...]:
    """Mark the rows of a scope that the source no longer lists; return the last part of their keys.

    Open quarantine entries of the scope that are not listed either are resolved. Issues that refer
    to the rows are requested again, also for rows marked within the last day: another load may have
    stored such issues since, in their earlier version.

    Args:
        conn: a connection inside the caller's transaction.
        spec: the table.
        scope: column values of the rows that were listed whole, as `{"project_id": 300}`; `{}`: the
            space.
        present: the last key column of everything that was listed, from `MergeResult.present_ids`.
        space_key: the space.
        reason: a few words for people; stored in `deleted_reason`.
        evidence: how it was found and confirmed, for `ops.deletions`; None: the endpoint of the
            table no longer lists it.
        run_id: the run that found it.

    Raises:
        ValueError: the key has more columns than the scope fixes, so `present` would be ambiguous.
    """
    if not spec.key or set(spec.key[:-1]) - scope.keys():
        raise ValueError(
            f"{spec.name}: the scope must fix {', '.join(spec.key[:-1]) or 'a table with ids'}"
        )
    listed = select(func.unnest(bigints(present)).label("id")).subquery()
    column = spec.table.c[spec.key[-1]]
    missing = not_(select(listed.c.id).where(listed.c.id == column).exists())
    if scope.keys() <= {"project_id"}:
        outer = tuple(scope[name] for name in spec.key[:-1])
        resolve_unlisted(
            conn,
            spec,
            space_key,
            [(*outer, last) for last in present],
            project_id=scope.get("project_id"),
        )
    finding = Finding(space_key, reason, evidence or f"{spec.endpoint} no longer lists it", run_id)
    gone = mark(conn, spec, [missing, *_scope(spec, scope)], finding)
    if spec.name in REFERRED:
        lately = _gone_lately(conn, spec, scope, space_key)
        request_refetch(
            conn,
            space_key,
            cascading_references(
                conn, space_key, spec.name, lately, project_id=scope.get("project_id")
            ),
        )
    return gone


def mark_issues_deleted(
    conn: Connection,
    ids: Collection[int],
    *,
    space_key: str,
    evidence: str,
    run_id: str,
    reason: str = "deleted",
) -> tuple[int, ...]:
    """Mark issues with their comments and changes; return the ids of issues that were not marked
    before.

    Their sync state is deleted, so that an issue that comes back is read whole, with its comments.
    Their child issues are requested again.
    """
    given = Finding(space_key, reason, evidence, run_id)
    marked = mark(conn, SPECS["issues"], [SPECS["issues"].table.c.id == any_(bigints(ids))], given)
    for table in ("comments", "issue_changes"):
        spec = SPECS[table]
        mark(
            conn,
            spec,
            [spec.table.c.issue_id == any_(bigints(ids))],
            Finding(space_key, ISSUE_DELETED, evidence, run_id),
        )
    children = cascading_references(conn, space_key, "issues", marked)
    # Requested together, so that all are locked in one order: those of `ids` are deleted at once.
    own = [RefetchRequest(issue, 0, evidence) for issue in ids]
    request_refetch(conn, space_key, own + children)
    _forget(conn, issue_sync_state, issue_sync_state.c.issue_id == any_(bigints(ids)), space_key)
    return marked


def mark_comments_deleted(
    conn: Connection,
    ids: Collection[int],
    *,
    space_key: str,
    evidence: str,
    run_id: str,
    reason: str = "deleted",
) -> tuple[int, ...]:
    """Mark comments with the changes that they report; return the ids of comments that were not
    marked before.
    """
    given = Finding(space_key, reason, evidence, run_id)
    marked = mark(
        conn, SPECS["comments"], [SPECS["comments"].table.c.id == any_(bigints(ids))], given
    )
    changes = SPECS["issue_changes"]
    of_them = changes.table.c.comment_id == any_(bigints(ids))
    mark(conn, changes, [of_them], Finding(space_key, COMMENT_DELETED, evidence, run_id))
    return marked


def hold_issues(conn: Connection, ids: Collection[int], *, space_key: str) -> set[int]:
    """Return which of these issues are stored and not marked, and lock them until the transaction
    ends.

    A load that stores children of issues calls this first, in the same transaction. So nothing is
    stored for an issue that was marked before, and an issue marked later takes the stored children
    along.
    """
    issues = SPECS["issues"].table.c
    query = select(issues.id).where(
        issues.space_key == space_key, issues.id == any_(bigints(ids)), issues.deleted_at.is_(None)
    )
    return set(conn.execute(query.order_by(issues.id).with_for_update(read=True)).scalars())


def mark_project_deleted(
    conn: Connection, project_ids: Collection[int], *, space_key: str, evidence: str, run_id: str
) -> dict[str, int]:
    """Mark projects and all their rows; return table -> rows that were not marked before.

    Watermarks, sync state and open quarantine entries of the projects are deleted, so that a
    project that comes back is read whole.

    Issues may have been moved out before. Where one is stored in its new project, its comments are
    kept, which are still stored in the old one. Where one is only requested there, it is marked,
    and requested with all its comments.
    """
    chosen = bigints(project_ids)
    counts = {}
    # Activities first, as where they are stored, which goes on to comments.
    for spec in sorted(SPECS.values(), key=lambda spec: spec.name != "activities"):
        columns = spec.table.c
        if spec.vanishes and "project_id" in columns:
            of_them = [columns.project_id == any_(chosen)]
            if "issue_id" in columns:
                of_them.append(~_stored_elsewhere(columns.issue_id, space_key, chosen))
            finding = Finding(space_key, PROJECT_DELETED, evidence, run_id)
            counts[spec.name] = count_marked(conn, spec, of_them, finding)
    projects = SPECS["projects"]
    own = Finding(space_key, "deleted", evidence, run_id)
    counts["projects"] = count_marked(conn, projects, [projects.table.c.id == any_(chosen)], own)
    resolve_of_projects(conn, space_key, project_ids)
    read, issues = issue_sync_state.c, SPECS["issues"].table.c
    there = select(issues.id).where(
        issues.space_key == space_key, issues.project_id == any_(chosen)
    )
    lock_sync_state(conn, space_key, (read.project_id == any_(chosen)) | read.issue_id.in_(there))
    marked = ~_stored_elsewhere(read.issue_id, space_key, chosen)
    _forget(conn, issue_sync_state, (read.project_id == any_(chosen)) & marked, space_key)
    _forget(conn, sync_state, sync_state.c.project_id == any_(chosen), space_key)
    request_refetch(conn, space_key, _requested_elsewhere(conn, space_key, chosen))
    return {table: counts[table] for table in SPECS if counts.get(table)}


def note_restored(
    conn: Connection, spec: TableSpec, keys: Collection[Key], *, space_key: str
) -> None:
    """Close the deletions of rows that have come back; rows that were never marked are ignored.
    Called by the merge.
    """
    entry = deletions.c
    conn.execute(
        update(deletions)
        .where(
            entry.space_key == space_key,
            entry.table_name == spec.name,
            entry.record_key == any_(key_texts(keys)),
            entry.restored_at.is_(None),
        )
        .values(restored_at=func.statement_timestamp())
    )


def stored_ids(
    conn: Connection,
    spec: TableSpec,
    scope: Mapping[str, int],
    *,
    space_key: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> set[int]:
    """Return the ids of unmarked rows of a scope that changed within [since, until)."""
    columns = spec.table.c
    query = select(columns[spec.key[-1]]).where(
        columns.space_key == space_key, columns.deleted_at.is_(None), *_scope(spec, scope)
    )
    if since is not None:
        query = query.where(columns.updated_at >= since)
    if until is not None:
        query = query.where(columns.updated_at < until)
    return set(conn.execute(query).scalars())


def comments_of(
    conn: Connection, space_key: str, issues: Collection[int]
) -> dict[int, frozenset[int]]:
    """Return issue id -> ids of its unmarked comments; issues without any are left out."""
    columns = SPECS["comments"].table.c
    query = select(columns.issue_id, columns.id).where(
        columns.space_key == space_key,
        columns.issue_id == any_(bigints(issues)),
        columns.deleted_at.is_(None),
    )
    found = defaultdict[int, set[int]](set)
    for issue, comment in conn.execute(query):
        found[issue].add(comment)
    return {issue: frozenset(comments) for issue, comments in found.items()}


def _gone_lately(
    conn: Connection, spec: TableSpec, scope: Mapping[str, int], space_key: str
) -> Sequence[int]:
    columns = spec.table.c
    query = select(columns[spec.key[-1]]).where(
        columns.space_key == space_key, *_scope(spec, scope)
    )
    return (
        conn.execute(query.where(columns.deleted_at > func.statement_timestamp() - LATELY))
        .scalars()
        .all()
    )


def _stored_elsewhere(
    issue_id: ColumnElement[int], space_key: str, projects: ColumnElement[Any]
) -> ColumnElement[bool]:
    issues = SPECS["issues"].table.c
    return exists().where(
        issues.space_key == space_key,
        issues.id == issue_id,
        issues.project_id != all_(projects),
        issues.deleted_at.is_(None),
    )


def _requested_elsewhere(
    conn: Connection, space_key: str, projects: ColumnElement[Any]
) -> list[RefetchRequest]:
    """Return requests for the stored issues of projects whose sync state names another project:
    that is where they were seen last.
    """
    issues, read = SPECS["issues"].table.c, issue_sync_state.c
    query = select(read.issue_id, read.project_id).where(
        read.space_key == space_key,
        read.project_id != all_(projects),
        exists().where(
            issues.space_key == read.space_key,
            issues.id == read.issue_id,
            issues.project_id == any_(projects),
        ),
    )
    return [
        RefetchRequest(issue, project, PROJECT_DELETED, comments_from=0, issue=True)
        for issue, project in conn.execute(query)
    ]


def _forget(conn: Connection, table: Table, chosen: ColumnElement[bool], space_key: str) -> None:
    conn.execute(delete(table).where(table.c.space_key == space_key, chosen))


def _scope(spec: TableSpec, scope: Mapping[str, int]) -> list[ColumnElement[bool]]:
    return [spec.table.c[name] == value for name, value in scope.items()]

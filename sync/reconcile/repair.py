"""Repair: a refetch of what differs is requested, and the loads read just that again. Nothing else
is touched.

A row that differs loses its content hash, which lets the merge take any version of it; what is to
be read again by id is requested in `ops.issue_sync_state`. So the same code that loads decides what
is written, and a deletion is confirmed before it is marked.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, Engine, select, tuple_, update

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import ISSUE_DELETED, mark_comments_deleted, mark_missing
from resources.warehouse.server.conflicts import retried_on_conflict
from resources.warehouse.state.refetch_requests import RefetchRequest, request_refetch
from sync.reconcile.compare_rows import with_ids
from sync.reconcile.pairs import HISTORY
from sync.reconcile.verdict import COLUMN, EXTRA, Difference, Repair

BY = "verify"


@retried_on_conflict
def request_repair(engine: Engine, space_key: str, differences: Sequence[Difference]) -> Repair:
    """Request a refetch of what differs, in one transaction, so that loads read just that again.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    wrong = [one for one in differences if one.ids or one.table == "space"]
    issues = [one for one in wrong if one.table == "issues"]
    history = [one for one in wrong if one.table in HISTORY]
    lists = [one for one in wrong if one.table not in {"issues", *HISTORY}]
    with engine.begin() as connection:
        _forget_hashes(connection, space_key, "issues", issues)
        _put_in_place(connection, space_key, wrong)
        comments = {one.ids[0] for one in history}
        for table, column in (("comments", "id"), ("issue_changes", "comment_id")):
            rows = SPECS[table].table
            chosen = with_ids(SPECS[table], sorted(comments), column)
            connection.execute(
                update(rows).where(rows.c.space_key == space_key, chosen).values(content_hash="")
            )
        extra = [one for one in history if one.kind == EXTRA]
        _mark_orphans(connection, space_key, [one for one in extra if one.table == "comments"])
        _mark_strays(connection, space_key, [one for one in extra if one.table == "issue_changes"])
        for table in {one.table for one in lists}:
            _forget_hashes(
                connection, space_key, table, [one for one in lists if one.table == table]
            )
        request_refetch(connection, space_key, list(_refetch_requests(issues, history)))
    return Repair(tuple(sorted({one.table for one in lists})), bool(issues or history))


def _refetch_requests(
    issues: Iterable[Difference], history: Iterable[Difference]
) -> Iterable[RefetchRequest]:
    for one in issues:
        yield RefetchRequest(one.ids[0], one.project_id, BY, issue=True)
    for one in history:
        # The issue too where a comment is one too many: it may be the issue that is gone.
        yield RefetchRequest(
            one.issue_id, one.project_id, BY, comments_from=0, issue=one.kind == EXTRA
        )


def _forget_hashes(
    connection: Connection, space_key: str, table: str, rows: Collection[Difference]
) -> None:
    columns = SPECS[table].table.c
    statement = (
        update(SPECS[table].table).where(columns.space_key == space_key).values(content_hash="")
    )
    if SPECS[table].key:
        key = tuple_(*(columns[name] for name in SPECS[table].key))
        statement = statement.where(key.in_([one.ids for one in rows]))
    connection.execute(statement)


def _put_in_place(connection: Connection, space_key: str, rows: Iterable[Difference]) -> None:
    """Give rows back the project that they belong to by the source: a load does not look for them
    in another one.
    """
    for one in rows:
        columns = SPECS[one.table].table.c
        if one.kind == COLUMN and "project_id" in columns:
            key = [
                columns[name] == value
                for name, value in zip(SPECS[one.table].key, one.ids, strict=True)
            ]
            moved = columns.project_id != one.project_id
            connection.execute(
                update(SPECS[one.table].table)
                .where(columns.space_key == space_key, *key, moved)
                .values(project_id=one.project_id)
            )


def _mark_orphans(connection: Connection, space_key: str, comments: Sequence[Difference]) -> None:
    """Mark comments of issues that the warehouse has not, or has as deleted: no load asks for these
    again.
    """
    columns = SPECS["issues"].table.c
    ids = {one.issue_id for one in comments}
    known = select(columns.id).where(
        columns.space_key == space_key, columns.id.in_(ids), columns.deleted_at.is_(None)
    )
    orphaned = ids - set(connection.execute(known).scalars())
    for issue in sorted(orphaned):
        mark_comments_deleted(
            connection,
            {one.ids[0] for one in comments if one.issue_id == issue},
            space_key=space_key,
            reason=ISSUE_DELETED,
            evidence=f"verify: GET /issues/{issue}/comments lists none, and there is no such issue",
            run_id=BY,
        )


def _mark_strays(connection: Connection, space_key: str, strays: Iterable[Difference]) -> None:
    """Mark changes that are in no change log. No load looks for them, since a change log never
    loses a change.
    """
    spec = SPECS["issue_changes"]
    by_comment: dict[int, set[int]] = defaultdict(set)
    for one in strays:
        by_comment[one.ids[0]].add(one.ids[1])
    columns = spec.table.c
    for comment, positions in by_comment.items():
        stored = select(columns.position).where(
            columns.space_key == space_key, columns.comment_id == comment
        )
        mark_missing(
            connection,
            spec,
            {"comment_id": comment},
            set(connection.execute(stored).scalars()) - positions,
            space_key=space_key,
            reason="not in the change log",
            evidence=f"verify: the change log of comment {comment} does not contain it",
            run_id=BY,
        )

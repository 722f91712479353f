"""Tombstones: rows that the source no longer has are marked, never removed.

Add here: how rows are found gone. Keep out: confirming with the source that they are (the assets do that).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Connection, any_, func, literal, not_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from resources.warehouse.spec import TableSpec


def mark_missing(
    conn: Connection,
    spec: TableSpec,
    scope: Mapping[str, int],
    present: Collection[int],
    *,
    space_key: str,
    reason: str,
    run_id: str,
) -> tuple[int, ...]:
    """Mark the rows of a scope that the source no longer lists; return the last part of their keys.

    Args:
        conn: a connection inside the caller's transaction.
        spec: the table.
        scope: column values that tell the rows that were listed whole, as `{"project_id": 300}`; `{}`: the space.
        present: the last key column of everything that was listed, as `MergeResult.present_ids` gives it.
        space_key: the space.
        reason: goes to `deleted_reason`.
        run_id: the run that found them gone.

    Raises:
        ValueError: the key has more columns than the scope fixes, so that `present` would be ambiguous.
    """
    if not spec.key or set(spec.key[:-1]) - scope.keys():
        raise ValueError(f"{spec.name}: the scope must fix {', '.join(spec.key[:-1]) or 'a table with ids'}")
    listed = select(func.unnest(_array(present)).label("id")).subquery()
    column = spec.table.c[spec.key[-1]]
    missing = not_(select(listed.c.id).where(listed.c.id == column).exists())
    return _mark(conn, spec, [missing, *_scope(spec, scope)], space_key, reason, run_id)


def mark_deleted(
    conn: Connection, spec: TableSpec, ids: Collection[int], *, space_key: str, reason: str, run_id: str
) -> tuple[int, ...]:
    """Mark the rows with these ids that are not marked yet; return their ids. Unknown ids are no error."""
    chosen = spec.table.c[spec.key[-1]] == any_(_array(ids))
    return _mark(conn, spec, [chosen], space_key, reason, run_id)


def stored_ids(
    conn: Connection,
    spec: TableSpec,
    scope: Mapping[str, int],
    *,
    space_key: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> set[int]:
    """Return the ids of the rows of a scope that are not marked deleted, changed within [since, until)."""
    columns = spec.table.c
    query = select(columns[spec.key[-1]]).where(columns.space_key == space_key, columns.deleted_at.is_(None), *_scope(spec, scope))
    if since is not None:
        query = query.where(columns.updated_at >= since)
    if until is not None:
        query = query.where(columns.updated_at < until)
    return set(conn.execute(query).scalars())


def _array(ids: Collection[int]) -> ColumnElement[Sequence[int]]:
    return literal(list(ids), ARRAY(BigInteger()))


def _scope(spec: TableSpec, scope: Mapping[str, int]) -> list[ColumnElement[bool]]:
    return [spec.table.c[name] == value for name, value in scope.items()]


def _mark(
    conn: Connection,
    spec: TableSpec,
    conditions: list[ColumnElement[bool]],
    space_key: str,
    reason: str,
    run_id: str,
) -> tuple[int, ...]:
    """Mark rows; `loaded_at` moves too, so that whoever reads what was written lately sees the tombstone."""
    table = spec.table
    now = func.statement_timestamp()
    statement = (
        update(table)
        .where(table.c.space_key == space_key, table.c.deleted_at.is_(None), *conditions)
        .values(deleted_at=now, deleted_reason=reason, loaded_at=now, run_id=run_id)
        .returning(table.c[spec.key[-1]])
    )
    return tuple(conn.execute(statement).scalars())

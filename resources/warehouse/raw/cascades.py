"""Finds the issues that change when something they refer to is deleted.

Backlog then removes the reference from the issues without changing their `updated`. The deletion is
the only signal, so those issues are requested again in the transaction that marks the deletion.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, any_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from resources.warehouse.arrays import bigints
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.refetch_requests import RefetchRequest

_ISSUES = SPECS["issues"]
_COLUMNS = _ISSUES.table.c
#: The tables that issues refer to, by a column or in their payload. Backlog keeps references to a
#: deleted user.
REFERRED: Final = frozenset({*_ISSUES.references.values(), "custom_fields"} - {"users", "projects"})


def cascading_references(
    conn: Connection,
    space_key: str,
    table: str,
    gone: Collection[int],
    *,
    project_id: int | None = None,
) -> list[RefetchRequest]:
    """Return a refetch request for each issue that refers to deleted rows; requests are sent for a
    hundred at a time.

    Call it in the transaction that marks the rows, and pass the result to `request_refetch` in the
    same one.

    Args:
        conn: inside the caller's transaction.
        space_key: the space.
        table: the raw table of the rows, one of REFERRED.
        gone: ids of the deleted rows.
        project_id: their project, needed for statuses, whose ids are the same in many projects.
    """
    if not gone:
        return []
    query = select(_COLUMNS.id, _COLUMNS.project_id).where(
        _COLUMNS.space_key == space_key, _COLUMNS.deleted_at.is_(None)
    )
    if project_id is not None:
        query = query.where(_COLUMNS.project_id == project_id)
    found = conn.execute(query.where(or_(*_holds(table, gone))))
    return [
        RefetchRequest(issue, project, f"{table}: deleted", issue=True) for issue, project in found
    ]


def _holds(table: str, gone: Collection[int]) -> list[ColumnElement[bool]]:
    """Return the conditions that an issue refers to a row of a table."""
    if table == "custom_fields":
        fields: ColumnElement[Any] = _COLUMNS.payload["customFields"]
        return [fields.contains([{"id": field}]) for field in gone]
    ids = bigints(gone)
    columns = [_COLUMNS[name] for name, target in _ISSUES.references.items() if target == table]
    return [
        column.overlap(ids) if isinstance(column.type, ARRAY) else column == any_(ids)
        for column in columns
    ]

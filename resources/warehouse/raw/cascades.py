"""What issues lose when something that they refer to is deleted: Backlog takes it from them and
moves no `updated`.

So the deletion itself is the only word of it, and the issues that show what is gone are requested
in the transaction that marks it.
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
#: The tables that issues refer to, by a column or in their payload; a user who is gone stays in
#: what he left behind.
REFERRED: Final = frozenset({*_ISSUES.references.values(), "custom_fields"} - {"users", "projects"})


def cascading_references(
    conn: Connection,
    space_key: str,
    table: str,
    gone: Collection[int],
    *,
    project_id: int | None = None,
) -> list[RefetchRequest]:
    """Return a refetch request for each issue that refers to rows which are gone; a hundred of them
    are one request.

    Call it in the transaction that marks the rows, and give the answer to `request_refetch` in it
    too.

    Args:
        conn: inside the caller's transaction.
        space_key: the space.
        table: the raw table of the rows, one of REFERRED.
        gone: their ids.
        project_id: the project that they belonged to: ids of statuses are the same in many.
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
    """Return how an issue may refer to rows of a table."""
    if table == "custom_fields":
        fields: ColumnElement[Any] = _COLUMNS.payload["customFields"]
        return [fields.contains([{"id": field}]) for field in gone]
    ids = bigints(gone)
    columns = [_COLUMNS[name] for name, target in _ISSUES.references.items() if target == table]
    return [
        column.overlap(ids) if isinstance(column.type, ARRAY) else column == any_(ids)
        for column in columns
    ]

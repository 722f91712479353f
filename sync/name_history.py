"""History of names: what each whole listing shows goes into `ops.names`, so that old changes can be
read by id.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from resources.backlog.client_values import Record
from resources.backlog.feed import whole
from resources.warehouse.state.names import record_names

#: The tables whose rows have names that changes mention.
NAMED = frozenset(
    {
        "statuses",
        "issue_types",
        "categories",
        "versions",
        "priorities",
        "resolutions",
        "users",
        "projects",
    }
)


def note_names(
    connection: Connection,
    space_key: str,
    table: str,
    records: Sequence[Record],
    project_id: int,
    at: datetime | None,
) -> None:
    """Remember the names of a whole listing of a table; one that names nothing is left alone.

    Args:
        connection: inside the transaction that stores the listing.
        space_key: the space.
        table: the raw table.
        records: all that the source lists.
        project_id: the project that was listed; 0 for the space.
        at: when it was listed, by the source's clock.
    """
    if table in NAMED:
        record_names(connection, space_key, table, project_id, dict(_named(records)), at=at)
    elif table == "custom_fields":
        for record in records:
            field_id, items = whole(record.get("id")), record.get("items")
            if field_id is not None and isinstance(items, list):
                record_names(
                    connection,
                    space_key,
                    "custom_field_items",
                    field_id,
                    dict(_named(items)),
                    at=at,
                )


def _named(records: Iterable[object]) -> Iterable[tuple[int, str]]:
    for record in records:
        if isinstance(record, dict) and isinstance(record.get("name"), str):
            # Resolution 0 is a valid one.
            identifier = 0 if record.get("id") == 0 else whole(record.get("id"))
            if identifier is not None:
                yield identifier, record["name"]

"""Versions of a table with a single record: each version is a row, so that changes stay visible."""

from sqlalchemy import Connection, select

from resources.warehouse.raw.record_content import Record, content_hash
from resources.warehouse.raw.spec import VERSION, TableSpec


def number_of_version(conn: Connection, spec: TableSpec, space_key: str, record: Record) -> int:
    """Return the number under which a record is stored: that of the newest version if the content
    is the same, otherwise the next.

    Call it in the transaction that stores the record, with the table locked by the load.
    """
    rows = spec.table.c
    number = rows[VERSION.name]
    newest = conn.execute(
        select(number, rows.content_hash)
        .where(rows.space_key == space_key)
        .order_by(number.desc())
        .limit(1)
    ).one_or_none()
    if newest is None:
        return 1
    last, content = newest
    return int(last) if content == content_hash(spec, record) else int(last) + 1

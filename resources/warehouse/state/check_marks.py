"""How far the checks of large tables have looked, and found no fault.

After a day all rows are looked at again: somebody may have changed rows by hand, or the server's
clock was set back, and rows written since look older than they are.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.warehouse.state.schema_ops_records import check_marks

_MARK = check_marks.c
_STANDS_FOR = timedelta(days=1)


def right_until(connection: Connection, space_key: str, table: str, check: str) -> datetime | None:
    """Return a moment: the check has passed for all rows written before it. None: all rows are to
    be checked.
    """
    now = func.clock_timestamp()
    return connection.execute(
        select(_MARK.right_until).where(
            _MARK.space_key == space_key,
            _MARK.table_name == table,
            _MARK.check_name == check,
            _MARK.right_until <= now,
            _MARK.all_until.between(now - _STANDS_FOR, now),
        )
    ).scalar_one_or_none()


def note_right(
    connection: Connection,
    space_key: str,
    table: str,
    check: str,
    since: datetime | None,
    until: datetime,
) -> None:
    """Record that a check passed for the rows written from `since` (None: all) until a moment.

    Nothing is recorded if the mark is not at `since` any more: a concurrent check of all rows has
    found a fault, or another check has moved it.
    """
    key = {"space_key": space_key, "table_name": table, "check_name": check}
    if since is not None:
        connection.execute(
            update(check_marks)
            .where(*(_MARK[name] == value for name, value in key.items()))
            .where(_MARK.right_until == since)
            .values(right_until=until)
        )
        return
    moved = {"right_until": until, "all_until": until}
    noted = insert(check_marks).values(**key, **moved)
    connection.execute(noted.on_conflict_do_update(index_elements=list(key), set_=moved))


def forget_right(connection: Connection, space_key: str, table: str, check: str) -> None:
    """Delete the mark of a check: it looks at all rows until it passes for all."""
    connection.execute(
        delete(check_marks).where(
            _MARK.space_key == space_key, _MARK.table_name == table, _MARK.check_name == check
        )
    )

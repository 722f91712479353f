"""Columns of the marts that identify people. Those in tables that no build replaces are masked
here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from resources.masking import Mask


@dataclass(frozen=True)
class PeopleColumn:
    """A column that holds the `field` of a Backlog user, in rows where the SQL condition `where` is
    true.

    A table that `is_kept` by builds, such as the history of users, has the user's id in `user_id`.
    """

    schema: str
    table: str
    column: str
    field: str
    where: str = "true"
    is_kept: bool = False

    @property
    def table_name(self) -> str:
        """The table with its schema."""
        return f"{self.schema}.{self.table}"


def existing(conn: Connection, columns: Iterable[PeopleColumn]) -> list[PeopleColumn]:
    """Return the columns whose tables exist: there may be no build yet."""
    query = text(
        "SELECT n.nspname, c.relname, a.attname FROM pg_attribute AS a "
        "JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname = ANY(:schemas)"
    )
    wanted = {(one.schema, one.table, one.column): one for one in columns}
    schemas = sorted({schema for schema, _, _ in wanted})
    found = {tuple(row) for row in conn.execute(query, {"schemas": schemas})}
    return [column for place, column in wanted.items() if place in found]


def rewrite_kept(
    conn: Connection, space_key: str, mask: Mask, columns: Iterable[PeopleColumn]
) -> tuple[Counter[str], dict[str, str]]:
    """Replace people in the tables that builds keep.

    Return table -> changed rows, and old text -> new text.
    """
    changed: Counter[str] = Counter()
    replaced: dict[str, str] = {}
    tables = defaultdict(list)
    for column in existing(conn, columns):
        if column.is_kept:
            tables[column.table_name].append(column)
    for table, of_table in tables.items():
        for user_id, column, old, new in _replaced(conn, space_key, mask, of_table):
            update = text(
                f'UPDATE {table} SET "{column.column}" = :new '  # noqa: S608 - names of the project
                f'WHERE space_key = :space_key AND user_id = :user_id AND "{column.column}" = :old'
            )
            given = {"new": new, "old": old, "space_key": space_key, "user_id": user_id}
            changed[table] += conn.execute(update, given).rowcount
            replaced[old] = new
    return changed, replaced


def _replaced(
    conn: Connection, space_key: str, mask: Mask, columns: Iterable[PeopleColumn]
) -> Iterator[tuple[int, PeopleColumn, str, str]]:
    for column in columns:
        query = text(
            f'SELECT DISTINCT user_id, "{column.column}" '  # noqa: S608 - names of the project
            f"FROM {column.table_name} "
            f'WHERE space_key = :space_key AND "{column.column}" IS NOT NULL'
        )
        for user_id, old in conn.execute(query, {"space_key": space_key}).all():
            new = mask({"id": user_id, "userId": None, column.field: old})[column.field]
            if new != old:
                yield user_id, column, old, new

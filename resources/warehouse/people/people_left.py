"""Finds rows of the warehouse that still show people who are masked or forgotten."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Text, cast, select, text

from resources.masking import Mask
from resources.replacements import Replacements
from resources.warehouse.people.mask_stored_rows import count_people
from resources.warehouse.people.people_columns import PeopleColumn, existing
from resources.warehouse.state.schema_ops import SAID

#: Values of a column of names when people are masked; assignees in change logs may be ids.
_MASKED = r"^((user|login|mail|other)-[0-9a-f]{20}|forgotten-[0-9]+|\(unknown\)|\(nobody\)|[0-9]+)$"

#: Text columns of tables outside raw and ops.
_OTHER_COLUMNS = text(
    """
    SELECT format('%s.%s', n.nspname, c.relname) AS name,
        format('%I.%I', n.nspname, c.relname) AS relation,
        format('%I', a.attname) AS attribute, CAST(a.atttypid::regtype AS text) AS type
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^(pg_|information_schema$)' AND n.nspname NOT IN ('raw', 'ops')
        AND c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped
        AND CAST(a.atttypid::regtype AS text)
            IN ('text', 'character varying', 'text[]', 'json', 'jsonb')
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1, 3
    """
)
_TEXTS = "jsonb_path_query(CAST({column} AS jsonb), '$.**')"
_IN_DOCUMENT = f"EXISTS (SELECT FROM {_TEXTS} AS v WHERE v #>> '{{{{}}}}' = ANY(:texts))"
_HELD = {"text[]": "{column} && :texts", "json": _IN_DOCUMENT, "jsonb": _IN_DOCUMENT}


@dataclass(frozen=True)
class Left:
    """Table -> rows that show masked or forgotten people, by what corrects them."""

    stored: Counter[str]
    """Raw, ops, and marts that builds keep: corrected by `load --full` or `forget`."""
    built: Counter[str]
    """Marts that a build replaces."""
    others: Counter[str]
    """Tables that this program does not write."""


def people_left(
    engine: Engine,
    space_key: str,
    mask: Mask,
    columns: Sequence[PeopleColumn],
    own_tables: Collection[str],
    texts: Mapping[str, str],
) -> Left:
    """Find rows that show people, in all schemas.

    Args:
        engine: the warehouse.
        space_key: the space.
        mask: how people of the space are masked, and who is forgotten.
        columns: the columns of the marts that identify people.
        own_tables: the tables that builds create; their other columns hold texts that people wrote.
        texts: text -> replacement, of the people whom the source shows now.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    replacements = Replacements(texts, plain=False)
    with engine.connect() as conn:
        stored = count_people(conn, space_key, mask)
        stored.update(_in_what_was_said(conn, replacements))
        built: Counter[str] = Counter()
        for column in existing(conn, columns):
            found = _unmasked(conn, space_key, mask, column, texts)
            (stored if column.is_kept else built)[column.table_name] += found
        others = _in_other_tables(conn, own_tables, replacements.texts)
    return Left(+stored, +built, +others)


def _in_what_was_said(conn: Connection, replacements: Replacements) -> Counter[str]:
    found: Counter[str] = Counter()
    for column in SAID:
        said = conn.execute(select(cast(column, Text)).where(column.is_not(None))).scalars()
        found[str(column.table)] += sum(1 for one in said if replacements.shown_in(one))
    return found


def _unmasked(
    conn: Connection,
    space_key: str,
    mask: Mask,
    column: PeopleColumn,
    texts: Mapping[str, str],
) -> int:
    """Count the rows of a column that identify a person; without a key, a forgotten person."""
    held = f'"{column.column}" !~ :masked' if mask.key else f'"{column.column}" = ANY(:texts)'
    query = text(
        f"SELECT count(*) FROM {column.table_name} "  # noqa: S608 - names of the project
        f"WHERE space_key = :space_key AND ({column.where}) AND {held}"
    )
    given: dict[str, Any] = {"masked": _MASKED} if mask.key else {"texts": sorted(texts)}
    return int(conn.execute(query, {"space_key": space_key, **given}).scalar_one())


def _in_other_tables(
    conn: Connection,
    own_tables: Collection[str],
    texts: Sequence[str],
) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in conn.execute(_OTHER_COLUMNS).all() if texts else ():
        if one.name not in own_tables:
            held = _HELD.get(one.type, "{column} = ANY(:texts)").format(column=one.attribute)
            # The server has quoted the names.
            query = text(f"SELECT count(*) FROM {one.relation} WHERE {held}")  # noqa: S608
            found[one.name] += conn.execute(query, {"texts": list(texts)}).scalar_one()
    return found

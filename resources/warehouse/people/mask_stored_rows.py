"""Replaces people in stored rows, with the same function that masks records of the source."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    TextClause,
    and_,
    case,
    cast,
    func,
    not_,
    or_,
    select,
    text,
    true,
    update,
)  # fmt: skip

from resources.masking import Mask
from resources.replacements import Replacements, changed_texts
from resources.warehouse.people.people_columns import PeopleColumn, rewrite_kept
from resources.warehouse.raw.record_content import Record, content_hash, to_text
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import Kind, TableSpec
from resources.warehouse.raw.statements import typed
from resources.warehouse.state.schema_ops import SAID
from resources.warehouse.state.schema_ops_records import (
    names,
    rejected_records,
    unexpected_fields,
    webhook_events,
)
from resources.warehouse.state.webhook_inbox import NOT_KEPT

#: Matches a pseudonym of a name; its first nine characters identify the key.
PSEUDONYM = "^user-[0-9a-f]{20}$"
#: Schemas that dbt builds from raw; the next build replaces their rows.
_MADE = ("staging", "mart")
_AT_ONCE = 500
#: (key of the row or rows, old value, new value)
Change = tuple[Any, Any, Any]


@dataclass(frozen=True)
class Rewritten:
    """What was rewritten: table -> changed rows, and old text -> new text."""

    changed: Counter[str]
    replaced: dict[str, str]


def rewrite(
    conn: Connection,
    space_key: str,
    mask: Mask,
    texts: Collection[str] = (),
    columns: Iterable[PeopleColumn] = (),
) -> Rewritten:
    """Replace people in every row of raw and ops, and in the marts that builds keep.

    It reads every row: a minute for a million rows, 2.5 minutes if all change. With `texts`, only
    rows that show one of them. `columns` are the columns of the marts that identify people.
    """
    changed, replaced = rewrite_kept(conn, space_key, mask, columns)
    for spec in SPECS.values():
        if spec.key:
            changes = _noting(replaced, _changes_of_raw(conn, spec, space_key, mask, texts))
            changed[spec.table.fullname] = _rewrite_raw(conn, spec, space_key, changes)
    renamed = _noting(replaced, _changes_of_names(conn, space_key, mask))
    changed[str(names)] = _rewrite_names(conn, space_key, renamed)
    for table in (rejected_records, webhook_events):
        changes = _noting(replaced, _changes_of_json(conn, table, space_key, mask, texts))
        changed[str(table)] = _rewrite_json(conn, table, changes)
    changed.update(_replace_said(conn, Replacements(replaced)))
    return Rewritten(changed, replaced)


def count_people(conn: Connection, space_key: str, mask: Mask) -> Counter[str]:
    """Return table -> rows of raw and ops that `rewrite` would change; reads every row."""
    found = Counter({str(names): sum(1 for _ in _changes_of_names(conn, space_key, mask))})
    for spec in SPECS.values():
        if spec.key:
            changes = _changes_of_raw(conn, spec, space_key, mask, ())
            found[spec.table.fullname] = sum(1 for _ in changes)
    for table in (rejected_records, webhook_events):
        found[str(table)] = sum(1 for _ in _changes_of_json(conn, table, space_key, mask, ()))
    return found


def _noting(replaced: dict[str, str], changes: Iterable[Change]) -> Iterator[Change]:
    """Yield the changes, and add each replaced text to `replaced`."""
    for key, old, new in changes:
        replaced.update(changed_texts(old, new) if new != NOT_KEPT else ())
        yield key, old, new


def count_showing(conn: Connection, space_key: str, texts: Collection[str]) -> Counter[str]:
    """Return table -> rows of raw and ops whose JSON has one of some texts as a value."""
    found: Counter[str] = Counter()
    if texts:
        for table in (*(spec.table for spec in SPECS.values()), rejected_records, webhook_events):
            found[table.fullname] = conn.execute(
                select(func.count())
                .select_from(table)
                .where(table.c.space_key == space_key, _shows(table, texts))
            ).scalar_one()
    return found


def _shows(table: Table, texts: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a row's JSON has one of some texts as a whole value; true without
    texts.
    """
    shown = cast(table.c.payload, Text)
    forms = {json.dumps(one, ensure_ascii=ascii_) for one in texts for ascii_ in (False, True)}
    return (
        or_(*(shown.contains(form, autoescape=True) for form in sorted(forms))) if texts else true()
    )


def shown_names(spec: TableSpec) -> list[ColumnElement[str]]:
    """Return the columns in which each row of a table shows a person's name, and so how it is
    masked.
    """
    payload = spec.table.c.payload
    if spec.name == "issue_changes":
        return [
            cast(case((spec.table.c.field == "assignee", spec.table.c[column])), Text)
            for column in ("old_value", "new_value")
        ]
    if spec.name in {"users", "project_members"}:
        return [payload["name"].astext]
    return [payload["createdUser"]["name"].astext] if "created_user_id" in spec.table.c else []


# -- raw -------------------------------------------------------------------------------------------


def _changes_of_raw(
    conn: Connection,
    spec: TableSpec,
    space_key: str,
    mask: Mask,
    texts: Collection[str],
) -> Iterator[Change]:
    table = spec.table
    chosen = (table.c.space_key == space_key, _shows(table, texts))
    query = select(*(table.c[name] for name in spec.key), table.c.payload).where(*chosen)
    for *key, payload in conn.execute(query.execution_options(yield_per=_AT_ONCE)):
        new = mask(payload)
        if new != payload:
            yield key, payload, new


def _rewrite_raw(
    conn: Connection,
    spec: TableSpec,
    space_key: str,
    changes: Iterable[Change],
) -> int:
    rows = 0
    for batch in _chunks((tuple(key), new) for key, _, new in changes):
        parameters: dict[str, Any] = {
            "space_key": space_key,
            "batch": f"[{','.join(to_text(record) for _, record in batch)}]",
            "hashes": [content_hash(spec, record) for _, record in batch],
        }
        parameters |= {
            f"key_{place}": [key[place] for key, _ in batch] for place in range(len(spec.key))
        }
        rows += conn.execute(_rewriting(spec.name), parameters).rowcount
    return rows


@cache
def _rewriting(table: str) -> TextClause:
    """Return the statement that sets new payloads, and the text columns that come from them."""
    spec = SPECS[table]
    columns = {
        field.name: typed(field) for field in spec.fields if field.kind is Kind.TEXT and field.path
    }
    # An empty hash requests that the row is written again, so it stays empty.
    columns |= {
        "payload": "e.r",
        "content_hash": "CASE WHEN t.content_hash = '' THEN '' ELSE e.h END",
        "loaded_at": "statement_timestamp()",
    }
    places = range(len(spec.key))
    arrays = "".join(f", unnest(CAST(:key_{place} AS bigint[]))" for place in places)
    given = (
        "ROWS FROM (jsonb_array_elements(CAST(:batch AS jsonb)), "
        f"unnest(CAST(:hashes AS text[])){arrays})"
    )
    lines = (
        (
            f"UPDATE {spec.table.fullname} AS t SET "  # noqa: S608 - names of the schema
            f"{', '.join(f'{name} = {value}' for name, value in columns.items())}"
        ),
        f"FROM {given} AS e(r, h{''.join(f', k{place}' for place in places)})",
        (
            "WHERE t.space_key = :space_key AND "
            f"{' AND '.join(f't.{spec.key[place]} = e.k{place}' for place in places)}"
        ),
    )
    return text("\n".join(lines))


# -- ops -------------------------------------------------------------------------------------------


def _changes_of_names(conn: Connection, space_key: str, mask: Mask) -> Iterator[Change]:
    chosen = (names.c.space_key == space_key, names.c.kind == "users")
    known = select(names.c.id, names.c.name).where(*chosen).distinct()
    for user, name in conn.execute(known).all():
        new = mask({"id": user, "userId": None, "name": name})["name"]
        if new != name:
            yield user, name, new


def _rewrite_names(conn: Connection, space_key: str, changes: Iterable[Change]) -> int:
    columns, rows = names.c, 0
    of_people = (columns.space_key == space_key, columns.kind == "users")
    for user, name, new in changes:
        chosen = (*of_people, columns.id == user, columns.name == name)
        rows += conn.execute(update(names).where(*chosen).values(name=new)).rowcount
    return rows


def _changes_of_json(
    conn: Connection,
    table: Table,
    space_key: str,
    mask: Mask,
    texts: Collection[str],
) -> Iterator[Change]:
    chosen = (table.c.space_key == space_key, _shows(table, texts))
    for number, payload in conn.execute(
        select(table.c.id, table.c.payload).where(*chosen).execution_options(yield_per=_AT_ONCE)
    ):
        value = _parsed_payload(payload)
        # Text that is not JSON cannot be masked, so it is dropped.
        new = NOT_KEPT if isinstance(value, str) and mask.key else mask(value)
        if new != value:
            yield number, value, new


def _rewrite_json(conn: Connection, table: Table, changes: Iterable[Change]) -> int:
    rows = 0
    for number, _, new in changes:
        payload = json.dumps(new, separators=(",", ":"))
        conn.execute(update(table).where(table.c.id == number).values(payload=payload))
        rows += 1
    return rows


def _replace_said(conn: Connection, replacements: Replacements) -> Counter[str]:
    """Replace people in recorded texts such as errors; return table -> changed rows."""
    changed: Counter[str] = Counter()
    for column in SAID if replacements else ():
        said = cast(column, Text)
        for old in conn.execute(select(said.distinct()).where(column.is_not(None))).scalars().all():
            new = replacements(old)
            if new != old:
                values = {column.name: cast(new, column.type)}
                statement = update(column.table).where(said == old).values(values)
                changed[str(column.table)] += conn.execute(statement).rowcount
    return changed


def _parsed_payload(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload


# -- what no rule covers: copies in marts, texts that were cut or are not JSON ---------------------

_COLUMNS = text(
    """
    SELECT format('%I.%I', n.nspname, c.relname), format('%I', a.attname), a.atttypid =
        'text[]'::regtype
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n
        ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(:schemas) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'text[]'::regtype)
    ORDER BY 1, 2
    """
)


def erase_texts(conn: Connection, space_key: str, texts: Collection[str], new: str) -> Counter[str]:
    """Replace texts that identify a person in marts and in texts cut from records; return table ->
    changed rows.
    """
    changed: Counter[str] = Counter()
    if not texts:
        return changed
    example, body = unexpected_fields.c.example, webhook_events.c.payload
    no_json = and_(
        not_(or_(body.startswith("{"), body.startswith("["))),
        or_(*(body.contains(json.dumps(one)[1:-1], autoescape=True) for one in texts)),
    )
    named = or_(
        *(
            example.contains(json.dumps(one, ensure_ascii=False)[1:-1], autoescape=True)
            for one in texts
        )
    )
    # Errors of PostgreSQL quote the refused value.
    refused = or_(*(rejected_records.c.error.contains(one, autoescape=True) for one in texts))
    for column, held in ((example, named), (body, no_json), (rejected_records.c.error, refused)):
        changed[str(column.table)] += conn.execute(
            update(column.table)
            .where(column.table.c.space_key == space_key, held)
            .values({column.name: json.dumps(new)})
        ).rowcount
    for table_name, column, is_list in conn.execute(_COLUMNS, {"schemas": list(_MADE)}).all():
        # The query returns quoted names.
        value, held_by = ":new", f"{column} = ANY(:texts)"
        if is_list:
            of_list = f"unnest({column}) WITH ORDINALITY AS u (one, place) ORDER BY place"
            value = (
                "ARRAY(SELECT CASE WHEN one = ANY(:texts) THEN :new ELSE one END "  # noqa: S608
                f"FROM {of_list})"
            )
            held_by = f"{column} && :texts"
        copies = text(
            f"UPDATE {table_name} SET {column} = {value} WHERE {held_by}"  # noqa: S608
        )
        changed[table_name] += conn.execute(copies, {"texts": sorted(texts), "new": new}).rowcount
    return changed


def _chunks(items: Iterable[tuple[Any, Record]]) -> Iterator[list[tuple[Any, Record]]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _AT_ONCE)):
        yield chunk

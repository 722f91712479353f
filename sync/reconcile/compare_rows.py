"""The two sides as frames, and how two frames differ.

A frame has one row a record and the columns `key` (parts joined by `/`), `project_id` and
`issue_id` (0 where there is none), `version` (time of change as the source writes it), `hash` (of
what the record itself owns) and `record`; that of the warehouse also has `gone`: why a row is
marked deleted, null for one that is not.

Records of the source are brought into the form in which PostgreSQL keeps them, so that only what
differs differs.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, any_, case, func, literal, select

from resources.warehouse.arrays import bigints
from resources.warehouse.raw.quarantine import key_text
from resources.warehouse.raw.record_content import (
    BadRecordError,
    Record,
    content_hash,
    owned_content,
    record_key,
    sanitise,
    storable,
    to_text,
)
from resources.warehouse.raw.spec import TableSpec
from sync.reconcile.verdict import CONTENT, EXTRA, MISSING, STALE, Difference, short

COLUMNS = ("key", "project_id", "issue_id", "version", "hash", "record")
_EXPONENT = re.compile(r"[0-9]e\+[0-9]")

Hash = Callable[[TableSpec, Record], str]


@dataclass(frozen=True)
class Row:
    """A record as received, and the project and issue that it was read from; 0 where there
    is none.
    """

    record: Any
    project_id: int = 0
    issue_id: int = 0


def of_issue(record: Record) -> Row:
    """Return an issue as a row of the project that it says it is in."""
    project = record.get("projectId") if isinstance(record, dict) else None
    return Row(record, project if isinstance(project, int) else 0)


def source_frame(spec: TableSpec, rows: Iterable[Row], hashed: Hash = content_hash) -> pd.DataFrame:
    """Return records of the source as a frame; one without a usable key has a key that begins with
    `?`.
    """
    return frame(_source_rows(spec, rows, hashed))


def _source_rows(spec: TableSpec, rows: Iterable[Row], hashed: Hash) -> Iterator[tuple[Any, ...]]:
    for number, row in enumerate(rows):
        record = as_stored(row.record)
        try:
            key = key_text(record_key(spec, record, {"project_id": row.project_id}))
        except BadRecordError as error:
            key, record = f"?{number}: {error}", {}
        yield (
            key,
            row.project_id,
            row.issue_id,
            change_time(spec, record),
            hashed(spec, record),
            record,
        )


def as_stored(record: Any) -> Any:
    """Return a record as `payload` holds it: characters that cannot be stored replaced, large
    floats as whole numbers.
    """
    written = to_text(record)
    if not storable(written):
        record = sanitise(record)
    return _whole_numbers(record) if _EXPONENT.search(written) else record


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) >= 1e16:
        # By its shortest text, which is what was sent: the float itself is another number from 2^53
        # on.
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        return {name: _whole_numbers(item) for name, item in value.items()}
    return [_whole_numbers(item) for item in value] if isinstance(value, list) else value


def change_time(spec: TableSpec, record: Record) -> str | None:
    """Return the time of change of a record as the source writes it, None for records that have
    none.
    """
    values = (record.get(spec.field(column).path) for column in spec.freshness)
    found = next((value for value in values if value is not None), None)
    return None if found is None else str(found)


def warehouse_frame(
    conn: Connection,
    spec: TableSpec,
    space_key: str,
    *chosen: ColumnElement[bool],
    hashed: Hash = content_hash,
) -> pd.DataFrame:
    """Return the chosen rows of a table as a frame, those that are marked deleted too; the hash is
    made anew from `payload`.
    """
    table = spec.table
    known = [
        table.c[name] if name in table.c else literal(0).label(name)
        for name in ("project_id", "issue_id")
    ]
    # A project that is not listed any more is not proven deleted, and is not expected at the source
    # either.
    why = case((table.c.deleted_at.is_not(None), "no reason given")) if spec.vanishes else None
    gone = literal(None) if why is None else func.coalesce(table.c.deleted_reason, why)
    query = select(*(table.c[name] for name in spec.key), *known, table.c.payload, gone)
    keys = len(spec.key)
    return frame(
        (
            (
                key_text(tuple(row[:keys])), row[keys], row[keys + 1], change_time(spec, record),
                hashed(spec, record), record,
                row[keys + 3],
            )
            for row in conn.execute(query.where(table.c.space_key == space_key, *chosen))
            for record in [row[keys + 2] if isinstance(row[keys + 2], dict) else {}]
        ),
        "gone",
    )  # fmt: skip


#: Fields of records by which people know them; a record with several is known by the first.
_NAMES = ("issueKey", "projectKey", "name")


def label_of(*records: Any) -> str:
    """Return what the first of the records that has a name is known by, empty where none has."""
    found = (record.get(name) for record in records if isinstance(record, dict) for name in _NAMES)
    return next((name for name in found if isinstance(name, str)), "")


def frame(rows: Iterable[tuple[Any, ...]], *more: str) -> pd.DataFrame:
    """Return rows as a frame of the columns above and `more`; of several rows with one key the last
    counts.
    """
    made = pd.DataFrame(list(rows), columns=[*COLUMNS, *more], dtype=object)
    return made.drop_duplicates("key", keep="last")


def differing_rows(source: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that differ: one row each with the columns of both sides (`_source`,
    `_warehouse`) and `kind`.

    A row that is marked deleted counts as missing when the source has it, and as equal when the
    source has not.
    """
    both = source.merge(
        stored, on="key", how="outer", suffixes=("_source", "_warehouse"), indicator="side"
    )
    here = (both["side"] != "left_only") & both["gone"].isna()
    there = both["side"] != "right_only"
    kind = pd.Series(pd.NA, index=both.index, dtype="object")
    kind[here & there & (both["hash_source"] != both["hash_warehouse"])] = CONTENT
    kind[
        here & there & (both["version_source"].fillna("") != both["version_warehouse"].fillna(""))
    ] = STALE
    kind[here & ~there] = EXTRA
    kind[there & ~here] = MISSING
    return both.assign(kind=kind)[kind.notna()]


def as_differences(spec: TableSpec, differing: pd.DataFrame) -> Iterator[tuple[Difference, Any]]:
    """Yield each row of `differing_rows` as a difference, with the record of the source (None: it
    has none).
    """
    for row in differing.where(differing.notna(), None).to_dict("records"):
        source, stored = row["record_source"], row["record_warehouse"]
        projects = [int(row[f"project_id_{side}"] or 0) for side in ("source", "warehouse")]
        moved = row["kind"] in {CONTENT, STALE} and projects[0] != projects[1]
        if row["kind"] == MISSING:
            words = (
                _version(row["version_source"]),
                f"marked deleted: {row['gone']}" if row["gone"] else "no row",
            )
        elif row["kind"] == EXTRA:
            words = ("not listed", _version(row["version_warehouse"]))
        elif row["kind"] == STALE:
            words = (_version(row["version_source"]), _version(row["version_warehouse"]))
        else:
            words = _fields(spec, source, stored)
        yield (
            Difference(
                spec.name,
                projects[0] or projects[1],
                int(row["issue_id_source"] or row["issue_id_warehouse"] or 0),
                str(row["key"]),
                str(row["kind"]),
                *words,
                label=label_of(source, stored),
                stored_in=projects[1] if moved else 0,
            ),
            source,
        )


def _version(moment: str | None) -> str:
    return f"changed {moment}" if moment else "there"


def _fields(spec: TableSpec, source: Any, stored: Any) -> tuple[str, str]:
    """Say in which of the fields that a record owns two versions of it differ."""
    one, other = (
        owned_content(spec, record) if isinstance(record, dict) else {}
        for record in (source, stored)
    )
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    first, second = (
        ", ".join(f"{name}={to_text(side.get(name))}" for name in names) for side in (one, other)
    )
    return short(first), short(second)


def with_ids(spec: TableSpec, ids: Iterable[int], column: str | None = None) -> ColumnElement[bool]:
    """Choose the rows with these ids, in the last column of the key or in another one."""
    return spec.table.c[column or spec.key[-1]] == any_(bigints(ids))

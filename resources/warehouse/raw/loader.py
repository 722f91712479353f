"""The merge: received records become typed rows. Records may come several times; each has
one row.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from resources.records import Odd, odd_of
from resources.warehouse.raw.quarantine import Rejection, quarantine, resolve_loaded
from resources.warehouse.raw.record_content import (
    BadRecordError,
    Key,
    Record,
    content_hash,
    record_key,
    sanitise,
    storable,
    to_text,
    unexpected_fields,
)
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.statements import (
    SAVEPOINT,
    DollarQuoted,
    merge_statement,
    stored_statement,
)
from resources.warehouse.raw.tombstones import note_restored
from resources.warehouse.state.schema_ops_records import unexpected_fields as unexpected_table
from resources.warehouse.warehouse_errors import WarehouseError

#: With fewer records, asking which ones are stored costs as much as sending all of them.
WORTH_ASKING = 50
#: SQLSTATE classes for errors in the data: data exception, constraint violation, program limit
#: exceeded.
_BAD_DATA = frozenset({"22", "23", "54"})
_GO_BACK = text(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")


def blames_data(error: DBAPIError) -> bool:
    """Return whether PostgreSQL refused a statement because of a record, so that the others can be
    sent without it.
    """
    return (getattr(error.orig, "pgcode", None) or "")[:2] in _BAD_DATA


@dataclass(frozen=True)
class MergeResult:
    """The outcome of one merge. Keys are the key columns after `space_key`, as `(id,)`
    for issues.
    """

    read: int
    inserted: tuple[Key, ...]
    updated: tuple[Key, ...]
    unchanged: int
    rejected: int
    rejected_ids: tuple[int, ...]
    """The last part of the key of every rejected record with a key."""
    without_id: tuple[str, ...]
    """`record_key` in quarantine of the rejected records without a key. While there are any, an id
    that `present_ids` lacks may still exist.
    """
    present_ids: tuple[int, ...]
    """The last part of the key of every record with a key, rejected ones included: what the source
    still lists.
    """
    unexpected_fields: tuple[str, ...]
    """Fields unknown to the schema that no earlier merge has reported."""
    unresolved: bool = True
    """Whether quarantine may have open entries of the table."""

    @property
    def inserted_ids(self) -> tuple[int, ...]:
        """The last part of each inserted key: the id, or the user of a membership."""
        return tuple(key[-1] for key in self.inserted if key)

    @property
    def updated_ids(self) -> tuple[int, ...]:
        """The last part of each updated key: the id, or the user of a membership."""
        return tuple(key[-1] for key in self.updated if key)


_NOTHING = MergeResult(0, (), (), 0, 0, (), (), (), ())


@dataclass(frozen=True)
class _Version:
    key: Key
    record: Record
    hash: str


@dataclass(frozen=True)
class _Item(_Version):
    text: str
    replaced: bool


def merge(
    conn: Connection,
    spec: TableSpec,
    records: Sequence[Any],
    *,
    space_key: str,
    timezone: str,
    run_id: str,
    extra: Mapping[str, int] | None = None,
    read_in: int | None = None,
    latest: datetime | None = None,
    worth_asking: int = WORTH_ASKING,
) -> MergeResult:
    """Merge records into a raw table. Repeating it changes nothing, in whatever order batches come.

    An older version never overwrites a newer one, but one of the same age may. An unchanged row is
    not touched. A row marked as deleted comes back, and its entry in `ops.deletions` is closed. A
    record that PostgreSQL refuses is quarantined and the others are loaded. NUL and lone surrogates
    are replaced, and the original is quarantined in addition to the row. Of several versions in
    `records`, the newest is used.

    Args:
        conn: a connection inside the caller's transaction.
        spec: the table.
        records: JSON objects as received; about 1,000 a call. The odd records of a `Page` are
            quarantined.
        space_key: the space they come from.
        timezone: IANA time zone of the space, for dates given as local midnight.
        run_id: the run to record in the rows.
        extra: values of key or `project_id` columns that the records lack, as `{"project_id":
            300}`.
        read_in: the project that was read, for odd records without one.
        latest: the latest plausible time; a stored version with a later time is overwritten by any
            other.
        worth_asking: with so many records or more, it is asked first which ones are stored.

    Raises:
        WarehouseError: the server does not know the time zone, or cannot be used.
    """
    odd = odd_of(records)
    if not records and not odd:
        return _NOTHING
    given = dict(extra or {})
    versions, rejections = _prepare(spec, records, given)
    rejections += [_odd_rejection(spec, one, given) for one in odd]
    present = [version.key for version in versions] + [
        entry.key for entry in rejections if entry.key
    ]
    ask = len(versions) >= worth_asking and spec.key and not spec.volatile
    stored = _stored(conn, spec, versions, space_key) if ask else set()
    parameters: dict[str, Any] = {"space_key": space_key, "timezone": timezone, "run_id": run_id}
    if spec.freshness:
        parameters["latest"] = latest
    parameters |= {f"extra_{name}": str(value) for name, value in given.items()}
    statement = _Statement(conn, spec, frozenset(given), parameters)

    written: list[tuple[Key, bool]] = []
    loaded: list[_Item] = []
    unresolved = True
    for outcome in statement.run(
        [_item(version) for version in versions if version.key not in stored]
    ):
        if isinstance(outcome, _Refused):
            rejections.append(
                Rejection(outcome.item.key, outcome.item.record, "rejected", outcome.error)
            )
        else:
            written += outcome.written
            loaded += outcome.items
            unresolved = outcome.unresolved
    changed = {key for key, _ in written}
    replaced = [
        _replaced_characters(item) for item in loaded if item.replaced and item.key in changed
    ]
    home = {} if read_in is None else {"project_id": read_in}
    quarantine(
        conn, spec, rejections + replaced, space_key=space_key, run_id=run_id, extra=home | given
    )
    refused = {entry.key for entry in rejections}
    accepted = [version for version in versions if version.key not in refused]
    if unresolved:
        # An unchanged row still has the characters that it had.
        clean = {item.key for item in loaded if not item.replaced and item.key in changed}
        resolve_loaded(
            conn,
            spec,
            space_key,
            clean=clean,
            left=[version.key for version in accepted if version.key not in clean],
        )
    inserted = tuple(key for key, new in written if new)
    updated = tuple(key for key, new in written if not new)
    if spec.vanishes and updated:
        note_restored(conn, spec, updated, space_key=space_key)
    return MergeResult(
        read=len(records) + len(odd),
        inserted=inserted,
        updated=updated,
        unchanged=len(records) + len(odd) - len(written) - len(rejections),
        rejected=len(rejections),
        rejected_ids=tuple(entry.key[-1] for entry in rejections if entry.key),
        without_id=tuple(entry.name for entry in rejections if entry.key is None),
        present_ids=tuple(key[-1] for key in present if key),
        unexpected_fields=_report_unexpected(conn, spec, accepted, space_key),
        unresolved=unresolved or bool(rejections or replaced),
    )  # fmt: skip


def _odd_rejection(spec: TableSpec, odd: Odd, extra: Mapping[str, Any]) -> Rejection:
    """Return the quarantine entry of an odd record, with its key if known."""
    key = None
    if odd.id is not None:
        with suppress(BadRecordError):
            key = record_key(spec, odd.record, extra)
    return Rejection(key, odd.record, "rejected", odd.reason, odd.place)


def _replaced_characters(item: _Item) -> Rejection:
    return Rejection(
        item.key, item.record, "characters_replaced", "NUL or a lone surrogate is now U+FFFD"
    )


def _prepare(
    spec: TableSpec, records: Sequence[Any], extra: Mapping[str, Any]
) -> tuple[list[_Version], list[Rejection]]:
    """Return one version for each key, and rejections of records without a key.

    Versions are sorted by key, so that two loads at once cannot deadlock.
    """
    newest: dict[Key, Record] = {}
    keyless: list[Rejection] = []
    for record in records:
        try:
            key = record_key(spec, record, extra)
        except BadRecordError as error:
            keyless.append(Rejection(None, record, "rejected", str(error)))
            continue
        if key not in newest or _age(spec, record) >= _age(spec, newest[key]):
            newest[key] = record
    return [
        _Version(key, newest[key], content_hash(spec, newest[key])) for key in sorted(newest)
    ], keyless


def _stored(
    conn: Connection, spec: TableSpec, versions: Sequence[_Version], space_key: str
) -> set[Key]:
    """Return the keys of versions that are stored unchanged, so that they need not be sent."""
    keys = {
        f"key_{number}": list(values)
        for number, values in enumerate(zip(*(version.key for version in versions), strict=True))
    }
    hashes = [version.hash for version in versions]
    rows = conn.execute(
        stored_statement(spec.name), {"space_key": space_key, "hashes": hashes, **keys}
    )
    return {tuple(row) for row in rows}


def _age(spec: TableSpec, record: Record) -> str:
    """Return the time of a version as text: times of the source are UTC in one format, so text
    sorts like time.
    """
    values = (record.get(spec.field(column).path) for column in spec.freshness)
    return str(next((value for value in values if value is not None), ""))


def _item(version: _Version) -> _Item:
    text = to_text(version.record)
    if storable(text):
        return _Item(version.key, version.record, version.hash, text, replaced=False)
    clean = sanitise(version.record)
    return _Item(
        version.key, version.record, version.hash, to_text(clean), replaced=clean != version.record
    )


@dataclass(frozen=True)
class _Loaded:
    items: Sequence[_Item]
    written: list[tuple[Key, bool]]
    unresolved: bool


@dataclass(frozen=True)
class _Refused:
    item: _Item
    error: str


@dataclass(frozen=True)
class _Statement:
    conn: Connection
    spec: TableSpec
    extra: frozenset[str]
    parameters: Mapping[str, Any]

    def run(self, items: Sequence[_Item], *, whole: bool = True) -> Iterator[_Loaded | _Refused]:
        """Send the items; on an error in the data, halve them until the bad record is alone."""
        if not items:
            return
        try:
            loaded = self._send(items)
        except DBAPIError as error:
            if not blames_data(error):
                raise
            self.conn.execute(_GO_BACK)
            refused = error
        else:
            yield loaded
            return
        if whole:
            self._check_timezone()
        if len(items) == 1:
            yield _Refused(items[0], str(refused.orig).splitlines()[0])
            return
        middle = len(items) // 2
        yield from self.run(items[:middle], whole=False)
        yield from self.run(items[middle:], whole=False)

    def _send(self, items: Sequence[_Item]) -> _Loaded:
        batch = "[" + ",".join(item.text for item in items) + "]"
        rows = self.conn.execute(
            merge_statement(self.spec.name, self.extra),
            {
                **self.parameters,
                "batch": DollarQuoted(batch),
                "hashes": [item.hash for item in items],
            },
        ).all()
        keys = len(self.spec.key)
        # A row in which only a volatile column changed is not counted as written.
        written = [(tuple(row[:keys]), row[keys]) for row in rows if all(row[keys + 2 :])]
        return _Loaded(items, written, unresolved=rows[0][keys + 1] if rows else True)

    def _check_timezone(self) -> None:
        """Raise WarehouseError if the server does not know the time zone; no record may be
        quarantined for that.
        """
        zone = self.parameters["timezone"]
        try:
            with self.conn.begin_nested():
                self.conn.execute(text("SELECT now() AT TIME ZONE :zone"), {"zone": zone})
        except DBAPIError as error:
            raise WarehouseError(
                f"PostgreSQL does not know the space's time zone {zone!r}: update the "
                "server's time zone data.",
                cause="database_unfit",
            ) from error


def _report_unexpected(
    conn: Connection, spec: TableSpec, versions: Sequence[_Version], space_key: str
) -> tuple[str, ...]:
    examples: dict[str, Any] = {}
    for version in versions:
        for name in unexpected_fields(spec, version.record):
            examples.setdefault(sanitise(name), version.record[name])
    if not examples:
        return ()
    rows = [
        {
            "space_key": space_key,
            "table_name": spec.name,
            "field": name,
            "example": to_text(sanitise(examples[name]))[:200],
        }
        for name in sorted(examples)
    ]
    new = (
        insert(unexpected_table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(unexpected_table.c.field)
    )
    return tuple(conn.execute(new).scalars())

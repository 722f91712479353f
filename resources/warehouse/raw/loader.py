"""The merge: records as received become typed rows, at least once, merged to exactly once."""

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

#: For fewer records the question which of them are stored already costs as much as to send them
#: all.
WORTH_ASKING = 50
#: SQLSTATE classes that blame the data: data exception, constraint violation, a limit of a type
#: exceeded.
_BAD_DATA = frozenset({"22", "23", "54"})
_GO_BACK = text(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")


def blames_data(error: DBAPIError) -> bool:
    """Say whether PostgreSQL refused a statement because of a record in it, so that the others may
    be sent without that one.
    """
    return (getattr(error.orig, "pgcode", None) or "")[:2] in _BAD_DATA


@dataclass(frozen=True)
class MergeResult:
    """What became of the records of one merge. Keys are the key columns after `space_key`, as
    `(id,)` for issues.
    """

    read: int
    inserted: tuple[Key, ...]
    updated: tuple[Key, ...]
    unchanged: int
    rejected: int
    rejected_ids: tuple[int, ...]
    """The last part of the key of every rejected record that has one."""
    without_id: tuple[str, ...]
    """Those of the rejected that have no key, as `record_key` has them: while there are any,
    `present_ids` does not say what is missing.
    """
    present_ids: tuple[int, ...]
    """The last part of the key of every record that has one, rejected ones included: what the
    source still lists.
    """
    unexpected_fields: tuple[str, ...]
    """Fields unknown to the schema that no earlier merge has met."""
    unresolved: bool = True
    """Whether the quarantine may have open entries of the table."""

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
) -> MergeResult:
    """Merge records into a raw table; the same records again change nothing, in whatever order
    batches come.

    An older version never overwrites a newer one (an equal one may), an unchanged row is not
    touched, a row marked deleted comes back and its entry in `ops.deletions` is closed. A record
    that PostgreSQL refuses is quarantined and the rest loaded; NUL and lone surrogates are replaced
    and the original quarantined next to the row. Of several versions in `records` the newest
    counts.

    Args:
        conn: a connection inside the caller's transaction.
        spec: the table.
        records: JSON objects as received; about 1,000 a call. The odd ones of a `Page` are
            quarantined.
        space_key: the space they come from.
        timezone: IANA zone of the space, for dates that come as local midnight.
        run_id: the run to name in the rows.
        extra: values for key or `project_id` columns that the records lack, as `{"project_id":
            300}`.
        read_in: the project that they were read from, for odd ones that do not say it.
        latest: the last time that can be meant now; a stored version that is newer gives way to
            any.

    Raises:
        WarehouseError: the zone is unknown to the server, or the server cannot be used.
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
    stored = _stored(conn, spec, versions, space_key)
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
        # A row that is left as it is has the characters that it had.
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
    """Return the entry of an odd record, under its key if it is known to have one."""
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
    """Split records into one version a key, sorted by key so that two loads at once cannot
    deadlock, and the keyless.
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
    """Return the keys of those that are stored as they are, so that they need not be sent: a merge
    would not touch them.
    """
    if len(versions) < WORTH_ASKING or not spec.key or spec.volatile:
        return set()
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
    """The time of the version, as text: every timestamp of the source is UTC in one format, so text
    sorts as time.
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
        """Send the items; halve what PostgreSQL refuses until the bad record is alone."""
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
        # A row of which only a volatile column has moved is not counted as written.
        written = [(tuple(row[:keys]), row[keys]) for row in rows if all(row[keys + 2 :])]
        return _Loaded(items, written, unresolved=rows[0][keys + 1] if rows else True)

    def _check_timezone(self) -> None:
        """A zone the server does not know is no fault of the records: none may be quarantined for
        it.
        """
        zone = self.parameters["timezone"]
        try:
            with self.conn.begin_nested():
                self.conn.execute(text("SELECT now() AT TIME ZONE :zone"), {"zone": zone})
        except DBAPIError as error:
            raise WarehouseError(
                f"PostgreSQL does not know the space's time zone {zone!r}: update the "
                "server's time zone data."
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

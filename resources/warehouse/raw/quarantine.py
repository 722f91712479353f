"""The dead-letter queue: records that could not be loaded unchanged, with one open entry per record
and reason.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    any_,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from resources.warehouse.raw.record_content import Key
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.state.schema_ops_records import rejected_records

Reason = Literal["rejected", "characters_replaced"]
#: Prefix of the `record_key` of a record without a key.
WITHOUT_KEY = "?"


@dataclass(frozen=True)
class Rejection:
    """A record that was not loaded, or not unchanged. `key` is None if it has none; `place` may
    then say where to look for it.
    """

    key: Key | None
    record: Any
    reason: Reason
    error: str
    place: str = ""

    @property
    def payload(self) -> str:
        """The record as stored: in ASCII, since PostgreSQL's text cannot hold NUL and lone
        surrogates.
        """
        return json.dumps(self.record, separators=(",", ":"))

    @property
    def name(self) -> str:
        """The value of `ops.rejected_records.record_key`: the key, or without one `?`, the place
        and a hash.
        """
        if self.key is not None:
            return key_text(self.key)
        content = blake2b(self.payload.encode(), digest_size=8).hexdigest()
        return WITHOUT_KEY + (f"{self.place}/{content}" if self.place else content)


def key_text(key: Key) -> str:
    """Return a key in the form of `ops.rejected_records.record_key`: parts joined by `/`."""
    return "/".join(map(str, key))


def key_texts(keys: Collection[Key]) -> ColumnElement[Sequence[str]]:
    """Return keys in the form of `ops.rejected_records.record_key`, as a PostgreSQL array."""
    return literal([key_text(key) for key in keys], ARRAY(Text()))


def _row(
    rejection: Rejection, spec: TableSpec, space_key: str, run_id: str, extra: Mapping[str, Any]
) -> dict[str, Any]:
    record = rejection.record if isinstance(rejection.record, dict) else {}
    project = record.get("projectId", extra.get("project_id"))
    return {
        "space_key": space_key,
        "table_name": spec.name,
        "record_key": rejection.name,
        "project_id": project
        if type(project) is int and 0 <= project < 2**63
        else extra.get("project_id"),
        "payload": rejection.payload,
        "reason": rejection.reason,
        "error": rejection.error,
        "run_id": run_id,
    }


def quarantine(
    conn: Connection,
    spec: TableSpec,
    rejections: Sequence[Rejection],
    *,
    space_key: str,
    run_id: str,
    extra: Mapping[str, Any],
) -> None:
    """Store rejections. An open entry of the same record and reason is updated if
    anything changed.
    """
    rows = {
        (row["record_key"], row["reason"]): row
        for row in (_row(r, spec, space_key, run_id, extra) for r in rejections)
    }
    if not rows:
        return
    table = rejected_records
    statement = insert(table).values([rows[name] for name in sorted(rows)])
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[
                table.c.space_key,
                table.c.table_name,
                table.c.record_key,
                table.c.reason,
            ],
            index_where=table.c.resolved_at.is_(None),
            set_={name: new[name] for name in ("project_id", "payload", "error", "run_id")},
            where=or_(table.c.payload != new.payload, table.c.error != new.error),
        )
    )


#: Plain SQL, because each merge sends it and SQLAlchemy would compile an expression each time.
_RESOLVE_LOADED = text(
    "UPDATE ops.rejected_records SET resolved_at = now() "
    "WHERE space_key = :space_key AND table_name = :table_name AND resolved_at IS NULL "
    "AND (record_key = ANY(:clean) OR (reason = 'rejected' AND record_key = ANY(:left)))"
)


def resolve_loaded(
    conn: Connection,
    spec: TableSpec,
    space_key: str,
    *,
    clean: Collection[Key],
    left: Collection[Key],
) -> None:
    """Resolve the open entries of records that are loaded now.

    For the keys in `left`, entries for replaced characters stay open: characters were replaced, or
    the row was not written again.
    """
    keys = {"clean": [key_text(key) for key in clean], "left": [key_text(key) for key in left]}
    conn.execute(_RESOLVE_LOADED, {"space_key": space_key, "table_name": spec.name, **keys})


def pending_rejections(
    conn: Connection, space_key: str, table: str, project_ids: Collection[int] | None = None
) -> list[str]:
    """Return the keys of records of a raw table that are not loaded, to be read again by the next
    sync.

    With `project_ids`, only those of these projects and of unknown projects.

    A key is `key_text` of the record's key (`"90017"`, `"300/5012"`), or starts with `?` for a
    record without one: see `place_to_retry`. Merging a good version of the record resolves its
    entry; `resolve_rejections` resolves one whose record is deleted.
    """
    rejected = rejected_records.c
    query = select(rejected.record_key).where(
        rejected.space_key == space_key,
        rejected.table_name == table,
        rejected.reason == "rejected",
        rejected.resolved_at.is_(None),
    )
    if project_ids is not None:
        query = query.where(
            or_(rejected.project_id.is_(None), rejected.project_id.in_(project_ids))
        )
    return list(conn.execute(query.order_by(rejected.id)).scalars())


def place_to_retry(record_key: str) -> str | None:
    """Return where to look again for a record without a key, empty when unknown; None for a record
    with a key.
    """
    return record_key[1:].rpartition("/")[0] if record_key.startswith(WITHOUT_KEY) else None


def open_places(conn: Connection, space_key: str, table: str) -> set[str]:
    """Return where to look again for the records without a key that have an open entry."""
    entry = rejected_records.c
    query = select(entry.record_key).where(
        entry.space_key == space_key,
        entry.table_name == table,
        entry.record_key.startswith(WITHOUT_KEY),
        entry.resolved_at.is_(None),
    )
    return {place for key in conn.execute(query).scalars() if (place := place_to_retry(key))}


def resolve_without_id(
    conn: Connection,
    space_key: str,
    table: str,
    *,
    still: Collection[str],
    place: str | None = None,
    project_id: int | None = None,
) -> None:
    """Resolve the open entries of records without a key that a read should have met but has not,
    except those in `still`.

    The read was of a place or of a whole project; for a project, entries without a project are
    resolved, too.
    """
    entry = rejected_records.c
    prefix = WITHOUT_KEY if place is None else f"{WITHOUT_KEY}{place}/"
    chosen = [
        entry.table_name == table,
        entry.reason == "rejected",
        entry.record_key.startswith(prefix, autoescape=True),
        entry.record_key.not_in(still),
    ]
    if project_id is not None:
        chosen.append(or_(entry.project_id.is_(None), entry.project_id == project_id))
    _resolve(conn, space_key, *chosen)


def unplaced_projects(conn: Connection, space_key: str, table: str) -> set[int | None]:
    """Return the projects of records without a key and without a place; None stands for an unknown
    project.
    """
    entry = rejected_records.c
    query = select(entry.record_key, entry.project_id).where(
        entry.space_key == space_key,
        entry.table_name == table,
        entry.record_key.startswith(WITHOUT_KEY),
        entry.reason == "rejected",
        entry.resolved_at.is_(None),
    )
    return {project for key, project in conn.execute(query) if not place_to_retry(key)}


def resolve_rejections(
    conn: Connection, space_key: str, table: str, record_keys: Sequence[str]
) -> int:
    """Resolve open entries whose records the source no longer has; return their number."""
    entry = rejected_records.c
    return _resolve(conn, space_key, entry.table_name == table, entry.record_key.in_(record_keys))


def resolve_unlisted(
    conn: Connection,
    spec: TableSpec,
    space_key: str,
    listed: Sequence[Key],
    *,
    project_id: int | None,
) -> None:
    """Resolve the open entries of records that a whole listing, of a project or of the space,
    lacks.
    """
    entry = rejected_records.c
    of_project = [] if project_id is None else [entry.project_id == project_id]
    _resolve(
        conn,
        space_key,
        entry.table_name == spec.name,
        entry.reason == "rejected",
        not_(entry.record_key == any_(key_texts(listed))),
        *of_project,
    )


def resolve_of_projects(conn: Connection, space_key: str, project_ids: Collection[int]) -> None:
    """Resolve the open entries of deleted projects, in all tables."""
    _resolve(conn, space_key, rejected_records.c.project_id.in_(project_ids))


def _resolve(conn: Connection, space_key: str, *chosen: ColumnElement[bool]) -> int:
    """Resolve the open entries of a space that meet all conditions; return their number."""
    entry = rejected_records.c
    return conn.execute(
        update(rejected_records)
        .where(entry.space_key == space_key, entry.resolved_at.is_(None), *chosen)
        .values(resolved_at=func.now())
    ).rowcount

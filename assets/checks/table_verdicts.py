"""What the checks of a table ask the warehouse, and what they make of the answers.

Those that judge rows look at all, or at the rows written since a moment and what these refer to:
rows written before were found right.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    tuple_,
)

from resources.warehouse.people.mask_stored_rows import PSEUDONYM, shown_names
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.written_rows import written_since
from resources.warehouse.state.feed_state import get_feed
from resources.warehouse.state.living_loads import sync_outcomes
from resources.warehouse.state.schema_ops_records import rejected_records, unexpected_fields

#: Rows shown of what breaks a check.
SHOWN = 20
#: The last read of a table is compared with so many before it, if one found so many rows.
READS_BEFORE, ENOUGH_ROWS = 30, 20


@dataclass(frozen=True)
class Verdict:
    """Whether a check holds, and the rows that break it or are worth a look."""

    holds: bool
    summary: str
    rows: tuple[dict[str, Any], ...] = ()


def _present(table: Table, space_key: str) -> ColumnElement[bool]:
    of_space = table.c.space_key == space_key
    return and_(of_space, table.c.deleted_at.is_(None)) if "deleted_at" in table.c else of_space


def _looked_at(table: Table, space_key: str, since: datetime | None) -> ColumnElement[bool]:
    present = _present(table, space_key)
    return present if since is None else and_(present, written_since(table, space_key, since))


def keys_unique(
    connection: Connection, spec: TableSpec, space_key: str, since: datetime | None
) -> Verdict:
    """Look for values of the key that people see in more than one row, of which one is new."""
    table = spec.table
    columns = [table.c[name] for name in _business_key(spec)]
    written = select(*columns).where(_looked_at(table, space_key, since))
    query = (
        select(*columns, func.count().label("rows"))
        .where(_present(table, space_key), *(column.is_not(None) for column in columns))
        .where(*([] if since is None else [tuple_(*columns).in_(written)]))
        .group_by(*columns)
        .having(func.count() > 1)
        .limit(SHOWN)
    )
    found = [dict(row._mapping) for row in connection.execute(query)]
    shown = [column.name for column in columns if column.name not in spec.of_people]
    rows = tuple({name: row[name] for name in (*shown, "rows")} for row in found)
    named = ", ".join(column.name for column in columns)
    return Verdict(not rows, f"{named}: {len(rows)} values are in more than one row", rows)


def _business_key(spec: TableSpec) -> tuple[str, ...]:
    """The columns by which people tell rows apart; names are unique within a project where there
    are projects.
    """
    key = spec.business_key or ""
    return ("project_id", key) if key == "name" and "project_id" in spec.table.c else (key,)


def references_resolve(
    connection: Connection, spec: TableSpec, space_key: str, since: datetime | None
) -> Verdict:
    """Look for ids of other tables that are not found there; a row that is there stays, marked
    deleted or not.
    """
    rows = []
    for column, target in spec.references.items():
        missing = _unresolved(connection, spec.table, column, SPECS[target].table, space_key, since)
        if missing:
            rows.append({"column": column, "refers_to": f"raw.{target}", "unresolved": missing})
    # People who were deleted before the first load are still named in old rows, and nobody lists
    # them any more.
    breaking = [row for row in rows if row["refers_to"] != "raw.users"]
    return Verdict(
        not breaking,
        f"{len(breaking)} of {len(spec.references)} references lead nowhere",
        tuple(rows),
    )


def _unresolved(
    connection: Connection,
    table: Table,
    column: str,
    target: Table,
    space_key: str,
    since: datetime | None,
) -> int:
    value = (
        func.unnest(table.c[column]) if isinstance(table.c[column].type, ARRAY) else table.c[column]
    )
    project = [table.c.project_id] if "project_id" in table.c and column != "project_id" else []
    looked_at = _looked_at(table, space_key, since)
    rows = select(value.label("reference"), *project).where(looked_at).subquery()
    same = [target.c.space_key == literal(space_key), target.c.id == rows.c.reference]
    if "project_id" in target.primary_key.columns:
        same.append(target.c.project_id == rows.c.project_id)
    return int(
        connection.execute(
            select(func.count())
            .select_from(rows)
            .where(rows.c.reference.is_not(None), ~exists().where(*same))
        ).scalar_one()
    )


def no_unexpected_fields(
    connection: Connection, spec: TableSpec, space_key: str, _since: datetime | None
) -> Verdict:
    """Look for fields that the schema does not know."""
    columns = unexpected_fields.c
    query = (
        select(columns.field, columns.first_seen_at)
        .where(columns.space_key == space_key, columns.table_name == spec.name)
        .order_by(columns.first_seen_at.desc())
        .limit(SHOWN)
    )
    rows = tuple(dict(row._mapping) for row in connection.execute(query))
    kept = "they are kept in payload, ops.unexpected_fields has examples"
    return Verdict(not rows, f"{len(rows)} fields that the schema does not know; {kept}", rows)


def no_rejected_records(
    connection: Connection, spec: TableSpec, space_key: str, _since: datetime | None
) -> Verdict:
    """Look for records in quarantine."""
    columns = rejected_records.c
    query = (
        select(
            columns.record_key,
            columns.project_id,
            columns.reason,
            columns.error,
            columns.rejected_at,
        )
        .where(
            columns.space_key == space_key,
            columns.table_name == spec.name,
            columns.resolved_at.is_(None),
        )
        .order_by(columns.reason.desc(), columns.id)
        .limit(SHOWN)
    )
    rows = tuple(dict(row._mapping) for row in connection.execute(query))
    rejected = [row for row in rows if row["reason"] == "rejected"]
    return Verdict(
        not rejected,
        f"{len(rejected)} records could not be loaded; ops.rejected_records holds them",
        rows,
    )


def no_gaps(
    connection: Connection, _spec: TableSpec, space_key: str, _since: datetime | None
) -> Verdict:
    """Look for times of which the source had no activities any more when the feed was read."""
    state = get_feed(connection, space_key)
    rows = tuple({"since": gap.since, "until": gap.until} for gap in state.gaps) if state else ()
    said = (
        "activities may be missing; their issues and comments were read again, but what the feed "
        "no longer has stays missing"
    )
    return Verdict(
        not rows,
        f"{len(rows)} stretches of time: {said}" if rows else "the feed was read without a gap",
        rows[-SHOWN:],
    )


def people_alike(
    connection: Connection, spec: TableSpec, space_key: str, since: datetime | None
) -> Verdict:
    """Look for names that were written under different settings of the privacy key.

    Users are compared whole. One who was not written since the moment shows the setting under which
    all rows before it were written; where each user was, all rows are looked at.
    """
    users = SPECS["users"]
    if since is not None and not _has_shown_before(connection, users, space_key, since):
        since = None
    rows = []
    for one in {spec.name: spec, "users": users}.values():
        looked_at = _looked_at(one.table, space_key, None if one is users else since)
        for name in shown_names(one):
            how = case((name.op("~")(PSEUDONYM), func.left(name, 9)), else_="plain").label("names")
            query = (
                select(literal(one.name).label("table"), how, func.count().label("rows"))
                .where(looked_at, *_is_shown(name))
                .group_by(how)
            )
            rows += [dict(row._mapping) for row in connection.execute(query)]
    alike = len({row["names"] for row in rows}) <= 1
    said = (
        "names were written under different settings of BACKLOG_PRIVACY_KEY: run backlog-elt "
        "load --full to make them the same"
    )
    return Verdict(
        alike,
        "names are all plain, or all masked with one key" if alike else said,
        () if alike else tuple(rows),
    )


def _is_shown(name: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
    return name.is_not(None), ~name.startswith("forgotten-")


def _has_shown_before(
    connection: Connection, users: TableSpec, space_key: str, since: datetime
) -> bool:
    [name] = shown_names(users)
    before = _present(users.table, space_key), users.table.c.loaded_at < since
    return bool(connection.execute(select(exists().where(*before, *_is_shown(name)))).scalar_one())


def rows_not_halved(
    connection: Connection, spec: TableSpec, space_key: str, _since: datetime | None
) -> Verdict:
    """Compare the rows of the last read of the whole table with those of the reads before it."""
    columns = sync_outcomes.c
    reads = (
        select(columns.started_at, columns.items_synced.label("rows"))
        .where(columns.space_key == space_key, columns.sync_type == spec.name)
        .where(columns.mode == "full", columns.succeeded_at.is_not(None))
        .order_by(columns.started_at.desc())
        .limit(READS_BEFORE + 1)
    )
    found = [dict(row._mapping) for row in connection.execute(reads)]
    if len(found) < 2:
        return Verdict(True, "the table was not read whole twice yet")
    last, most = found[0], max(found[1:], key=lambda read: int(read["rows"]))
    halved = most["rows"] >= ENOUGH_ROWS and 2 * last["rows"] < most["rows"]
    summary = f"the last read found {last['rows']} rows, those before it up to {most['rows']}"
    return Verdict(not halved, summary, (last, most) if halved else ())

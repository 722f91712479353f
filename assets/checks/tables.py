"""Checks about what is stored in a table, each a question to the warehouse.

Most are evaluated in one step below the load of their table. The tables of `CHECKED_IN_THEIR_RUNS`
evaluate theirs themselves.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    select,
)

from assets.dagster_internals import last_evaluation
from assets.location import raw_key
from assets.metadata import rows_table
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.errors import BacklogError
from resources.warehouse.feed_state import get_feed
from resources.warehouse.masking import PSEUDONYM, shown_names
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops import sync_history
from resources.warehouse.schema_ops_records import rejected_records, unexpected_fields
from resources.warehouse.spec import TableSpec
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.listings import OF_PROJECT, OF_SPACE

#: Rows shown of what breaks a check.
SHOWN = 20
#: Metadata of a check that scans a table: when that was done.
EVALUATED = "evaluated_at"
#: A run that loads single issues scans tables only when the last scan is older than this.
SCAN_AGAIN_AFTER = timedelta(hours=1)
#: Tables whose assets evaluate their checks themselves: those that record their partitions
#: themselves, below which Dagster starts no check, and the feed, which is read so often that a step
#: of its own would be dear.
CHECKED_IN_THEIR_RUNS = ("issues", "comments", "issue_changes", "activities")
#: Tables of many rows that each load reads whole.
READ_WHOLE = frozenset({"users", "projects", "teams", *OF_PROJECT, *OF_SPACE})
#: The last read of a table is compared with so many before it, if one found so many rows.
READS_BEFORE, ENOUGH_ROWS = 30, 20


@dataclass(frozen=True)
class Verdict:
    """Whether a check holds, and the rows that break it or are worth a look."""

    holds: bool
    summary: str
    rows: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class TableCheck:
    """One check of a table."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    applies: Callable[[TableSpec], bool]
    evaluate: Callable[[Connection, TableSpec, str], Verdict]
    scans: bool = False
    """Whether the whole table is looked at: a second or two for 100,000 issues, too much for each
    run that loads a single one.
    """


def _present(table: Table, space_key: str) -> ColumnElement[bool]:
    of_space = table.c.space_key == space_key
    return and_(of_space, table.c.deleted_at.is_(None)) if "deleted_at" in table.c else of_space


def _keys_unique(connection: Connection, spec: TableSpec, space_key: str) -> Verdict:
    table = spec.table
    columns = [table.c[name] for name in _business_key(spec)]
    query = (
        select(*columns, func.count().label("rows"))
        .where(_present(table, space_key), *(column.is_not(None) for column in columns))
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


def _references_resolve(connection: Connection, spec: TableSpec, space_key: str) -> Verdict:
    rows = []
    for column, target in spec.references.items():
        missing = _unresolved(connection, spec.table, column, SPECS[target].table, space_key)
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
    connection: Connection, table: Table, column: str, target: Table, space_key: str
) -> int:
    value = (
        func.unnest(table.c[column]) if isinstance(table.c[column].type, ARRAY) else table.c[column]
    )
    project = [table.c.project_id] if "project_id" in table.c and column != "project_id" else []
    rows = select(value.label("reference"), *project).where(_present(table, space_key)).subquery()
    same = [target.c.space_key == literal(space_key), target.c.id == rows.c.reference]
    if "project_id" in target.primary_key.columns:
        same.append(target.c.project_id == rows.c.project_id)
    query = (
        select(func.count())
        .select_from(rows)
        .where(rows.c.reference.is_not(None), ~exists().where(*same))
    )
    return int(connection.execute(query).scalar_one())


def _no_unexpected_fields(connection: Connection, spec: TableSpec, space_key: str) -> Verdict:
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


def _no_rejected_records(connection: Connection, spec: TableSpec, space_key: str) -> Verdict:
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


def _no_gaps(connection: Connection, _spec: TableSpec, space_key: str) -> Verdict:
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


def _people_alike(connection: Connection, spec: TableSpec, space_key: str) -> Verdict:
    rows = []
    for one in {spec.name: spec, "users": SPECS["users"]}.values():
        for name in shown_names(one):
            how = case((name.op("~")(PSEUDONYM), func.left(name, 9)), else_="plain").label("names")
            shown = (
                _present(one.table, space_key),
                name.is_not(None),
                ~name.startswith("forgotten-"),
            )
            query = (
                select(literal(one.name).label("table"), how, func.count().label("rows"))
                .where(*shown)
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


def _rows_not_halved(connection: Connection, spec: TableSpec, space_key: str) -> Verdict:
    columns = sync_history.c
    reads = (
        select(columns.started_at, columns.items_synced.label("rows"))
        .where(columns.space_key == space_key, columns.sync_type == spec.name)
        .where(columns.mode == "full", columns.status == "completed")
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


TABLE_CHECKS = (
    TableCheck(
        "people_alike",
        "Names of people are plain in all rows, or masked with one key in all rows, "
        "the same as in raw/users.",
        dg.AssetCheckSeverity.WARN,
        lambda spec: bool(shown_names(spec)),
        _people_alike,
        scans=True,
    ),
    TableCheck(
        "keys_unique",
        "No two rows that are not deleted share the key that people see, such as the issue key.",
        dg.AssetCheckSeverity.ERROR,
        lambda spec: spec.business_key is not None,
        _keys_unique,
        scans=True,
    ),
    TableCheck(
        "references_resolve",
        "Every id of another table is found there; ids of people who left before the first "
        "load are listed but allowed.",
        dg.AssetCheckSeverity.WARN,
        lambda spec: bool(spec.references),
        _references_resolve,
        scans=True,
    ),
    TableCheck(
        "no_unexpected_fields",
        "The source sends no field that the schema does not know.",
        dg.AssetCheckSeverity.WARN,
        lambda _spec: True,
        _no_unexpected_fields,
    ),
    TableCheck(
        "no_rejected_records",
        "No record is in quarantine because it could not be loaded.",
        dg.AssetCheckSeverity.ERROR,
        lambda _spec: True,
        _no_rejected_records,
    ),
    TableCheck(
        "rows_not_halved",
        "The last read of the table found at least half of the most rows that one of the "
        f"{READS_BEFORE} reads before it found, if that is {ENOUGH_ROWS} or more.",
        dg.AssetCheckSeverity.ERROR,
        lambda spec: spec.name in READ_WHOLE,
        _rows_not_halved,
    ),
    TableCheck(
        "no_gaps",
        "The feed was read without a gap: the source still had the activities of each "
        "period when it was read.",
        dg.AssetCheckSeverity.WARN,
        lambda spec: spec.name == "activities",
        _no_gaps,
    ),
)


def checks_of(table: str) -> list[TableCheck]:
    """Return the checks that apply to a table."""
    return [check for check in TABLE_CHECKS if check.applies(SPECS[table])]


def check_specs(table: str) -> list[dg.AssetCheckSpec]:
    """Return the specs of the checks that the asset of a table evaluates in its own run."""
    return [
        dg.AssetCheckSpec(check.name, asset=raw_key(table), description=check.description)
        for check in checks_of(table)
    ]


def check_results(
    engine: Engine,
    table: str,
    space_key: str,
    chosen: Collection[dg.AssetCheckKey],
    known: Mapping[dg.AssetCheckKey, dg.AssetCheckResult],
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the chosen checks of a table; one that is `known` is not evaluated again."""
    for check in checks_of(table):
        key = dg.AssetCheckKey(raw_key(table), check.name)
        if key in chosen:
            yield known[key] if key in known else check_result(engine, check, table, space_key)


def found_lately(
    instance: dg.DagsterInstance, *tables: str, now: float | None = None
) -> dict[dg.AssetCheckKey, dg.AssetCheckResult]:
    """Return the results of the last hour of the checks that scan these tables.

    Runs that load single issues follow each other closely, and report these results again. The UI
    shows only the checks of the run of the latest materialization: one that is left out of a run
    counts as not evaluated. `now` is in epoch seconds.
    """
    found = {}
    for table in tables:
        for check in checks_of(table):
            key = dg.AssetCheckKey(raw_key(table), check.name)
            last = last_evaluation(instance, key) if check.scans else None
            at = last.metadata.get(EVALUATED) if last else None
            if (
                last
                and isinstance(at, dg.TimestampMetadataValue)
                and (now or time.time()) - at.value < SCAN_AGAIN_AFTER.total_seconds()
            ):
                found[key] = dg.AssetCheckResult(
                    passed=last.passed,
                    check_name=key.name,
                    asset_key=key.asset_key,
                    severity=last.severity,
                    description=last.description,
                    metadata=dict(last.metadata),
                )
    return found


def check_result(
    engine: Engine, check: TableCheck, table: str, space_key: str
) -> dg.AssetCheckResult:
    """Evaluate one check about one table, on the rows of one space."""
    with engine.connect() as connection:
        verdict = check.evaluate(connection, SPECS[table], space_key)
    return dg.AssetCheckResult(
        passed=verdict.holds,
        check_name=check.name,
        asset_key=raw_key(table),
        severity=check.severity,
        description=verdict.summary,
        metadata=({"rows": rows_table(verdict.rows)} if verdict.rows else {}) | _evaluated(check),
    )


def _evaluated(check: TableCheck) -> dict[str, dg.MetadataValue]:
    return {EVALUATED: dg.MetadataValue.timestamp(time.time())} if check.scans else {}


def _step(table: str) -> dg.AssetChecksDefinition:
    # One step for all checks of a table: each step costs Dagster a dozen events, and any check can
    # still be run alone.
    @dg.multi_asset_check(name=f"{table}_checks", specs=check_specs(table), can_subset=True)
    def checks(
        context: dg.AssetCheckExecutionContext,
        backlog: BacklogResource,
        warehouse: WarehouseResource,
    ) -> Iterator[dg.AssetCheckResult]:
        try:
            space_key = str(backlog.client.space_info()["spaceKey"])
            yield from check_results(
                warehouse.engine, table, space_key, context.selected_asset_check_keys, {}
            )
        except (BacklogError, WarehouseError) as error:
            raise dg.Failure(f"the checks of raw/{table}: {error}", allow_retries=False) from None

    return checks


CHECKS = [_step(table) for table in SPECS if table not in CHECKED_IN_THEIR_RUNS]

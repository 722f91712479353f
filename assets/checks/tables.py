"""Checks about what is stored in a table, each a question to the warehouse.

Most are evaluated in one step below the load of their table. The tables of `CHECKED_IN_THEIR_RUNS`
evaluate theirs themselves.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
from sqlalchemy import Connection, Engine

from assets.checks.table_verdicts import (
    ENOUGH_ROWS,
    READS_BEFORE,
    Verdict,
    keys_unique,
    no_gaps,
    no_rejected_records,
    no_unexpected_fields,
    people_alike,
    references_resolve,
    rows_not_halved,
)
from assets.dagster_internals import last_evaluation
from assets.location import raw_key
from assets.metadata import rows_table
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.errors import BacklogError
from resources.warehouse.masking import shown_names
from resources.warehouse.schema import SPECS
from resources.warehouse.spec import TableSpec
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource

#: Metadata of a check that scans a table: when that was done.
EVALUATED = "evaluated_at"
#: A run that loads single issues scans tables only when the last scan is older than this.
SCAN_AGAIN_AFTER = timedelta(hours=1)
#: Tables whose assets evaluate their checks themselves: those that record their partitions
#: themselves, below which Dagster starts no check, and the feed, which is read so often that a step
#: of its own would be dear.
CHECKED_IN_THEIR_RUNS = ("issues", "comments", "issue_changes", "activities")


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


TABLE_CHECKS = (
    TableCheck(
        "people_alike",
        "Names of people are plain in all rows, or masked with one key in all rows, "
        "the same as in raw/users.",
        dg.AssetCheckSeverity.WARN,
        lambda spec: bool(shown_names(spec)),
        people_alike,
        scans=True,
    ),
    TableCheck(
        "keys_unique",
        "No two rows that are not deleted share the key that people see, such as the issue key.",
        dg.AssetCheckSeverity.ERROR,
        lambda spec: spec.business_key is not None,
        keys_unique,
        scans=True,
    ),
    TableCheck(
        "references_resolve",
        "Every id of another table is found there; ids of people who left before the first "
        "load are listed but allowed.",
        dg.AssetCheckSeverity.WARN,
        lambda spec: bool(spec.references),
        references_resolve,
        scans=True,
    ),
    TableCheck(
        "no_unexpected_fields",
        "The source sends no field that the schema does not know.",
        dg.AssetCheckSeverity.WARN,
        lambda _spec: True,
        no_unexpected_fields,
    ),
    TableCheck(
        "no_rejected_records",
        "No record is in quarantine because it could not be loaded.",
        dg.AssetCheckSeverity.ERROR,
        lambda _spec: True,
        no_rejected_records,
    ),
    TableCheck(
        "rows_not_halved",
        "The last read of the table found at least half of the most rows that one of the "
        f"{READS_BEFORE} reads before it found, if that is {ENOUGH_ROWS} or more.",
        dg.AssetCheckSeverity.ERROR,
        lambda spec: spec.listing is not None and spec.vanishes,
        rows_not_halved,
    ),
    TableCheck(
        "no_gaps",
        "The feed was read without a gap: the source still had the activities of each "
        "period when it was read.",
        dg.AssetCheckSeverity.WARN,
        lambda spec: spec.name == "activities",
        no_gaps,
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

"""Checks about what is stored in a table, each a question to the warehouse.

Most are evaluated in one step below the load of their table. The tables of `CHECKED_IN_THEIR_RUNS`
evaluate theirs themselves.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

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
from assets.failing import failing_as
from assets.location import raw_key
from assets.metadata import rows_table, zoned_moment
from resources.backlog.backlog_resource import BacklogResource
from resources.warehouse.people.mask_stored_rows import shown_names
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.written_rows import all_there_before
from resources.warehouse.state.check_marks import forget_right, note_right, right_until
from resources.warehouse.warehouse_resource import WarehouseResource

#: Metadata of a check that judges rows: which it has looked at.
LOOKED_AT = "looked_at"
_WHICH_ROWS = (
    "Of issues, comments, changes and activities a load looks at the rows written since the check "
    "last held. The nightly rolling refresh, a run of checks alone, and a load a day after the "
    "last of these look at all rows."
)
#: Tables whose assets evaluate their checks themselves: those that record their partitions
#: themselves, below which Dagster starts no check, and the feed, which is read so often that a step
#: of its own would be dear. They are large, and their checks look only at what is new.
CHECKED_IN_THEIR_RUNS = ("issues", "comments", "issue_changes", "activities")


@dataclass(frozen=True)
class TableCheck:
    """One check of a table."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    applies: Callable[[TableSpec], bool]
    evaluate: Callable[[Connection, TableSpec, str, datetime | None], Verdict]
    """Its last argument: since when the rows were written that are looked at; None: all."""
    of_rows: bool = False
    """Whether rows are judged each by itself, so that those found right need no second look."""


TABLE_CHECKS = (
    TableCheck(
        "people_alike",
        "Names of people are plain in all rows, or masked with one key in all rows, "
        f"the same as in raw/users. {_WHICH_ROWS}",
        dg.AssetCheckSeverity.WARN,
        lambda spec: bool(shown_names(spec)),
        people_alike,
        of_rows=True,
    ),
    TableCheck(
        "keys_unique",
        "No two rows that are not deleted share the key that people see, such as the issue key. "
        f"{_WHICH_ROWS}",
        dg.AssetCheckSeverity.ERROR,
        lambda spec: spec.business_key is not None,
        keys_unique,
        of_rows=True,
    ),
    TableCheck(
        "references_resolve",
        "Every id of another table is found there; ids of people who left before the first "
        f"load are listed but allowed. {_WHICH_ROWS}",
        dg.AssetCheckSeverity.WARN,
        lambda spec: bool(spec.references),
        references_resolve,
        of_rows=True,
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
    *,
    whole: bool,
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the chosen checks of a table on the `whole` of it, or on what is new."""
    for check in checks_of(table):
        if dg.AssetCheckKey(raw_key(table), check.name) in chosen:
            yield check_result(engine, check, table, space_key, whole=whole)


def check_result(
    engine: Engine, check: TableCheck, table: str, space_key: str, *, whole: bool = True
) -> dg.AssetCheckResult:
    """Evaluate one check about one table, on the rows of one space.

    What holds is noted in the transaction of the look: one that is broken off is repeated.
    """
    metadata: dict[str, dg.MetadataValue] = {}
    with engine.begin() as connection:
        if check.of_rows and table in CHECKED_IN_THEIR_RUNS:
            verdict, since = _look(connection, check, table, space_key, whole=whole)
            rows = f"rows written since {zoned_moment(since)}" if since else "all rows"
            metadata[LOOKED_AT] = dg.MetadataValue.text(rows)
        else:
            verdict = check.evaluate(connection, SPECS[table], space_key, None)
    if verdict.rows:
        metadata["rows"] = rows_table(verdict.rows)
    return dg.AssetCheckResult(
        passed=verdict.holds,
        check_name=check.name,
        asset_key=raw_key(table),
        severity=check.severity,
        description=verdict.summary,
        metadata=metadata,
    )


def _look(
    connection: Connection, check: TableCheck, table: str, space_key: str, *, whole: bool
) -> tuple[Verdict, datetime | None]:
    """Evaluate a check on the rows that it has not found right yet, or on the `whole` table; return
    since when the rows were written, too, None: all.

    A fault stays among the rows that are looked at until it is gone: the mark of a check that does
    not hold stays where it is, and goes when all rows were looked at.
    """
    mark = space_key, table, check.name
    since = None if whole else right_until(connection, *mark)
    until = all_there_before(connection)
    verdict = check.evaluate(connection, SPECS[table], space_key, since)
    if verdict.holds:
        note_right(connection, *mark, since, until)
    elif since is None:
        forget_right(connection, *mark)
    return verdict, since


def _step(table: str) -> dg.AssetChecksDefinition:
    # One step for all checks of a table: each step costs Dagster a dozen events, and any check can
    # still be run alone.
    @dg.multi_asset_check(name=f"{table}_checks", specs=check_specs(table), can_subset=True)
    def checks(
        context: dg.AssetCheckExecutionContext,
        backlog: BacklogResource,
        warehouse: WarehouseResource,
    ) -> Iterator[dg.AssetCheckResult]:
        with failing_as(context, f"the checks of raw/{table}"):
            space_key = str(backlog.client.space_info()["spaceKey"])
            yield from check_results(
                warehouse.engine, table, space_key, context.selected_asset_check_keys, whole=True
            )

    return checks


CHECKS = [_step(table) for table in SPECS if table not in CHECKED_IN_THEIR_RUNS]

"""The nightly job that deletes old records of the program and of Dagster, and rotates the embedded
server's log.
"""

from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.dagster_internals import RETENTION, database_url
from assets.failing import failing_as
from pipelines.jobs import of_kind
from pipelines.living_runs import end_dead_runs
from resources.retention import WAREHOUSE, delete_old_rows
from resources.warehouse.server.connect import opened_engine
from resources.warehouse.server.embedded import tidy_log
from resources.warehouse.warehouse_resource import WarehouseResource


class HousekeepingConfig(dg.Config):
    """How long records are kept."""

    dagster_days: int = Field(
        default=30,
        ge=1,
        le=30,
        description="Days for which Dagster's events, checks, runs and "
        "backfills are kept, 30 at most.",
    )


@dg.op(
    out=dg.Out(dg.Nothing),
    description="Deletes old rows of ops and of Dagster's storage in batches. What was replicated "
    "stays, and so does the newest "
    "event of each partition and check, so that Dagster shows how things stand.",
)
def tidy_up(
    context: dg.OpExecutionContext, config: HousekeepingConfig, warehouse: WarehouseResource
) -> None:
    """Delete old rows, and record how many from which table."""
    end_dead_runs(context.instance)
    with failing_as(context, "housekeeping"):
        gone = dict(delete_old_rows(warehouse.engine, WAREHOUSE))
        if storage := database_url(context.instance):
            with opened_engine(storage) as database:
                gone |= delete_old_rows(database, RETENTION, config.dagster_days)
        if warehouse.home:
            tidy_log(Path(warehouse.home))
    context.add_output_metadata({table: rows for table, rows in gone.items() if rows})


@dg.job(
    name="housekeeping",
    description="Delete old records of the program's own work: syncs, webhooks, events and runs.",
    tags=of_kind("housekeeping"),
)
def housekeeping_job() -> None:
    """Tidy up."""
    tidy_up()

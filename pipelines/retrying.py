"""The job that loads failed partitions again, by a backfill of only those."""

import dagster as dg

from assets.checks.operation import failed_partitions
from assets.dagster_internals import request_backfill
from assets.failing import failing_as
from assets.issues import issues
from assets.partitions import accessible_partitions
from resources.backlog.backlog_resource import BacklogResource
from resources.warehouse.warehouse_resource import WarehouseResource

RETRY_JOB = "retry_failed_partitions"


@dg.op(
    description="Requests a backfill of the partitions of raw/issues, raw/comments and "
    "raw/issue_changes whose last load failed."
)
def request_failed_partitions(
    context: dg.OpExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> None:
    """Request one backfill of all failed partitions of projects; if there are none, log that.

    Raises:
        dg.Failure: the warehouse, which knows the projects, cannot be used.
    """
    with failing_as(context, RETRY_JOB):
        projects = accessible_partitions(context.instance, warehouse.engine, backlog.url)
    failed = failed_partitions(context.instance, projects)
    if not failed:
        context.log.info("no partition has a failed load")
        return
    backfill = request_backfill(context.instance, issues, failed, "failed partitions", {})
    context.log.info(
        f"backfill {backfill} loads {sum(map(len, failed.values()))} partitions again: "
        "Overview > Backfills shows it"
    )


@dg.job(
    name=RETRY_JOB, description="Load the failed partitions again, as a backfill of just those."
)
def retry_failed_partitions() -> None:
    """Request the backfill."""
    request_failed_partitions()

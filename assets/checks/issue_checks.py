"""All checks that `raw/issues` evaluates in its own runs.

A check apart would be planned in each of its runs and then skipped, since Dagster starts nothing
below an asset that records its partitions itself, and that would hide the last result.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import dagster as dg

from assets.checks.operation import (
    ALERTER_SPEC,
    FAILED_SPEC,
    FRESH_SPEC,
    alerter_is_alive,
    every_project_is_fresh,
    no_partition_left_failed,
)
from assets.checks.reconciliation import COUNTS_SPEC, issue_counts_match_source
from assets.checks.tables import check_results, check_specs
from assets.failing import failing_as, step_failure
from assets.partitions import ISSUE_TABLES, accessible_partitions
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.client import BacklogClient
from resources.problems.causes import Failure, KnownError
from resources.progress import Progress
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.counts import by_bucket

#: The checks that ask the source, the clock or Dagster, which the nightly count reconciliation
#: evaluates alone.
NIGHTLY_SPECS = [COUNTS_SPEC, FRESH_SPEC, FAILED_SPEC, ALERTER_SPEC]
ISSUE_SPECS = [*(spec for table in ISSUE_TABLES for spec in check_specs(table)), *NIGHTLY_SPECS]


def issue_check_results(
    context: dg.AssetExecutionContext,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: Progress,
    *,
    counted: Collection[str] | None,
    whole: bool,
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the chosen checks. A check that cannot be evaluated does not keep the others from
    it.

    Args:
        context: the step of `raw/issues`.
        backlog: the source.
        warehouse: the warehouse.
        progress: gets what the checks cost.
        counted: keys of the projects that are counted, None: all that are visible.
        whole: whether checks that judge rows look at all, not only at what is new.

    Raises:
        dagster.Failure: what the source or the warehouse has refused, after all were tried.
    """
    chosen, client, engine = context.selected_asset_check_keys, backlog.client, warehouse.engine
    with failing_as(context, "the checks of raw/issues"):
        with _reporting_costs("checks", client, progress):
            space_key = str(client.space_info()["spaceKey"])
        for table in ISSUE_TABLES:
            yield from check_results(engine, table, space_key, chosen, whole=whole)
        if FAILED_SPEC.key in chosen:
            yield no_partition_left_failed(
                context.instance, accessible_partitions(context.instance, engine, backlog.url)
            )
        if ALERTER_SPEC.key in chosen:
            yield alerter_is_alive(engine, backlog.url)
    asking: dict[str, Callable[[], dg.AssetCheckResult]] = {
        COUNTS_SPEC.name: lambda: issue_counts_match_source(client, engine, counted),
        FRESH_SPEC.name: lambda: every_project_is_fresh(client, engine),
    }
    failures = []
    for spec in (COUNTS_SPEC, FRESH_SPEC):
        if spec.key not in chosen:
            continue
        try:
            with _reporting_costs(spec.name, client, progress):
                result = asking[spec.name]()
        except KnownError as error:
            failures.append(Failure.of(error, spec.name))
        else:
            yield result
    if failed := Failure.together(failures):
        raise step_failure(context, failed)


@contextmanager
def _reporting_costs(check: str, client: BacklogClient, progress: Progress) -> Iterator[None]:
    """Report to the progress which requests a check has made."""
    before = client.stats.snapshot()
    try:
        yield
    finally:
        progress.done(check, {}, by_bucket(client.stats - before))

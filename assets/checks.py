"""Asset checks that are evaluated apart from the load of their table, below it in the same run."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from assets.table_checks import check_results, check_specs
from resources.backlog.errors import BacklogError
from resources.backlog.resource import BacklogResource
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import SPECS

#: Tables whose assets evaluate their checks themselves: those that record their partitions themselves, below which Dagster starts
#: no check, and the feed, which is read so often that steps of their own would be dear.
CHECKED_IN_THEIR_RUNS = ("issues", "comments", "issue_changes", "activities")


def _checks(table: str) -> dg.AssetChecksDefinition:
    # One step for all checks of a table: each step costs Dagster a dozen events, and any check can still be run alone.
    @dg.multi_asset_check(name=f"{table}_checks", specs=check_specs(table), can_subset=True)
    def checks(
        context: dg.AssetCheckExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        with _failing_in_one_line(f"the checks of raw/{table}"):
            space_key = str(backlog.client.space_info()["spaceKey"])
            yield from check_results(warehouse.engine, table, space_key, context.selected_asset_check_keys, {})

    return checks


@contextmanager
def _failing_in_one_line(what: str) -> Iterator[None]:
    """Turn what the source or the warehouse refuses into a failure that says so in one line."""
    try:
        yield
    except (BacklogError, WarehouseError) as error:
        raise dg.Failure(f"{what}: {error}", allow_retries=False) from None


CHECKS = [_checks(table) for table in SPECS if table not in CHECKED_IN_THEIR_RUNS]

"""Asset checks that are evaluated apart from the load of their table, below it in the same run.

Add here: a check of a table that records its loads as Dagster does it. Keep out: claims (`claims.py`, `census_checks.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from assets.claims import CLAIMS, Claim, check_result, claims_of
from resources.backlog.errors import BacklogError
from resources.backlog.resource import BacklogResource
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import SPECS

#: Tables whose assets evaluate their claims themselves: those that record their partitions themselves, below which Dagster starts
#: no check, and the feed, which is read so often that steps of their own would be dear.
CHECKED_IN_THEIR_RUNS = ("issues", "comments", "issue_changes", "activities")


def _check(claim: Claim, table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=dg.AssetKey(["raw", table]), name=claim.name, description=claim.description)
    def check(backlog: BacklogResource, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with _failing_in_one_line(f"{table}, {claim.name}"):
            return check_result(warehouse.engine, claim, table, str(backlog.client.space_info()["spaceKey"]))

    return check


@contextmanager
def _failing_in_one_line(check: str) -> Iterator[None]:
    """Turn what the source or the warehouse refuses into a failure of the check that says so in one line."""
    try:
        yield
    except (BacklogError, WarehouseError) as error:
        raise dg.Failure(f"{check}: {error}", allow_retries=False) from None


CHECKS = [
    _check(claim, table) for table in SPECS if table not in CHECKED_IN_THEIR_RUNS for claim in CLAIMS if claim in claims_of(table)
]

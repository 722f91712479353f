"""The space itself: one row."""

import dagster as dg

from assets.declaration import raw_asset
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from sync.listings import whole_table_result
from sync.session import in_history, table_load


@raw_asset(
    "space",
    description="One row: the space, its owner, language and time zone (the zone in which Backlog reads date-only values). "
    "Source: `GET /space`.",
)
def space(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read the space."""
    with table_load(context, "space", backlog, warehouse, progress) as load, in_history(load, "full"):
        load.store([load.space])
    return whole_table_result(load)

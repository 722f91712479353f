"""The space itself: one row.

Add here: what is known of the space as a whole. Keep out: its people and projects.
"""

import dagster as dg

from assets.raw.declaration import raw_asset
from assets.raw.listings import whole_table_result
from assets.raw.table_load import in_history, table_load
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource


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

"""The space itself: one row."""

import dagster as dg

from assets.declaration import raw_asset
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from sync.listings import sync_space


@raw_asset(
    "space",
    description="One row: the space, its owner, language and time zone (the zone in which Backlog reads date-only values). "
    "Source: `GET /space`.",
)
def space(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read the space."""
    with open_load(context, "space", backlog, warehouse, progress) as session:
        sync_space(session)
    return whole_table(session)

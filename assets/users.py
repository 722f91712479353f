"""The people of the space."""

import dagster as dg

from assets.declaration import raw_asset
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from sync.listings import sync_users


@raw_asset(
    "users",
    description="One row per user. Source: `GET /users`, which only administrators and project administrators may read; with "
    "another key the table holds the union of the members of all visible projects, and the metadata "
    "entry `source_of_users` says so.",
)
def users(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read all users, or all members where the list of users is refused."""
    with open_load(context, "users", backlog, warehouse, progress) as session:
        sync_users(session)
    return whole_table(session)

"""The people of the space."""

import dagster as dg

from assets.declaration import raw_asset
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from sync.listings import load_whole_or_seen, whole_table_result
from sync.session import table_load


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
    with table_load(context, "users", backlog, warehouse, progress) as load:
        load_whole_or_seen(load, load.client.users, load.client.project_users, "members")
    return whole_table_result(load)

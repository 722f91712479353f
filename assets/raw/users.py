"""The people of the space.

Add here: what is known of people. Keep out: who is in which project (`projects.py`).
"""

import dagster as dg

from assets.raw.declaration import raw_asset
from assets.raw.listings import whole_table_result
from assets.raw.table_load import TableLoad, in_history, table_load
from resources.backlog.errors import PermissionDenied
from resources.backlog.models import Record
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource


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
    with table_load(context, "users", backlog, warehouse, progress) as load, in_history(load, "full"):
        try:
            load.store_listing(load.client.users())
            load.notes["source_of_users"] = "GET /users: all users of the space"
        except PermissionDenied as error:
            context.log.warning(f"{error} Using the members of all visible projects instead.")
            load.notes["source_of_users"] = "members of all visible projects: the API key may not list users"
            # Not a whole listing: who is in no visible project may still be a user, so nobody is marked deleted.
            members = _members_of_all_projects(load)
            load.store(members, lambda connection, _result: load.note_names(connection, members))
    return whole_table_result(load)


def _members_of_all_projects(load: TableLoad) -> list[Record]:
    members = {
        int(user["id"]): user
        for project in load.client.visible_projects()
        for user in load.client.project_users(project["projectKey"])
    }
    return list(members.values())

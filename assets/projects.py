"""Projects, who works in them, and teams."""

import dagster as dg

from assets.declaration import raw_asset
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.client import BacklogClient
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from sync.listings import sync_list_of_each_project, sync_teams
from sync.projects import sync_projects


@raw_asset(
    "projects",
    description="One row per project that the API key can see or once could, archived ones included. Source: `GET /projects`.\n\n"
    "A project that is no longer listed is either **deleted**, as an administrator's key can tell: then it and all its rows in "
    "every table are marked; or **out of sight**: then its row gets a `deleted_reason` that begins with `no access`, but no "
    "`deleted_at`, and everything else of it stays as it is until it is seen again, when it is read whole.",
)
def projects(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read all visible projects, and acknowledge what became of those that are not visible any more."""
    with open_load(context, "projects", backlog, warehouse, progress) as session:
        sync_projects(session)
    return whole_table(session)


@raw_asset(
    "project_members",
    description="One row per project and member, members by way of a team included. A membership that is no longer listed is "
    "marked deleted; those of a project that is out of sight stay as they are. Source: `GET /projects/:id/users`.",
    deps=["raw/projects"],
)
def project_members(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read the members of each project."""
    with open_load(context, "project_members", backlog, warehouse, progress) as session:
        sync_list_of_each_project(session, BacklogClient.project_users)
    return whole_table(session)


@raw_asset(
    "teams",
    description="One row per team with the ids of its members. Source: `GET /teams`, which only administrators and project "
    "administrators may read: read whole, and a team that is no longer listed is marked deleted. With another key the table holds "
    "the union of the teams of all visible projects, and the metadata entry `source_of_teams` says so.",
)
def teams(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read all teams, page by page, or those of the projects where the list of teams is refused."""
    with open_load(context, "teams", backlog, warehouse, progress) as session:
        sync_teams(session)
    return whole_table(session)

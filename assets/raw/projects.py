"""Projects, who works in them, and teams.

Add here: tables about who may see what. Keep out: the master data of a project (`masters.py`).
"""

from typing import Any

import dagster as dg

from assets.raw.declaration import raw_asset
from assets.raw.listings import load_each_project, load_whole, whole_table_result
from assets.raw.table_load import table_load
from resources.backlog.client import BacklogClient
from resources.backlog.models import Record
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse import state
from resources.warehouse.resource import WarehouseResource


def note_project_keys(backlog: BacklogResource, warehouse: WarehouseResource) -> list[Record]:
    """Return the projects that the key can see, archived ones included, and note their keys in `ops.project_keys`.

    A renamed project keeps its old keys there, so that its old partitions still mean the same project.
    """
    projects = backlog.client.visible_projects()
    keys = {str(project["projectKey"]): int(project["id"]) for project in projects}
    with warehouse.engine.begin() as connection:
        state.record_project_keys(connection, backlog.client.space_info()["spaceKey"], keys)
    return projects


@raw_asset(
    "projects",
    description="One row per project that the API key can see, archived ones included. A project that is out of sight is marked "
    "`deleted_at` with the reason `not visible`: it was deleted, or the key has lost access. Source: `GET /projects`.",
)
def projects(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read all visible projects."""
    with table_load(context, "projects", backlog, warehouse, progress) as load:
        load_whole(load, lambda: note_project_keys(backlog, warehouse), reason="not visible: deleted, or the key has lost access")
    return whole_table_result(load)


@raw_asset(
    "project_members",
    description="One row per project and member, members by way of a team included. A membership that is no longer listed is "
    "marked deleted. Source: `GET /projects/:id/users`.",
    deps=["raw/projects"],
)
def project_members(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read the members of each project."""
    with table_load(context, "project_members", backlog, warehouse, progress) as load:
        load_each_project(load, _members)
    return whole_table_result(load)


def _members(client: BacklogClient, project_key: str) -> list[dict[str, Any]]:
    return client.project_users(project_key)


@raw_asset(
    "teams",
    description="One row per team with the ids of its members. Source: `GET /teams`. Read whole; a team that is no longer listed "
    "is marked deleted.",
)
def teams(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read all teams, page by page."""
    with table_load(context, "teams", backlog, warehouse, progress) as load:
        load_whole(load, lambda: [team for page in load.client.teams() for team in page])
    return whole_table_result(load)

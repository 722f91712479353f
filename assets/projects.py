"""Projects, who works in them, and teams."""

from typing import Any

import dagster as dg

from assets.declaration import raw_asset
from resources.backlog.client import BacklogClient
from resources.backlog.errors import IncompleteScan
from resources.backlog.paging import PAGE_SIZE
from resources.backlog.resource import BacklogResource
from resources.odd import Page
from resources.progress import Progress
from resources.warehouse import state
from resources.warehouse.inaccessible import note_seen
from resources.warehouse.quarantine import resolve_unlisted
from resources.warehouse.resource import WarehouseResource
from sync.inaccessible import acknowledge_unseen
from sync.listings import load_each_project, load_whole_or_seen, whole_table_result
from sync.session import in_history, table_load

#: Reads of a list that takes several pages, at most; two that agree are enough.
PASSES = 4


def note_project_keys(backlog: BacklogResource, warehouse: WarehouseResource) -> Page:
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
    description="One row per project that the API key can see or once could, archived ones included. Source: `GET /projects`.\n\n"
    "A project that is no longer listed is either **deleted**, as an administrator's key can tell: then it and all its rows in "
    "every table are marked; or **out of sight**: then its row gets a `deleted_reason` that begins with `no access`, but no "
    "`deleted_at`, and everything else of it stays as it is until it is seen again, when it is read whole.",
)
def projects(
    context: dg.AssetExecutionContext, backlog: BacklogResource, warehouse: WarehouseResource, progress: dg.ResourceParam[Progress]
) -> "dg.MaterializeResult[None]":
    """Read all visible projects, and acknowledge what became of those that are not visible any more."""
    with table_load(context, "projects", backlog, warehouse, progress) as load, in_history(load, "full"):
        listed = note_project_keys(backlog, warehouse)
        with load.writing() as connection:
            # Before the merge, which takes the reason away from a row that has changed meanwhile.
            ids = [int(project["id"]) for project in listed]
            back = note_seen(connection, ids, space_key=load.space_key, run_id=context.run.run_id)
            result = load.merge(connection, listed, {})
            load.note_names(connection, listed)
            # A record without a key may be any project, so that nothing is known to be missing.
            if not result.nameless:
                known = [(project,) for project in result.present_ids]
                resolve_unlisted(connection, load.spec, load.space_key, known, project_id=None)
        load.count(result)
        if back:
            load.notes["projects_accessible_again"] = ", ".join(str(one["projectKey"]) for one in listed if one["id"] in back)
        if not result.nameless:
            acknowledge_unseen(load, result.present_ids)
    return whole_table_result(load)


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
    with table_load(context, "project_members", backlog, warehouse, progress) as load:
        load_each_project(load, _members)
    return whole_table_result(load)


def _members(client: BacklogClient, project_key: str) -> list[dict[str, Any]]:
    return client.project_users(project_key)


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
    with table_load(context, "teams", backlog, warehouse, progress) as load:
        load_whole_or_seen(load, lambda: _all_teams(load.client), load.client.project_teams, "teams")
    return whole_table_result(load)


def _all_teams(client: BacklogClient) -> Page:
    """Read all teams; more than a page of them until two reads list the same, since a page can slip while others are read.

    Raises:
        IncompleteScan: the list has changed during each read.
    """
    before: list[object] | None = None
    for _ in range(PASSES):
        pages = list(client.teams())
        listed = Page((team for page in pages for team in page), (odd for page in pages for odd in page.odd))
        ids = [team["id"] for team in listed]
        if listed.received < PAGE_SIZE or ids == before:
            return listed
        before = ids
    raise IncompleteScan(f"GET /teams: the list was another one at each of {PASSES} reads; load again when it is quiet")

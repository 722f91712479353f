"""Master data: what issues refer to by id, project by project or for the whole space.

Each list is read whole and compared whole: none has a time of change, and a row that is no longer listed is marked deleted.
"""

from collections.abc import Callable

import dagster as dg

from assets.declaration import raw_asset
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.client import BacklogClient
from resources.backlog.models import Record
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from sync.listings import sync_list, sync_list_of_each_project

ByProject = Callable[[BacklogClient, str], list[Record]]
OfSpace = Callable[[BacklogClient], list[Record]]


def _project_master(table: str, read: ByProject, description: str) -> dg.AssetsDefinition:
    @raw_asset(table, description=description, deps=["raw/projects"])
    def master(
        context: dg.AssetExecutionContext,
        backlog: BacklogResource,
        warehouse: WarehouseResource,
        progress: dg.ResourceParam[Progress],
    ) -> "dg.MaterializeResult[None]":
        with open_load(context, table, backlog, warehouse, progress) as session:
            sync_list_of_each_project(session, read)
        return whole_table(session)

    return master


def _space_master(table: str, read: OfSpace, description: str) -> dg.AssetsDefinition:
    @raw_asset(table, description=description)
    def master(
        context: dg.AssetExecutionContext,
        backlog: BacklogResource,
        warehouse: WarehouseResource,
        progress: dg.ResourceParam[Progress],
    ) -> "dg.MaterializeResult[None]":
        with open_load(context, table, backlog, warehouse, progress) as session:
            sync_list(session, read)
        return whole_table(session)

    return master


WHOLE = "Read whole; a row that is no longer listed is marked deleted."

statuses = _project_master(
    "statuses",
    BacklogClient.statuses,
    "One row per project and status. Ids 1 to 4 are the built-in ones **in every project**, so join on project and id. "
    f"Source: `GET /projects/:id/statuses`. {WHOLE}",
)
issue_types = _project_master(
    "issue_types",
    BacklogClient.issue_types,
    f"One row per issue type, with its templates. Source: `GET /projects/:id/issueTypes`. {WHOLE}",
)
categories = _project_master(
    "categories", BacklogClient.categories, f"One row per category. Source: `GET /projects/:id/categories`. {WHOLE}"
)
versions = _project_master(
    "versions",
    BacklogClient.versions,
    "One row per version. The same list serves milestones: `raw.issues.milestone_ids` and `version_ids` both point here. "
    f"Source: `GET /projects/:id/versions`. {WHOLE}",
)
custom_fields = _project_master(
    "custom_fields",
    BacklogClient.custom_fields,
    "One row per custom field; the ids of list items are small numbers local to one field. A space whose plan has no custom "
    f"fields keeps the rows it has. Source: `GET /projects/:id/customFields`. {WHOLE}",
)
priorities = _space_master(
    "priorities", BacklogClient.priorities, f"One row per priority, space-wide. Source: `GET /priorities`. {WHOLE}"
)
resolutions = _space_master(
    "resolutions",
    BacklogClient.resolutions,
    f"One row per resolution, space-wide; 0 is a valid id. Source: `GET /resolutions`. {WHOLE}",
)

MASTERS = [statuses, issue_types, categories, versions, custom_fields, priorities, resolutions]

"""The tables that are read whole, one line of the source's list a row; `sync/listings.py` says how
each is read.

None has a time of change, so each list is read whole and compared whole.
"""

from collections.abc import Sequence

import dagster as dg

from assets.declaration import raw_asset
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.backlog_resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.listings import sync_listing

AFTER_PROJECTS = ["raw/projects"]
WHOLE = "Read whole; a row that is no longer listed is marked deleted."


def _listing(table: str, description: str, deps: Sequence[str] = ()) -> dg.AssetsDefinition:
    @raw_asset(table, description=description, deps=deps)
    def listing(
        context: dg.AssetExecutionContext,
        backlog: BacklogResource,
        warehouse: WarehouseResource,
        progress: dg.ResourceParam[Progress],
    ) -> "dg.MaterializeResult[None]":
        with open_load(context, table, backlog, warehouse, progress) as session:
            sync_listing(session)
        return whole_table(session)

    return listing


LISTINGS = [
    _listing(
        "space",
        "One row: the space, its owner, language and time zone (the zone in which Backlog "
        "reads date-only values). "
        "Source: `GET /space`.",
    ),
    _listing(
        "users",
        "One row per user. Source: `GET /users`, which only administrators and project "
        "administrators may read; with "
        "another key the table holds the union of the members of all visible "
        "projects, and the metadata "
        "entry `source_of_users` says so.",
    ),
    _listing(
        "projects",
        "One row per project that the API key can see or once could, archived ones included. "
        "Source: `GET /projects`.\n\n"
        "A project that is no longer listed is either **deleted**, as an administrator's key "
        "shows: then it and all its rows in "
        "every table are marked; or **inaccessible**: then its row gets a `deleted_reason` that "
        "begins with `no access`, but no "
        "`deleted_at`, and everything else of it stays as it is until it is listed "
        "again, when it is read whole.",
    ),
    _listing(
        "project_members",
        "One row per project and member, members by way of a team included. A membership "
        "that is no longer listed is "
        "marked deleted; those of an inaccessible project stay as they are. Source: "
        "`GET /projects/:id/users`.",
        AFTER_PROJECTS,
    ),
    _listing(
        "teams",
        "One row per team with the ids of its members. Source: `GET /teams`, which only "
        "administrators and project "
        "administrators may read: read whole, and a team that is no longer listed is marked "
        "deleted. With another key the table "
        "holds the union of the teams of all visible projects, and the metadata entry "
        "`source_of_teams` says so.",
    ),
    _listing(
        "statuses",
        "One row per project and status. Ids 1 to 4 are the built-in ones **in every project**, "
        "so join on project and id. "
        f"Source: `GET /projects/:id/statuses`. {WHOLE}",
        AFTER_PROJECTS,
    ),
    _listing(
        "issue_types",
        "One row per issue type, with its templates. Source: `GET "
        f"/projects/:id/issueTypes`. {WHOLE}",
        AFTER_PROJECTS,
    ),
    _listing(
        "categories",
        f"One row per category. Source: `GET /projects/:id/categories`. {WHOLE}",
        AFTER_PROJECTS,
    ),
    _listing(
        "versions",
        "One row per version. The same list serves milestones: `raw.issues.milestone_ids` and "
        "`version_ids` both point here. "
        f"Source: `GET /projects/:id/versions`. {WHOLE}",
        AFTER_PROJECTS,
    ),
    _listing(
        "custom_fields",
        "One row per custom field; the ids of list items are small numbers local to one field. A "
        "space whose plan has no custom "
        f"fields keeps the rows it has. Source: `GET /projects/:id/customFields`. {WHOLE}",
        AFTER_PROJECTS,
    ),
    _listing(
        "priorities",
        f"One row per priority, space-wide. Source: `GET /priorities`. {WHOLE}",
    ),
    _listing(
        "resolutions",
        f"One row per resolution, space-wide; 0 is a valid id. Source: `GET /resolutions`. {WHOLE}",
    ),
]

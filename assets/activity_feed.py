"""The activity feed: what happened in the space, kept for good."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets.checks.tables import check_results, check_specs
from assets.data_versions import FEED
from assets.declaration import raw_asset
from assets.failing import failing_as
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.backlog_resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.activities import sync_activities
from sync.modes import Mode


class ActivitiesConfig(dg.Config):
    """How far back the feed is read again."""

    mode: Mode = Field(
        default="incremental",
        description="refresh: read the last three days again. Everything else: what is new, with a "
        "quarter of an hour of overlap.",
    )
    again_from: int | None = Field(
        default=None,
        description="Id of an activity: read from it on again, also when that is farther "
        "back. The sensor has seen it.",
    )


@raw_asset(
    "activities",
    description="One row per activity: who did what, when. Source: `GET "
    "/space/activities`. The first "
    "load reads the newest page, "
    "and, once the issues are there, back to the beginning (of what the source has kept). Later "
    "ones go forward from the last "
    "known id, with an overlap for rows that become visible late; a project that the key joins "
    "later is read back by its own feed. "
    "Rows that the source trims stay. When the feed no longer holds what came after the last "
    "load, `load/retention_gap` and a "
    "warning say so, and the comments of every issue are asked for once more.\n\nEach new "
    "activity says which issues and comments "
    "the loads of `raw/issues` and `raw/comments` read.",
    deps=["raw/projects"],
    # Evaluated here, not in steps of their own: a run for single issues comes every half minute.
    check_specs=check_specs("activities"),
)
def activities(
    context: dg.AssetExecutionContext,
    config: ActivitiesConfig,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: dg.ResourceParam[Progress],
) -> Iterator["dg.MaterializeResult[None]"]:
    """Read what is new in the feed, and everything before it once the issues are there."""
    refresh = config.mode == "refresh"
    mode = "refresh" if refresh else "incremental"
    with failing_as(context, "activities"):
        with open_load(context, "activities", backlog, warehouse, progress, mode=mode) as session:
            sync_activities(
                session, refresh=refresh, again_from=config.again_from, issues_first=True
            )
        checks = check_results(
            warehouse.engine,
            "activities",
            session.space_key,
            context.selected_asset_check_keys,
            whole=refresh,
        )
        yield whole_table(session, checks, FEED)

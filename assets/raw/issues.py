"""Issues, partitioned by project and month of last change, in two modes with one code path.

Add here: what the asset `raw/issues` promises. Keep out: how a window is read and stored (`issue_windows.py`).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import dagster as dg
from pydantic import Field

from assets.claims import check_results, check_specs
from assets.partitions import PROJECT_MONTHS, slices
from assets.raw.declaration import raw_asset
from assets.raw.issue_scope import SCOPE
from assets.raw.issue_windows import load_changes, load_windows
from assets.raw.table_load import table_load
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.state import get_watermarks


class IssuesConfig(dg.Config):
    """How a run reads its partitions."""

    mode: Literal["backfill", "incremental"] = Field(
        default="backfill",
        description="backfill: read the partitions again whole. incremental: read what changed since the watermarks.",
    )


@raw_asset(
    "issues",
    description="One row per issue. Source: `GET /issues`. A partition holds the issues of one project whose last change falls "
    "in one month; the first month also holds everything older. So a past partition only shrinks, as its issues move on.\n\n"
    "**Backfill** (the default, and what the UI launches): reads the chosen partitions again whole, finds rows that the source "
    "no longer has, asks for each of them by id, and marks those that are really gone.\n\n**Incremental** (the schedule): reads "
    "what changed since the watermark of each project, newest first, in one pass over all projects; then compares the number of "
    "issues with the source, and finds what was deleted where they differ.\n\n"
    "Of the figures of a partition, rows are its own; requests, waits and duration are those of the pass that read it "
    "together with others, so do not add them up: the observation of each run has the sum.\n\n"
    "Known gap: a change that moves no `updated` (a comment, a star, a linked file) is seen by the next backfill.",
    deps=["raw/projects"],
    partitions_def=PROJECT_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    # Partitions are recorded one by one as they are committed, so that a run that fails half-way keeps what it has done.
    output_required=False,
    check_specs=check_specs("issues"),
)
def issues(
    context: dg.AssetExecutionContext,
    config: IssuesConfig,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.AssetCheckResult]:
    """Read the partitions of the run, whatever its shape."""
    with table_load(context, "issues", backlog, warehouse, progress) as load:
        if config.mode == "incremental":
            load_changes(load, slices(context))
        else:
            load_windows(load, slices(context))
    yield from check_results(load.engine, "issues", load.space_key)


def oldest_watermark(backlog: BacklogResource, warehouse: WarehouseResource) -> datetime | None:
    """Return the watermark of the project that is furthest behind, None while a visible project has none.

    Raises:
        BacklogError: the projects cannot be read.
        WarehouseError: the watermarks cannot be read.
    """
    complete = complete_projects(backlog, warehouse)
    return min(complete.values()) if complete and len(complete) == len(backlog.client.visible_projects()) else None


def complete_projects(backlog: BacklogResource, warehouse: WarehouseResource) -> dict[str, datetime]:
    """Return the keys of the visible projects that were once read whole, each with its watermark.

    Raises:
        BacklogError: the projects cannot be read.
        WarehouseError: the watermarks cannot be read.
    """
    space_key = str(backlog.client.space_info()["spaceKey"])
    with warehouse.engine.connect() as connection:
        watermarks = get_watermarks(connection, space_key, SCOPE)
    keys = {int(project["id"]): str(project["projectKey"]) for project in backlog.client.visible_projects()}
    return {key: watermarks[project] for project, key in keys.items() if project in watermarks}

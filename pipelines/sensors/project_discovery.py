"""The sensor `project_discovery`: adds the partitions of new and renamed projects, and removes keys
that are not a project's.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import dagster as dg

from assets.dagster_internals import backfill_is_active
from assets.location import raw_key
from assets.partitions import ISSUE_TABLES, PROJECTS, covered_by, projects_between
from pipelines.living_runs import ACTIVE
from pipelines.sensors.failing_ticks import looking_at
from resources.backlog.backlog_resource import BacklogResource
from resources.cadences import PROJECT_DISCOVERY
from resources.warehouse.state import sync_state
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.projects import note_project_keys


def new_project_keys(known: Sequence[str], projects: Iterable[dict[str, Any]]) -> list[str]:
    """Return the keys of `projects` that are no partition yet, in the order of the listing.

    A project that is archived, renamed or inaccessible keeps its partitions and their history.
    """
    seen = set(known)
    return [str(project["projectKey"]) for project in projects if project["projectKey"] not in seen]


def remove_unknown_keys(instance: dg.DagsterInstance, noted: Collection[str]) -> list[str]:
    """Remove the partition keys that are no project, and return them: somebody has typed them into
    Dagster's dialog.

    A key stays while a run covers it or any backfill is at work, and for good when something was
    ever loaded under it: then it was a project of another warehouse. Dagster keeps a count of
    failed partitions, which is made anew without the removed ones.

    Args:
        instance: where the partitions are kept.
        noted: all keys that projects have or had; where there are none nothing is removed.
    """
    keys = instance.get_dynamic_partitions(str(PROJECTS.name))
    unknown = [key for key in keys if key not in noted] if noted else []
    if not unknown or backfill_is_active(instance):
        return []
    tables = [raw_key(table) for table in ISSUE_TABLES]
    kept = {
        key
        for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE))
        for key in projects_between(covered_by(run), keys)
    }
    kept |= {
        partition.rsplit("|", 1)[0]
        for table in tables
        for partition in instance.get_materialized_partitions(table)
    }
    removed = [key for key in unknown if key not in kept]
    for key in removed:
        instance.delete_dynamic_partition(str(PROJECTS.name), key)
    if removed:
        instance.wipe_asset_cached_status(tables)
    return removed


@dg.sensor(
    minimum_interval_seconds=PROJECT_DISCOVERY.seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for each project that the key can see; a "
    "renamed project gets a second "
    "key. Removes a partition "
    "key that was never a project's when no run is at work on it; the keys of projects stay.",
)
def project_discovery(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Add the partitions of new and renamed projects, note the keys, and remove keys that are no
    project.

    A warehouse in which no key was noted before does not know the keys that projects had: this look
    removes nothing.
    """
    backlog.use_short_timeouts()
    with looking_at("the list of projects"):
        space_key = str(backlog.client.space_info()["spaceKey"])
        with warehouse.engine.connect() as connection:
            noted = sync_state.noted_project_keys(connection, space_key)
        projects = note_project_keys(backlog.client, warehouse.engine)
    if noted:
        noted.update(str(project["projectKey"]) for project in projects)
    removed = remove_unknown_keys(context.instance, noted)
    said = f"removed {', '.join(removed)}: no project has or had that key" if removed else None
    new = new_project_keys(context.instance.get_dynamic_partitions(str(PROJECTS.name)), projects)
    if not new:
        return dg.SkipReason(
            said or f"no new project among the {len(projects)} that the key can see"
        )
    return dg.SensorResult(
        dynamic_partitions_requests=[PROJECTS.build_add_request(new)], skip_reason=said
    )

"""Sensors: what starts because something happened, each a pure function and a thin shell.

Add here: a reaction to a change at the source. Keep out: what runs by the clock (`schedules.py`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from assets.partitions import PROJECTS
from assets.raw.projects import note_project_keys
from resources.backlog.errors import BacklogError
from resources.backlog.resource import BacklogResource
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource

#: A new project is seen within a quarter of an hour, at two requests a look.
DISCOVERY_SECONDS = 900


def new_project_keys(known: Sequence[str], projects: Iterable[dict[str, Any]]) -> list[str]:
    """Return the keys of `projects` that are no partition yet, in the order of the listing.

    Only additions: a project that is archived, renamed or out of sight keeps its partitions and their history.
    """
    seen = set(known)
    return [str(project["projectKey"]) for project in projects if project["projectKey"] not in seen]


@dg.sensor(
    minimum_interval_seconds=DISCOVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for each project that the key can see; never deletes one. A renamed project gets a second key.",
)
def project_discovery(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Add the partitions of new and renamed projects and note the keys, so that old keys keep their meaning."""
    backlog.hurry()
    try:
        projects = note_project_keys(backlog, warehouse)
    except (BacklogError, WarehouseError) as error:
        return dg.SkipReason(f"partitions left as they are: {error}")
    new = new_project_keys(context.instance.get_dynamic_partitions(str(PROJECTS.name)), projects)
    if not new:
        return dg.SkipReason(f"no new project among the {len(projects)} that the key can see")
    return dg.SensorResult(dynamic_partitions_requests=[PROJECTS.build_add_request(new)])


SENSORS = [project_discovery]

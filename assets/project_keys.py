"""Which keys of the dimension `project` are projects: Dagster's dialog "Add a partition" takes any text.

A key is a project when `ops.project_keys` has it for the space, or for any space while none is known at the URL. While that table
is empty, as in a new warehouse, every key counts.
"""

from collections.abc import Collection, Iterable

import dagster as dg
from sqlalchemy import Engine

from assets.partitions import PROJECTS
from resources.backlog.client import BacklogClient
from resources.warehouse import state
from resources.warehouse.sync_log import space_at


def project_partitions(instance: dg.DagsterInstance, engine: Engine, url: str) -> list[str]:
    """Return the keys of the dimension `project` that are projects of the space at `url`, in the order in which they were added.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    keys = instance.get_dynamic_partitions(str(PROJECTS.name))
    unknown = unknown_keys(keys, engine, url)
    return [key for key in keys if key not in unknown]


def unknown_keys(keys: Iterable[str], engine: Engine, url: str) -> set[str]:
    """Return those of some keys that no project of the space at `url` has or had; none where no project was listed yet.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    space = space_at(engine, url)
    with engine.connect() as connection:
        noted = state.noted_project_keys(connection, space)
    return set(keys) - noted if noted else set()


def refusal(keys: Collection[str], client: BacklogClient, engine: Engine, url: str, *, every: bool) -> str | None:
    """Return why a run over these keys must not begin, None when it may; the source is asked only about a key that is not noted.

    Args:
        keys: keys of the dimension `project` that the run covers.
        client: lists the projects, since a new one may not be noted yet.
        engine: the warehouse.
        url: the root of the space.
        every: refuse only when none of the keys is a project.

    Raises:
        BacklogError: the projects cannot be listed.
        WarehouseError: the warehouse cannot be used.
    """
    unknown = unknown_keys(keys, engine, url)
    if unknown:
        unknown -= {str(project["projectKey"]) for project in client.visible_projects()}
    if not unknown or (every and len(unknown) < len(set(keys))):
        return None
    return (
        f"no project has or had the key {', '.join(sorted(unknown))}: nothing was loaded. Choose the partitions of projects only; "
        "the sensor project_discovery removes a key that is no project within a quarter of an hour"
    )

"""Partitions of issues: the key of one, the corners of a range, and the projects that they belong
to.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Engine

from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.warehouse.state.sync_state import lost_project_keys, noted_project_keys


def partition_key(project_key: str, month: str) -> str:
    """Return the key of one partition; the dimensions stand in the order of their names."""
    return f"{project_key}|{month}"


def range_tags(projects: Sequence[str], months: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run from the first project and month to the last of both."""
    return {
        RANGE_START_TAG: partition_key(projects[0], months[0]),
        RANGE_END_TAG: partition_key(projects[-1], months[-1]),
    }


# Dagster's dialog "Add a partition" takes any text. A key is a project when `ops.project_keys` has
# it for the space, or for any space while none is known at the URL. While that table is empty, as
# in a new warehouse, every key counts.


def unknown_keys(engine: Engine, space_key: str | None, keys: Iterable[str]) -> set[str]:
    """Return those of some keys that no project of the space has or had.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    with engine.connect() as connection:
        noted = noted_project_keys(connection, space_key)
    return set(keys) - noted if noted else set()


def accessible_keys(engine: Engine, space_key: str | None, keys: Sequence[str]) -> list[str]:
    """Return those of some keys whose project was there when projects were listed last.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    left_out = unknown_keys(engine, space_key, keys) | lost_keys(engine, space_key)
    return [key for key in keys if key not in left_out]


def lost_keys(engine: Engine, space_key: str | None) -> set[str]:
    """Return the keys of projects that were deleted or became inaccessible.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    with engine.connect() as connection:
        return lost_project_keys(connection, space_key)

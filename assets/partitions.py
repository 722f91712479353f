"""Partitions: which projects, which months, and what a run was asked to cover;
`sync/month_windows.py` says what a month holds.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import dagster as dg
from sqlalchemy import Engine

from assets.location import SETTINGS, scoped
from resources.backlog.client import BacklogClient
from resources.dagster_tags import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from resources.problems.causes import KnownError
from resources.problems.names import CORNERS
from resources.warehouse.state.known_spaces import space_at
from sync.month_windows import Calendar, Slice, stretches
from sync.partition_ranges import accessible_keys, lost_keys, partition_key, unknown_keys

#: The tables with these partitions.
ISSUE_TABLES = ("issues", "comments", "issue_changes")

#: One key a project key ever seen; a renamed project gets a second key. Only a key that was never a
#: project's is deleted.
PROJECTS = dg.DynamicPartitionsDefinition(name=scoped("backlog_projects"))

#: Calendar months from BACKLOG_HISTORY_START up to and including the current one, as `YYYY-MM`: for
#: the engine, and for Dagster.
CALENDAR = Calendar(SETTINGS.history_start, SETTINGS.timezone)
MONTHS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 1 * *",
    start=SETTINGS.history_start,
    fmt="%Y-%m",
    timezone=SETTINGS.timezone,
    end_offset=1,
)

PROJECT_MONTHS = dg.MultiPartitionsDefinition({"project": PROJECTS, "updated_month": MONTHS})


class NoSuchProjectError(KnownError):
    """A run was asked for partitions of a project that never was."""

    cause = "no_such_project"


class RunContext(Protocol):
    """The part of Dagster's execution context that says what a run was asked to cover."""

    @property
    def partition_keys(self) -> Sequence[str]:
        """Keys `project|month`, when Dagster works them out itself."""

    @property
    def run(self) -> dg.DagsterRun:
        """The run with its tags."""

    @property
    def instance(self) -> dg.DagsterInstance:
        """Where the dynamic partitions are kept."""


def month_keys() -> list[str]:
    """Return all months, oldest first."""
    return CALENDAR.months()


def month_of(moment: datetime) -> str:
    """Return the month that holds an instant."""
    return CALENDAR.month_of(moment)


def slices_of(keys: Iterable[str]) -> list[Slice]:
    """Group partition keys into slices: one for each project and unbroken stretch of months, in the
    order of the keys.
    """
    pairs = (key.rsplit("|", 1) for key in keys)
    return CALENDAR.slices((project, month) for project, month in pairs)


def slices(context: RunContext) -> list[Slice]:
    """Return what a run covers as windows, whatever the shape of the request.

    One key, a range of months, a range of projects and a whole rectangle all end here. Where range
    tags are present they alone tell the truth: a backfill started on a job's page also carries the
    tags of its first key, and Dagster prefers those (dagster issue 28661), so
    `context.partition_keys` would hold one key of many.
    """
    start, end = (context.run.tags.get(tag) for tag in (RANGE_START_TAG, RANGE_END_TAG))
    if start and end:
        keys = rectangle(start, end, context.instance.get_dynamic_partitions(str(PROJECTS.name)))
    else:
        keys = list(context.partition_keys)
    return slices_of(keys)


def covered_by(run: dg.DagsterRun) -> str:
    """Return the partition of a run, or the corners of its range, as people read it; empty for a
    run without partitions.
    """
    if RANGE_START_TAG in run.tags:
        return CORNERS.join(dict.fromkeys((run.tags[RANGE_START_TAG], run.tags[RANGE_END_TAG])))
    return run.tags.get(PARTITION_TAG, "")


def projects_between(covered: str, projects: Sequence[str]) -> list[str]:
    """Return those of `projects`, all keys in Dagster's order, that lie between the corners of what
    a run has `covered_by`: one, if it is a partition.
    """
    keys = [corner.rsplit("|", 1)[0] for corner in covered.split(CORNERS)]
    places = [projects.index(key) for key in keys if key in projects]
    return list(projects[min(places) : max(places) + 1]) if places else []


def rectangle(start: str, end: str, projects: Sequence[str]) -> list[str]:
    """Return all keys of the rectangle whose corners are `start` and `end`.

    Raises:
        NoSuchProjectError: a corner names a project or a month that is no partition.
    """
    months = month_keys()
    (project_a, month_a), (project_b, month_b) = (key.rsplit("|", 1) for key in (start, end))
    for known, requested in (
        (projects, project_a),
        (projects, project_b),
        (months, month_a),
        (months, month_b),
    ):
        if requested not in known:
            raise NoSuchProjectError(
                f"the run covers {start} to {end}, but {requested!r} is not "
                "a partition of raw/issues"
            )
    rows = projects[projects.index(project_a) : projects.index(project_b) + 1]
    columns = months[months.index(month_a) : months.index(month_b) + 1]
    return [partition_key(project, month) for project in rows for month in columns]


def contiguous(requested: Iterable[str], projects: Sequence[str]) -> list[tuple[str, str]]:
    """Return the first and last project of each unbroken stretch of `requested`, in the order in
    which projects were added.
    """
    positions = sorted(projects.index(key) for key in set(requested))
    return [(projects[first], projects[last]) for first, last in stretches(positions)]


def project_partitions(instance: dg.DagsterInstance, engine: Engine, url: str) -> list[str]:
    """Return the keys of the dimension `project` that are projects, in the order of their adding.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    keys = instance.get_dynamic_partitions(str(PROJECTS.name))
    unknown = unknown_keys(engine, space_at(engine, url), keys)
    return [key for key in keys if key not in unknown]


def accessible_partitions(instance: dg.DagsterInstance, engine: Engine, url: str) -> list[str]:
    """Return those of `project_partitions` whose project can be read.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    keys = instance.get_dynamic_partitions(str(PROJECTS.name))
    return accessible_keys(engine, space_at(engine, url), keys)


def loadable(
    covered: Sequence[Slice], client: BacklogClient, engine: Engine, url: str, *, by_hand: bool
) -> list[Slice]:
    """Return what a run reads of what it covers; the source is asked only about a key that is not
    noted.

    A range lies between two projects. A key in between that is no project, or is one that was
    deleted or lost, was not chosen by anybody, and is left out. Dagster gives no partition for it
    back.

    Args:
        covered: what the run covers.
        client: lists the projects, since a new one may not be noted yet.
        engine: the warehouse.
        url: the root of the space.
        by_hand: whether a person has chosen the first and the last key; those of a run of changes
            are the first and last of all.

    Raises:
        NoSuchProjectError: a key that was chosen is no project, or none of all is.
        BacklogError: the source refused to say.
        WarehouseError: the warehouse cannot be used.
    """
    keys = list(dict.fromkeys(part.project_key for part in covered))
    space = space_at(engine, url)
    unknown, lost = unknown_keys(engine, space, keys), lost_keys(engine, space)
    if unknown:
        unknown -= {str(project["projectKey"]) for project in client.visible_projects()}
    chosen = {*keys[:1], *keys[-1:]} if by_hand else set()
    refused = unknown if len(unknown) == len(keys) else unknown & chosen
    if not refused:
        return [
            part
            for part in covered
            if part.project_key in chosen or part.project_key not in unknown | lost
        ]
    raise NoSuchProjectError(
        f"no project has or had the key {', '.join(sorted(refused))}: nothing was "
        "loaded. Choose partitions of existing "
        "projects; the sensor project_discovery removes an unknown key within a quarter of an hour",
        # Of a range that has projects, too, these were requested and are not loaded.
        cause="no_such_project" if len(unknown) == len(keys) else "wrong_range",
    )

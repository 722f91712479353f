"""Partitions: which projects, which months, and what a run was asked to cover.

A partition of `raw/issues` holds the issues of one project whose last change falls in one month (in `BACKLOG_TIMEZONE`). The first
month also holds everything older, so that the union of all partitions is the whole project.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import dagster as dg

from assets.location import SETTINGS, scoped
from resources.dagster_tags import PARTITION_TAG
from resources.dagster_tags import RANGE_END_TAG as RANGE_END_TAG
from resources.dagster_tags import RANGE_START_TAG as RANGE_START_TAG

#: One key a project key ever seen; a renamed project gets a second key. Only a key that was never a project's is deleted.
PROJECTS = dg.DynamicPartitionsDefinition(name=scoped("backlog_projects"))

#: Calendar months from BACKLOG_HISTORY_START up to and including the current one, as `YYYY-MM`.
MONTHS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 1 * *", start=SETTINGS.history_start, fmt="%Y-%m", timezone=SETTINGS.timezone, end_offset=1
)

PROJECT_MONTHS = dg.MultiPartitionsDefinition({"project": PROJECTS, "updated_month": MONTHS})


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


@dataclass(frozen=True)
class Slice:
    """Adjacent months of one project, read as one window.

    `since` is None when the first month of all is in it (everything older belongs to it), `until` when the newest month is (the
    live edge has no upper bound). Both are instants with a zone; the window is half open.
    """

    project_key: str
    months: tuple[str, ...]
    since: datetime | None
    until: datetime | None

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The keys `project|month` that the slice covers."""
        return tuple(partition_key(self.project_key, month) for month in self.months)

    @property
    def whole(self) -> bool:
        """Whether the slice is the whole project."""
        return self.since is None and self.until is None


def partition_key(project_key: str, month: str) -> str:
    """Return the key of one cell; the dimensions stand in the order of their names."""
    return f"{project_key}|{month}"


def month_keys() -> list[str]:
    """Return all months, oldest first."""
    return list(MONTHS.get_partition_keys())


def month_of(moment: datetime) -> str:
    """Return the month that holds an instant.

    What lies before the first month belongs to the first, what a fast clock puts after the current month to the current one.
    """
    month = moment.astimezone(SETTINGS.zone).strftime("%Y-%m")
    return min(max(month, SETTINGS.history_start), datetime.now(SETTINGS.zone).strftime("%Y-%m"))


def slices(context: RunContext) -> list[Slice]:
    """Return what a run covers as windows, whatever the shape of the request.

    One key, a range of months, a range of projects and a whole rectangle all end here. Where range tags are present they alone
    tell the truth: a backfill started on a job's page also carries the tags of its first key, and Dagster prefers those
    (dagster issue 28661), so `context.partition_keys` would hold one key of many.
    """
    start, end = (context.run.tags.get(tag) for tag in (RANGE_START_TAG, RANGE_END_TAG))
    if start and end:
        keys = rectangle(start, end, context.instance.get_dynamic_partitions(str(PROJECTS.name)))
    else:
        keys = list(context.partition_keys)
    return slices_of(keys)


def covered_by(run: dg.DagsterRun) -> str:
    """Return the partition of a run, or the corners of its range, as people read it; empty for a run without partitions."""
    if RANGE_START_TAG in run.tags:
        return " … ".join(dict.fromkeys((run.tags[RANGE_START_TAG], run.tags[RANGE_END_TAG])))
    return run.tags.get(PARTITION_TAG, "")


def projects_of(run: dg.DagsterRun, projects: Sequence[str]) -> list[str]:
    """Return those of `projects`, all keys in Dagster's order, that a run covers: one, or those between its corners."""
    one = run.tags.get(PARTITION_TAG, "")
    corners = (run.tags.get(RANGE_START_TAG, one), run.tags.get(RANGE_END_TAG, one))
    places = [projects.index(key) for key in (corner.rsplit("|", 1)[0] for corner in corners) if key in projects]
    return list(projects[min(places) : max(places) + 1]) if places else []


def rectangle(start: str, end: str, projects: Sequence[str]) -> list[str]:
    """Return all keys of the rectangle whose corners are `start` and `end`.

    Raises:
        ValueError: a corner names a project or a month that is no partition.
    """
    months = month_keys()
    (project_a, month_a), (project_b, month_b) = (key.rsplit("|", 1) for key in (start, end))
    for known, requested in ((projects, project_a), (projects, project_b), (months, month_a), (months, month_b)):
        if requested not in known:
            raise ValueError(f"the run covers {start} to {end}, but {requested!r} is not a partition of raw/issues")
    rows = projects[projects.index(project_a) : projects.index(project_b) + 1]
    columns = months[months.index(month_a) : months.index(month_b) + 1]
    return [partition_key(project, month) for project in rows for month in columns]


def slices_of(keys: Iterable[str]) -> list[Slice]:
    """Group keys into slices: one for each project and unbroken stretch of months, in the order of the keys."""
    months = month_keys()
    position = {month: i for i, month in enumerate(months)}
    by_project: dict[str, set[int]] = {}
    for key in keys:
        project, month = key.rsplit("|", 1)
        by_project.setdefault(project, set()).add(position[month])
    return [
        _slice(project, months, first, last)
        for project, requested in by_project.items()
        for first, last in _stretches(sorted(requested))
    ]


def span_of(requested: Iterable[str]) -> tuple[datetime | None, datetime | None]:
    """Return the bounds of the stretch from the first to the last of these months, as those of a slice."""
    months = month_keys()
    places = [months.index(month) for month in requested]
    part = _slice("", months, min(places), max(places))
    return part.since, part.until


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _slice(project: str, months: Sequence[str], first: int, last: int) -> Slice:
    since = None if first == 0 else _start_of(months[first])
    until = None if last == len(months) - 1 else _start_of(months[last + 1])
    return Slice(project, tuple(months[first : last + 1]), since, until)


def _start_of(month: str) -> datetime:
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=SETTINGS.zone)


def contiguous(requested: Iterable[str], projects: Sequence[str]) -> list[tuple[str, str]]:
    """Return the first and last project of each unbroken stretch of `requested`, in the order in which projects were added."""
    positions = sorted(projects.index(key) for key in set(requested))
    return [(projects[first], projects[last]) for first, last in _stretches(positions)]

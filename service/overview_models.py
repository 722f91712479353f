"""The JSON of what is next and how current the data are: schedules, projects, and the last 24 hours
by half hours.
"""

from datetime import datetime

from pydantic import Field

from resources.warehouse.reconciliations import Level
from service.models import DagsterState, Model, Whole


class Schedule(Model):
    """A schedule or a sensor, and when it ticks next."""

    name: str
    job: str
    next_at: datetime | None = Field(
        description="null for a sensor, which looks every `every_seconds`"
    )
    every_seconds: Whole
    on: bool | None = Field(description="Whether it is on in Dagster; null: Dagster does not say")
    on_by_default: bool


class Schedules(Model):
    """What starts syncs by itself: schedules by the time of their next run, then sensors."""

    items: list[Schedule]
    dagster: DagsterState


class Proof(Model):
    """How a project compares with the source, since when, and how that was found."""

    equal: bool
    since: datetime
    level: Level = Field(
        description="The last comparison: `count` of the number of issues, `rows` of every row"
    )
    checked_at: datetime
    source_rows: Whole
    warehouse_rows: Whole
    differences: Whole
    note: str | None
    rows_compared_at: datetime | None
    row_differences: Whole | None


class ProjectHistory(Model):
    """How many issues of a project have all their comments and changes stored."""

    issues: Whole
    complete: Whole


class ProjectState(Model):
    """A project: when its issues were last loaded, whether that is recent enough, and whether they
    are proven to be equal.
    """

    key: str
    name: str
    archived: bool
    last_success_at: datetime | None
    complete_until: datetime | None = Field(
        description="All changes before it are in the warehouse"
    )
    fresh: bool | None = Field(
        description="Loaded within `fresh_within_seconds`; null for an archived project"
    )
    last_error: str | None
    proof: Proof | None = Field(description="null: it was never compared")
    history: ProjectHistory | None = Field(description="null: no issue is stored yet")


class Projects(Model):
    """The accessible projects of the space."""

    fresh_within_seconds: Whole
    history_minutes_left: Whole | None = Field(
        description="How long the other histories take at least, at one request an issue; null: "
        "no limit was measured yet"
    )
    items: list[ProjectState]


class Slot(Model):
    """Half an hour of one kind of runs: how many were at work in it, how many of these failed in
    it, and how many still run.
    """

    kind: str
    start: datetime
    runs: Whole
    failed: Whole
    running: Whole


class Timeline(Model):
    """The last 24 hours by slots; those without a run are left out."""

    since: datetime
    until: datetime
    slot_seconds: Whole
    slots: list[Slot]

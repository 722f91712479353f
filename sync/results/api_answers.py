"""What the service answers: the syncs, the runs, and how current the projects are.

The OpenAPI description and the data of the page come from these models.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from resources.json_models import Model, Whole
from resources.problems.alert_texts import Action
from resources.problems.cause_table import Severity
from resources.warehouse.history.history_reader import SyncStatus
from resources.warehouse.history.sync_outcomes import Slot, Totals
from resources.warehouse.state.reconciliations import Proof
from sync.results.command_results import Condition, RateLimit
from sync.runs import RunState

_CAUSE: Any = Field(
    description="Code of the cause, of `resources/problems/cause_table.py`; null: none is known"
)
ActiveState = Literal["queued", "starting", "running", "canceling"]


class Progress(Model):
    """How far a sync is."""

    done: Whole
    total: Whole | None
    unit: str
    seconds_left: float | None = Field(
        description="If it goes on as fast as so far; null: not known"
    )


class Sync(Model):
    """A sync of a table, or of a part of it. With `mode` run: the end of a run without a sync."""

    id: Whole
    type: str
    mode: str
    project: str | None = Field(
        description="The projects that it covers, as text; null: the whole space"
    )
    projects: list[str] = Field(description="The projects that it covers; empty: the whole space")
    status: SyncStatus
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    items_synced: Whole
    items_failed: Whole
    requests: Whole
    error: str | None
    cause: str | None = _CAUSE
    run_id: str
    waiting_for: str | None
    waiting_until: datetime | None
    progress: Progress | None
    status_url: str


class Run(Model):
    """The state of a run, why it failed, and what it did."""

    run_id: str
    job: str | None = Field(
        description="As Dagster has it; null in lists, and for a run that Dagster does not know"
    )
    kind: str = Field(description="What it was for: a job, or `load` for a load of everything")
    state: RunState
    error: str | None = Field(description="Why it failed or was canceled")
    cause: str | None = _CAUSE
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    projects: list[str] = Field(
        description="The projects that its syncs cover; empty: the whole space"
    )
    items_synced: Whole
    items_failed: Whole
    requests: Whole
    syncs: list[Sync]
    status_url: str


class Runs(Model):
    """A page of runs, newest first; `next_before` is `before` of the next page."""

    items: list[Run]
    next_before: Whole | None


class LogLine(Model):
    """A line of the log of a run; secrets are masked."""

    at: datetime
    level: str
    text: str


class RunLog(Model):
    """The last lines of the log of a run, oldest first."""

    lines: list[LogLine]
    next_after: str | None = Field(
        description="`after` of a request for what is written later; null: Dagster has no log"
    )


class Said(Model):
    """What is said of a problem, in one language."""

    subject: str
    place: str
    cause: str
    data: str
    step: str


class Failing(Sync):
    """A sync that fails, and what is said of it."""

    severity: Severity = Field(description="`act`: a person must do something")
    texts: dict[str, Said] = Field(description="What is said of it, by language: `en`, `ja`")


class Alert(Model):
    """A problem that lasts: what is wrong with what, since when, and what to do."""

    code: str = Field(description="Which problem it is, of `resources/problems/alert_texts.py`")
    severity: Severity = Field(description="`act`: a person must do something")
    action: Action | None = Field(description="What a click can do: `sync`, `retry`, `run`")
    texts: dict[str, Said] = Field(description="What is said of it, by language: `en`, `ja`")

    topic: str = Field(
        description="What the next step depends on: `run`, `check`, `silent`, `source` …"
    )
    kind: str
    subject: str
    partition: str | None
    cause: str
    step: str
    since: datetime | None
    times: Whole
    run_id: str | None
    status_url: str | None


class Alerts(Model):
    """Whether something looks for problems, and what it found; `alive` is null: it never did."""

    alive: bool | None
    beat_at: datetime | None
    open: list[Alert]


class Project(Model):
    """A project of the space."""

    key: str
    name: str


class Connection(Model):
    """Whether Backlog answers, and the state of the syncs."""

    connected: bool | None = Field(
        description="False while the source is unreachable or refuses, as found by any process; "
        "null before the first request"
    )
    condition: Condition | None
    checked_at: datetime | None
    error: str | None
    cause: str | None = _CAUSE
    rate_limit: dict[str, RateLimit] = Field(description="By bucket: read, search, update, icon")
    space: str | None
    url: str | None
    simulated: bool
    dagster_url: str
    report_written_at: datetime | None = Field(
        description="When the report at /report was written; null where there is none"
    )
    last_sync: Sync | None
    last_success_at: datetime | None = Field(
        description="End of the newest sync that completed, of whatever table and mode"
    )
    alerts: Alerts
    failing: list[Failing]
    projects: list[Project]


class ActiveRun(Model):
    """A run that waits or works, with its syncs."""

    run_id: str
    job: str | None
    state: ActiveState
    started_at: datetime
    status_url: str
    syncs: list[Sync]


class DagsterState(Model):
    """Whether Dagster answers."""

    reachable: bool
    error: str | None


class Active(Model):
    """All runs that wait or work."""

    active: list[ActiveRun]
    dagster: DagsterState


class Stats(Model):
    """The last 24 hours."""

    hours: Literal[24]
    total: Totals
    by_type: list[Totals]


class History(Model):
    """A page of syncs, newest first; `next_before` is `before` of the next page."""

    items: list[Sync]
    next_before: Whole | None


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


class ProjectHistory(Model):
    """How many issues of a project have all their comments and changes stored."""

    issues: Whole
    complete: Whole


class ProjectState(Model):
    """A project: when its issues were last loaded, whether all of them recently, and its proof."""

    key: str
    name: str
    archived: bool
    last_success_at: datetime | None = Field(
        description="End of the newest sync of issues that covered it, in whatever mode"
    )
    complete_until: datetime | None = Field(
        description="All changes before it are in the warehouse"
    )
    fresh: bool | None = Field(
        description="All its changes were read within `fresh_within_seconds`; null for an archived "
        "project"
    )
    last_error: str | None
    last_cause: str | None = _CAUSE
    proof: Proof | None = Field(description="null: it was never compared")
    history: ProjectHistory | None = Field(description="null: no issue is stored yet")


class Projects(Model):
    """The accessible projects of the space."""

    fresh_within_seconds: Whole
    history_minutes_left: Whole | None = Field(
        description="How long the other histories take at least, at one request an issue; "
        "null: no limit was measured yet"
    )
    items: list[ProjectState]


class Timeline(Model):
    """The last 24 hours by slots; those without a run are left out."""

    since: datetime
    until: datetime
    slot_seconds: Whole
    slots: list[Slot]


class PageData(Model):
    """All that the page shows, as the requests of these names answer."""

    connection: Connection
    active: Active
    stats: Stats
    timeline: Timeline
    projects: Projects
    schedules: Schedules
    runs: Runs

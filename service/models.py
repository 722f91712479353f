"""The JSON of the API: what it answers and what it takes. The OpenAPI description and the page's
data come from these models.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.json_schema import SkipJsonSchema

from resources.conditions import ConditionKind
from sync.run_ends import RunState

Whole = Annotated[int, Field(ge=0)]
Mode = Literal["incremental", "full"]
SyncStatus = Literal["in_progress", "completed", "failed"]
ActiveState = Literal["queued", "starting", "running", "canceling"]


class Model(BaseModel):
    """An object of the API: all its fields are there, and no others."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(BaseModel):
    """What went wrong, and what to do."""

    code: str
    message: str
    hint: str
    run_id: str | SkipJsonSchema[None] = Field(
        None, description="The run that is in progress already"
    )
    status_url: str | SkipJsonSchema[None] = None


class Error(Model):
    """The answer to every request that fails."""

    error: ErrorDetail


class Progress(Model):
    """How far a sync is."""

    done: Whole
    total: Whole | None
    unit: str
    seconds_left: float | None = Field(
        description="If it goes on as fast as so far; null: not known"
    )


class Sync(Model):
    """A sync of a table, or of a part of it. With `mode` run: the end of a run that synced
    nothing.
    """

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
    run_id: str
    waiting_for: str | None
    waiting_until: datetime | None
    progress: Progress | None
    status_url: str


class Totals(Model):
    """Totals of 24 hours. `completed`, `failed` and `success_rate` count runs; `type` is null for
    all runs.
    """

    type: str | None
    runs: Whole
    completed: Whole
    failed: Whole
    syncs: Whole
    syncs_completed: Whole
    syncs_failed: Whole
    items: Whole
    items_failed: Whole
    requests: Whole
    mean_seconds: float | None
    longest_seconds: float | None
    success_rate: float | None = Field(ge=0, le=1)


class Run(Model):
    """The state of a run, why it failed, and what it did."""

    run_id: str
    job: str | None = Field(
        description="As Dagster has it; null in lists, and for a run that Dagster does not know"
    )
    kind: str = Field(description="What it was for: a job, or `load` for a load of everything")
    state: RunState
    error: str | None = Field(description="Why it failed or was canceled")
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


class Canceling(Model):
    """A run that was asked to end."""

    run_id: str
    state: RunState
    status_url: str


class Condition(Model):
    """What is wrong with the source as a whole, since when, and the message of the request that
    found it.
    """

    kind: ConditionKind
    since: datetime
    message: str


class RateLimit(Model):
    """One rate limit of Backlog: requests allowed in a window, requests left, and the end of the
    window.
    """

    limit: int
    remaining: int
    reset: datetime


class Alert(Model):
    """A problem that lasts: what is wrong with what, since when, and what to do."""

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
    """Whether something looks for problems, and what it found; `alive` is null where alerts never
    ran.
    """

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
        description="False while the source is unreachable or refuses, as "
        "found by any process; null "
        "before the first request"
    )
    condition: Condition | None
    checked_at: datetime | None
    error: str | None
    rate_limit: dict[str, RateLimit] = Field(description="By bucket: read, search, update, icon")
    space: str | None
    url: str | None
    simulated: bool
    dagster_url: str
    report_written_at: datetime | None = Field(
        description="When the report at /report was written; null where there is none"
    )
    last_sync: Sync | None
    last_success_at: datetime | None
    alerts: Alerts
    failing: list[Sync]
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


class SyncRequest(Model):
    """Read what changed since the last sync (the default), or everything again."""

    model_config = ConfigDict(json_schema_extra={"maxProperties": 1})

    mode: Mode = "incremental"
    full: StrictBool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if len(self.model_fields_set) > 1:
            raise ValueError("mode and full cannot be used together")
        if self.full:
            self.mode = "full"
        return self


class Started(Model):
    """A run that was started. It waits in Dagster's queue first."""

    run_id: str
    job: str
    project: str | None
    mode: Mode
    status_url: str


class Taken(Model):
    """A webhook event that is stored."""

    accepted: Literal[True]
    duplicate: bool


class Health(Model):
    """The process lives."""

    status: Literal["ok"]

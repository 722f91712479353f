"""What the API takes, and what it answers to requests that change something or fail.

What it shows of syncs and runs is in `sync/results/api_answers.py`.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.json_schema import SkipJsonSchema

from resources.json_models import Model
from sync.runs import RunState

Mode = Literal["incremental", "full"]


class ErrorDetail(BaseModel):
    """What went wrong, and what to do."""

    code: str
    message: str
    hint: str
    run_id: str | SkipJsonSchema[None] = Field(
        None, description="The run that is in progress already"
    )
    status_url: str | SkipJsonSchema[None] = None
    cause: str | SkipJsonSchema[None] = Field(
        None, description="Code of the cause, where the warehouse cannot be used"
    )


class Error(Model):
    """The answer to every request that fails."""

    error: ErrorDetail


class Canceling(Model):
    """A run that was asked to end."""

    run_id: str
    state: RunState
    status_url: str


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


class Switched(Model):
    """A schedule or a sensor, and whether it ticks from now on."""

    name: str
    on: bool


class Taken(Model):
    """A webhook event that is stored."""

    accepted: Literal[True]
    duplicate: bool


class Health(Model):
    """The process lives."""

    status: Literal["ok"]

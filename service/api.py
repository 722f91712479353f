"""The JSON endpoints under /api/v1/sync."""

import asyncio
import re
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from resources.warehouse.history.history_reader import Requested, SyncStatus
from service import models
from service.body import read_body
from service.cache import answer, join_bodies
from service.cancels import Cancels
from service.error_answers import ApiError
from service.logged_runs import LoggedRuns
from service.openapi import (
    SYNC_REQUEST,
    TAG,
    canceling,
    parameter,
    query,
    reading,
    starting,
    switching,
    takes,
)
from service.overview import Overview
from service.routes import PlainRoute
from service.starts import Starts
from service.state import State
from service.switches import Switches
from sync.results import api_answers

ROOT = "/api/v1/sync"
LARGEST_BODY = 10_000
#: Of a page of the history: by default, and at most.
PAGE, LARGEST_PAGE = 50, 200
PROJECT_KEY = "^[A-Z0-9_]{1,40}$"
_RUN_ID = parameter("run_id", "path", "The id of a run, from a start or from the history")
_JSON = re.compile(r"application/json\s*(;.*)?", re.IGNORECASE)
_FORMS_OF_BODY = (
    'Expected {"mode": "incremental"}, {"mode": "full"}, {"full": true}, '
    '{"full": false}, or no body.'
)

#: In the description, a parameter that may be left out is not one that may be null.
Absent = SkipJsonSchema[None]
SyncId = Annotated[int, Field(ge=1, le=2**63 - 1)]
SyncType = Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
ProjectKey = Annotated[str, Field(pattern=PROJECT_KEY)]
Cursor = Annotated[str, Field(pattern="^[A-Za-z0-9+/=]{1,200}$")]
ScheduleName = Annotated[str, Path(description="The name of a schedule or a sensor")]


class Query(BaseModel):
    """Parameters of a request."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return the parameters of a request.

        Raises:
            ApiError: one of them cannot be used.
        """
        try:
            return cls.model_validate(dict(request.query_params))
        except ValidationError as error:
            first = error.errors()[0]
        expected = first["msg"].removeprefix("Input should be ")
        if "pattern" in first.get("ctx", {}):
            expected = f"a text like {first['ctx']['pattern']}"
        raise ApiError(
            400, "invalid_parameter", f"{first['loc'][0]} cannot be used.", f"Expected {expected}."
        )


class HistoryQuery(Query):
    """The parameters of the history."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="The most syncs to return")] = (
        PAGE
    )
    before: Annotated[SyncId | Absent, Field(description="`next_before` of the page before")] = None
    type: Annotated[SyncType | Absent, Field(description="As `issues`")] = None
    status: Annotated[SyncStatus | Absent, Field(description="The status of the syncs")] = None
    project: Annotated[ProjectKey | Absent, Field(description="The key of a project")] = None

    @property
    def requested(self) -> Requested:
        """What is requested of the history."""
        return Requested(self.type, self.status, self.project)


class LogQuery(Query):
    """The parameter of a log."""

    after: Annotated[Cursor | Absent, Field(description="`next_after` of an earlier answer")] = None


async def sync_request(request: Request) -> models.SyncRequest:
    """Return how to sync, from the body.

    Raises:
        ApiError: the body is too large, is not JSON, or is none of the known forms.
    """
    body = await read_body(request, LARGEST_BODY)
    if not body:
        return models.SyncRequest()
    if not _JSON.fullmatch(request.headers.get("content-type", "")):
        raise ApiError(
            415,
            "unsupported_media_type",
            "The body is not JSON.",
            "Send Content-Type: application/json, or no body.",
        )
    try:
        return models.SyncRequest.model_validate_json(body)
    except ValidationError as error:
        field = next((str(name) for name in error.errors()[0]["loc"]), "The body")
        raise ApiError(
            400, "invalid_parameter", f"{field} cannot be used.", _FORMS_OF_BODY
        ) from None


How = Annotated[models.SyncRequest, Depends(sync_request)]


def reading_router(state: State, overview: Overview, logged: LoggedRuns) -> APIRouter:
    """Return the endpoints that read."""
    api = APIRouter(prefix=ROOT, tags=["sync"], route_class=PlainRoute)

    @api.get(
        "/connection/status",
        response_model=api_answers.Connection,
        responses=reading(),
        openapi_extra=takes(TAG),
    )
    async def connection(request: Request) -> Response:
        """Whether Backlog answers, and the state of the syncs."""
        return answer(request, await state.connection())

    @api.get(
        "/monitor/active",
        response_model=api_answers.Active,
        responses=reading(),
        openapi_extra=takes(TAG),
    )
    async def active(request: Request) -> Response:
        """What waits or works, and how far it is."""
        return answer(request, await state.active())

    @api.get(
        "/monitor/stats",
        response_model=api_answers.Stats,
        responses=reading(),
        openapi_extra=takes(TAG),
    )
    async def stats(request: Request) -> Response:
        """What was done in the last 24 hours."""
        return answer(request, await state.stats())

    @api.get(
        "/history",
        response_model=api_answers.History,
        responses=reading(400),
        openapi_extra=takes(*query(HistoryQuery), TAG),
    )
    async def history(request: Request) -> Response:
        """Syncs, newest first."""
        page = HistoryQuery.of(request)
        return answer(request, await state.history(page.limit, page.before, page.requested))

    @api.get(
        "/runs",
        response_model=api_answers.Runs,
        responses=reading(400),
        openapi_extra=takes(*query(HistoryQuery), TAG),
    )
    async def runs(request: Request) -> Response:
        """Runs with their syncs, newest first."""
        page = HistoryQuery.of(request)
        return answer(request, await logged.page(page.limit, page.before, page.requested))

    @api.get(
        "/projects",
        response_model=api_answers.Projects,
        responses=reading(),
        openapi_extra=takes(TAG),
    )
    async def projects(request: Request) -> Response:
        """How current each project is, and whether it is proven to equal the source."""
        return answer(request, await overview.projects())

    @api.get(
        "/schedules",
        response_model=api_answers.Schedules,
        responses=reading(),
        openapi_extra=takes(TAG),
    )
    async def schedules(request: Request) -> Response:
        """When each schedule runs next, and whether schedules and sensors are on."""
        return answer(request, await overview.schedules())

    @api.get(
        "/monitor/timeline",
        response_model=api_answers.Timeline,
        responses=reading(),
        openapi_extra=takes(TAG),
    )
    async def timeline(request: Request) -> Response:
        """What was at work in each half hour of the last 24 hours."""
        return answer(request, await overview.timeline())

    @api.get(
        "/page",
        response_model=api_answers.PageData,
        responses=reading(400),
        openapi_extra=takes(*query(HistoryQuery), TAG),
    )
    async def page_data(request: Request) -> Response:
        """All that the page shows; the parameters are those of the runs."""
        page = HistoryQuery.of(request)
        parts = {
            "connection": state.connection(),
            "active": state.active(),
            "stats": state.stats(),
            "timeline": overview.timeline(),
            "projects": overview.projects(),
            "schedules": overview.schedules(),
            "runs": logged.page(page.limit, page.before, page.requested),
        }
        bodies = await asyncio.gather(*parts.values())
        return answer(request, join_bodies(dict(zip(parts, bodies, strict=True))))

    @api.get(
        "/runs/{run_id}/log",
        response_model=api_answers.RunLog,
        responses=reading(400, 404, 502),
        openapi_extra=takes(_RUN_ID, *query(LogQuery), TAG),
    )
    async def run_log(request: Request) -> Response:
        """The last lines of the log of a run."""
        after = LogQuery.of(request).after
        return answer(request, await logged.log(request.path_params["run_id"], after))

    @api.get(
        "/runs/{run_id}",
        response_model=api_answers.Run,
        responses=reading(404, 502),
        openapi_extra=takes(_RUN_ID, TAG),
    )
    async def run(request: Request) -> Response:
        """The state of a run, why it failed, and what it did."""
        return answer(request, await logged.run(request.path_params["run_id"]))

    return api


def starting_router(starts: Starts, cancels: Cancels, switches: Switches) -> APIRouter:
    """Return the endpoints that start syncs, cancel runs, and pause and resume schedules."""
    api = APIRouter(prefix=ROOT, tags=["sync"])

    @api.post("/projects/all", status_code=202, responses=starting(), openapi_extra=SYNC_REQUEST)
    async def sync_projects(_: How) -> models.Started:
        """Sync the space, its projects and their master data, which are always read whole."""
        return await starts.projects()

    @api.post(
        "/projects/all/tasks", status_code=202, responses=starting(404), openapi_extra=SYNC_REQUEST
    )
    async def sync_all_issues(how: How) -> models.Started:
        """Sync the issues of all projects with their comments."""
        return await starts.all_issues(how.mode)

    @api.post(
        "/project/{key}/tasks", status_code=202, responses=starting(404), openapi_extra=SYNC_REQUEST
    )
    async def sync_issues(
        key: Annotated[
            str,
            Path(
                description="The key of a project, as OPS",
                json_schema_extra={"pattern": PROJECT_KEY},
            ),
        ],
        how: How,
    ) -> models.Started:
        """Sync the issues of a project with their comments."""
        return await starts.issues(key, how.mode)

    @api.post("/partitions/failed/tasks", status_code=202, responses=starting())
    async def load_failed_partitions() -> models.Started:
        """Load again what backfills have left failed."""
        return await starts.failed_partitions()

    @api.post("/runs/{run_id}/cancel", status_code=202, responses=canceling())
    async def cancel(
        run_id: Annotated[str, Path(description="The id of a run that waits or works")],
    ) -> models.Canceling:
        """Cancel a run."""
        return await cancels.cancel(run_id)

    @api.post("/schedules/{name}/pause", responses=switching())
    async def pause(name: ScheduleName) -> models.Switched:
        """Pause a schedule or a sensor."""
        return await switches.switch(name, on=False)

    @api.post("/schedules/{name}/resume", responses=switching())
    async def resume(name: ScheduleName) -> models.Switched:
        """Resume a schedule or a sensor."""
        return await switches.switch(name, on=True)

    return api

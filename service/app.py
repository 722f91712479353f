"""The application: its parts put together from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from resources.masking import Mask
from resources.secret import reveal
from resources.settings import Settings
from service import api, models, page, prometheus, report_file, webhooks
from service.cache import Body, Cache, answer, as_body
from service.cancels import Cancels
from service.dagster_runs import Dagster
from service.handlers import HANDLERS
from service.logged_runs import LoggedRuns
from service.openapi import OPEN, TAG, UNCHANGED, describe, errors, takes, text_answer
from service.overview import Overview
from service.run_follower import RunFollower
from service.security import Guard, SecureHeaders
from service.starts import Starts
from service.state import State
from service.switches import Switches
from service.warehouse import Warehouse

#: Where `backlog-elt up` serves Dagster when nothing else is set.
DAGSTER_URL = "http://127.0.0.1:3000"


def create_app(settings: Settings) -> ASGIApp:
    """Return the application. It connects to the warehouse when a request needs that, or a run has
    ended.
    """
    measured = prometheus.Metrics()
    app = _application(settings, measured)
    return prometheus.Measured(SecureHeaders(Guard(app, settings)), measured, app.routes)


def openapi() -> dict[str, Any]:
    """Return the OpenAPI description; nothing is started or connected for it."""
    return describe(_application(Settings.from_env({}), prometheus.Metrics()))


def _application(settings: Settings, measured: prometheus.Metrics) -> FastAPI:
    kept, warehouse = Cache(), Warehouse(settings)
    url = settings.dagster_url or DAGSTER_URL
    dagster = Dagster(
        url, settings.dagster_location, settings.key_prefix, settings.dagster_public_url
    )
    state = State(settings, warehouse, dagster, kept)
    starts = Starts(settings, warehouse, dagster, state, kept)
    overview = Overview(settings, warehouse, dagster, state, kept)
    follower = RunFollower(warehouse, dagster, state, kept)
    runs = LoggedRuns(warehouse, dagster, state, kept, follower)
    inbox = webhooks.Inbox(warehouse, state.known_space, Mask(reveal(settings.privacy_key)))

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(follower.watch())
        yield
        await follower.stop(watching)
        await dagster.close()
        warehouse.close()

    routers = (
        # First, since routes are tried in turn and events come in bursts.
        webhooks.router(inbox, settings.webhook_secret, measured.events),
        api.reading_router(state, overview, runs),
        api.starting_router(starts, Cancels(dagster, runs, kept), Switches(dagster, kept)),
        _own_endpoints(measured, overview),
        page.page_router(),
        report_file.report_router(settings.home),
    )
    return FastAPI(
        title="backlog-elt sync service",
        version=_release(),
        license_info={"name": "see the repository"},
        servers=[{"url": "/"}],
        routes=[route for router in routers for route in router.routes],
        exception_handlers=HANDLERS,
        lifespan=life,
        # Ours is at /openapi.json with an ETag. FastAPI's pages about it load scripts from
        # elsewhere.
        openapi_url=None,
        # Nothing for OpenTelemetry, whatever the environment says: it would hold paths, and some
        # paths hold a secret.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )


def _own_endpoints(measured: prometheus.Metrics, overview: Overview) -> APIRouter:
    """Return the endpoints about the service itself."""
    about = APIRouter(tags=["service"])

    @about.get("/healthz", responses=errors(), openapi_extra=OPEN)
    async def health() -> models.Health:
        """Whether the service lives."""
        return models.Health(status="ok")

    @about.get(
        "/metrics", response_class=Response, responses=text_answer("text/plain") | errors(401)
    )
    async def show_metrics() -> Response:
        """Metrics for Prometheus."""
        return await measured.show(overview)

    @about.get(
        "/openapi.json",
        response_model=dict[str, Any],
        responses=UNCHANGED | errors(),
        openapi_extra=OPEN | takes(TAG),
    )
    async def description(request: Request) -> Response:
        """This description."""
        return answer(request, _openapi_text(request.app))

    return about


@cache
def _openapi_text(app: FastAPI) -> Body:
    """Return the description as it is sent; most processes are never asked for it."""
    return as_body(describe(app))


def _release() -> str:
    try:
        return version("backlog-elt")
    except PackageNotFoundError:
        return "0"

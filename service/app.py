"""The application: its parts put together from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from resources.privacy import Mask
from resources.secret import reveal
from resources.settings import Settings
from service import api, metrics, openapi, page, webhooks
from service.cache import Cache, answer, as_body
from service.dagster_runs import Dagster
from service.errors import HANDLERS
from service.run_ends import RunEnds
from service.security import Guard, SecureHeaders
from service.starts import Starts
from service.state import State
from service.warehouse import Warehouse

#: Where `backlog-elt up` serves Dagster when nothing else is said.
DAGSTER_URL = "http://127.0.0.1:3000"


def create_app(settings: Settings) -> ASGIApp:
    """Return the application; the warehouse is not connected before a request needs it, or a run has ended."""
    cache, warehouse = Cache(), Warehouse(settings)
    url = settings.dagster_url or DAGSTER_URL
    dagster = Dagster(url, settings.dagster_location, settings.key_prefix, settings.dagster_public_url)
    state = State(settings, warehouse, dagster, cache)
    starts = Starts(settings, warehouse, dagster, state, cache)
    ends = RunEnds(warehouse, dagster, state, cache)
    inbox = webhooks.Inbox(warehouse, state.known_space, Mask(reveal(settings.privacy_key)))
    measured = metrics.Metrics()
    description = as_body(openapi.document())

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def describe(request: Request) -> Response:
        return answer(request, description)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(ends.watch())
        yield
        await ends.stop(watching)
        await dagster.close()
        warehouse.close()

    routes = [
        *api.routes(state, starts, ends),
        Route(openapi.WEBHOOK, webhooks.endpoint(inbox, settings.webhook_secret, measured.events), methods=["POST"]),
        Route("/healthz", health),
        Route("/openapi.json", describe),
        metrics.endpoint(measured, state),
        *page.routes(),
    ]
    app = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=life)
    return metrics.Measured(SecureHeaders(Guard(app, settings)), measured, routes)

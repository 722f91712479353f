"""The JSON endpoints under /api/v1/sync: their paths, their parameters, and what is said of wrong ones."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resources.warehouse.sync_log import STATUSES, Requested
from service.cache import Body, answer
from service.errors import ApiError
from service.limits import read_body
from service.run_ends import RunEnds
from service.starts import Mode, Started, Starts
from service.state import State

ROOT = "/api/v1/sync"
LARGEST = 10_000
#: Of a page of the history: by default, and at most.
PAGE, LARGEST_PAGE = 50, 200
NAME = "^[a-z_]{1,40}$"
PROJECT_KEY = "^[A-Z0-9_]{1,40}$"
MODES: tuple[Mode, ...] = ("incremental", "full")
_JSON = re.compile(r"application/json\s*(;.*)?", re.IGNORECASE)


def routes(state: State, starts: Starts, ends: RunEnds) -> list[Route]:
    """Return the routes of the API."""

    async def history(request: Request) -> Response:
        query = request.query_params
        limit = _number("limit", query.get("limit"), LARGEST_PAGE) or PAGE
        before = _number("before", query.get("before"), 2**63 - 1)
        status = query.get("status")
        if status is not None and status not in STATUSES:
            raise _wrong("status", f"one of {', '.join(STATUSES)}")
        requested = Requested(
            _matching("type", query.get("type"), NAME), status, _matching("project", query.get("project"), PROJECT_KEY)
        )
        return answer(request, await state.history(limit, before, requested))

    async def run(request: Request) -> Response:
        return answer(request, await ends.run(request.path_params["run_id"]))

    async def sync_projects(request: Request) -> Response:
        await _mode(request)
        return _accepted(await starts.projects())

    async def sync_issues(request: Request) -> Response:
        return _accepted(await starts.issues(request.path_params["key"], await _mode(request)))

    return [
        Route(f"{ROOT}/connection/status", _reads(state.connection)),
        Route(f"{ROOT}/monitor/active", _reads(state.active)),
        Route(f"{ROOT}/monitor/stats", _reads(state.stats)),
        Route(f"{ROOT}/history", history),
        Route(f"{ROOT}/runs/{{run_id}}", run),
        Route(f"{ROOT}/projects/all", sync_projects, methods=["POST"]),
        Route(f"{ROOT}/project/{{key}}/tasks", sync_issues, methods=["POST"]),
    ]


def _reads(make: Callable[[], Awaitable[Body]]) -> Callable[[Request], Awaitable[Response]]:
    async def read(request: Request) -> Response:
        return answer(request, await make())

    return read


def _accepted(started: Started) -> Response:
    return JSONResponse(asdict(started), 202)


def _wrong(name: str, expected: str) -> ApiError:
    return ApiError(400, "invalid_parameter", f"{name} cannot be used.", f"Expected {expected}.")


def _number(name: str, text: str | None, most: int) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and 1 <= int(text) <= most):
        raise _wrong(name, f"a whole number from 1 to {most}")
    return int(text)


def _matching(name: str, text: str | None, pattern: str) -> str | None:
    if text is not None and not re.fullmatch(pattern, text):
        raise _wrong(name, f"a text like {pattern}")
    return text


async def _mode(request: Request) -> Mode:
    """Return how to sync, from the body: nothing, `{"mode": …}` or `{"full": true}`."""
    body = await read_body(request, LARGEST)
    if not body:
        return "incremental"
    if not _JSON.fullmatch(request.headers.get("content-type", "")):
        raise ApiError(415, "unsupported_media_type", "The body is not JSON.", "Send Content-Type: application/json, or no body.")
    try:
        requested: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise _wrong("The body", "a JSON object, or no body") from None
    if not isinstance(requested, dict) or not requested.keys() <= {"mode", "full"} or len(requested) > 1:
        raise _wrong("The body", 'an object with "mode" or "full"')
    full = requested.get("full", False)
    if not isinstance(full, bool):
        raise _wrong("full", "true or false")
    mode = requested.get("mode", "full" if full else "incremental")
    for known in MODES:
        if mode == known:
            return known
    raise _wrong("mode", f"one of {', '.join(MODES)}")

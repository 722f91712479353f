"""The OpenAPI description of the service: what it takes and what it answers, complete enough to test it by."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from resources.conditions import KINDS
from resources.warehouse.sync_log import STATUSES
from service.api import LARGEST_PAGE, MODES, NAME, PAGE, PROJECT_KEY, ROOT
from service.dagster_runs import STATES

WEBHOOK = "/webhooks/backlog/{secret}"
Schema = dict[str, Any]

_WHOLE: Schema = {"type": "integer", "minimum": 0}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_TEXT: Schema = {"type": "string"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: Mapping[str, Schema], **more: Any) -> Schema:
    """Describe an object whose properties are all there."""
    return {"type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False, **more}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TOTALS = {
    **dict.fromkeys(("runs", "completed", "failed", "syncs", "syncs_completed", "syncs_failed"), _WHOLE),
    **dict.fromkeys(("items", "items_failed", "requests"), _WHOLE),
    "success_rate": _or_null({"type": "number", "minimum": 0, "maximum": 1}),
    "mean_seconds": _or_null({"type": "number"}),
    "longest_seconds": _or_null({"type": "number"}),
}
_SYNC = {
    "id": _WHOLE,
    "type": _TEXT,
    "mode": _TEXT,
    "project": _or_null({**_TEXT, "description": "The projects that it covers, as text; null: the whole space"}),
    "projects": {"type": "array", "items": _TEXT, "description": "The projects that it covers; empty: the whole space"},
    "status": {"enum": list(STATUSES)},
    "started_at": _MOMENT,
    "ended_at": _or_null(_MOMENT),
    "seconds": _or_null({"type": "number"}),
    "items_synced": _WHOLE,
    "items_failed": _WHOLE,
    "requests": _WHOLE,
    "error": _or_null(_TEXT),
    "run_id": _TEXT,
    "waiting_for": _or_null(_TEXT),
    "waiting_until": _or_null(_MOMENT),
    "progress": _or_null(_object({"done": _WHOLE, "total": _or_null(_WHOLE), "unit": _TEXT})),
    "status_url": _TEXT,
}
SCHEMAS: dict[str, Schema] = {
    "Error": _object(
        {"error": {"type": "object", "required": ["code", "message", "hint"], "properties": {
            "code": _TEXT, "message": _TEXT, "hint": _TEXT,
            "run_id": {**_TEXT, "description": "Of the run that is at work already"}, "status_url": _TEXT,
        }}}
    ),
    "Sync": _object(_SYNC, description="A sync of a table, or of a part of it; of `mode` run: how a run ended that is no sync"),
    "Totals": _object(
        {"type": _or_null(_TEXT), **_TOTALS},
        description="`completed`, `failed` and `success_rate` are of runs; `type` is null for all runs",
    ),
    "Run": _object(
        {
            "run_id": _TEXT,
            "job": _or_null(_TEXT),
            "state": {"enum": sorted({*STATES.values()})},
            "error": _or_null({**_TEXT, "description": "Why it failed or was canceled"}),
            "started_at": _or_null(_MOMENT),
            "ended_at": _or_null(_MOMENT),
            "status_url": _TEXT,
        }
    ),
    "Connection": _object(
        {
            "connected": {
                **_or_null({"type": "boolean"}),
                "description": "False while the source is unreachable or refuses, whoever has met it; null before any look",
            },
            "condition": _or_null(
                _object(
                    {"kind": {"enum": list(KINDS)}, "since": _MOMENT, "message": _TEXT},
                    description="What is wrong with the source as a whole, since when, and what a request was told",
                )
            ),
            "checked_at": _or_null(_MOMENT),
            "error": _or_null(_TEXT),
            "rate_limit": {
                "type": "object",
                "additionalProperties": _object({"limit": {"type": "integer"}, "remaining": {"type": "integer"}, "reset": _MOMENT}),
            },
            "space": _or_null(_TEXT),
            "url": _or_null(_TEXT),
            "simulated": {"type": "boolean"},
            "dagster_url": _TEXT,
            "last_sync": _or_null(_ref("Sync")),
            "last_success_at": _or_null(_MOMENT),
            "alerts": _object({"alive": _or_null({"type": "boolean"}), "beat_at": _or_null(_MOMENT), "open": _list(_TEXT)}),
            "failing": _list(_ref("Sync")),
            "projects": _list(_object({"key": _TEXT, "name": _TEXT})),
        }
    ),
    "Active": _object(
        {
            "active": _list(
                _object(
                    {
                        "run_id": _TEXT,
                        "job": _or_null(_TEXT),
                        "state": {"enum": ["queued", "starting", "running", "canceling"]},
                        "started_at": _MOMENT,
                        "status_url": _TEXT,
                        "syncs": _list(_ref("Sync")),
                    }
                )
            ),
            "dagster": _object({"reachable": {"type": "boolean"}, "error": _or_null(_TEXT)}),
        }
    ),
    "Stats": _object({"hours": {"const": 24}, "total": _ref("Totals"), "by_type": _list(_ref("Totals"))}),
    "History": _object({"items": _list(_ref("Sync")), "next_before": _or_null(_WHOLE)}),
    "HowToSync": {
        "description": "Read what changed since the last sync (the default), or everything again.",
        "oneOf": [
            _object({"mode": {"enum": list(MODES)}}),
            _object({"full": {"type": "boolean"}}),
            {"type": "object", "maxProperties": 0},
        ],
    },
    "Started": _object(
        {"run_id": _TEXT, "job": _TEXT, "project": _or_null(_TEXT), "mode": {"enum": list(MODES)}, "status_url": _TEXT}
    ),
    "Taken": _object({"accepted": {"const": True}, "duplicate": {"type": "boolean"}}),
    "Health": _object({"status": {"const": "ok"}}),
}  # fmt: skip

_SAID = {
    400: "A parameter or the body cannot be used",
    401: "It is not known who asks",
    403: "Another site's page asks",
    404: "There is nothing, no such project or no such run",
    409: "A sync of that kind is at work already; its run is in `run_id`",
    413: "The body is too large",
    415: "The body is not JSON",
    421: "Without a token, a name that is not loopback was asked for",
    429: "Too many events, or wrong secrets, at once",
    502: "Dagster refuses",
    503: "Dagster, the warehouse or the space cannot be reached",
}


def _answers(good: Mapping[int, Schema], *errors: int, kind: str = "application/json") -> Schema:
    found: Schema = {str(status): {"description": "Well", "content": {kind: {"schema": schema}}} for status, schema in good.items()}
    for status in (*errors, 421):
        headers = {"WWW-Authenticate": {"schema": _TEXT}} if status == 401 else {}
        content = {"application/json": {"schema": _ref("Error")}}
        found[str(status)] = {"description": _SAID[status], "content": content, "headers": headers}
    return found


def _read(summary: str, schema: str, *errors: int, parameters: tuple[Schema, ...] = ()) -> Schema:
    tag: Schema = {"name": "If-None-Match", "in": "header", "schema": _TEXT}
    tag["description"] = "The ETag of the answer that is known: nothing is sent again while it holds"
    answers = _answers({200: _ref(schema)}, 401, 503, *errors)
    answers["304"] = {"description": "Nothing has changed"}
    return {"get": {"summary": summary, "tags": ["sync"], "parameters": [tag, *parameters], "responses": answers}}


def _start(summary: str, *errors: int, parameters: tuple[Schema, ...] = ()) -> Schema:
    body = {"required": False, "content": {"application/json": {"schema": _ref("HowToSync")}}}
    answers = _answers({202: _ref("Started")}, 400, 401, 403, 409, 413, 415, 502, 503, *errors)
    return {
        "post": {"summary": summary, "tags": ["sync"], "parameters": list(parameters), "requestBody": body, "responses": answers}
    }


def _parameter(name: str, place: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema, "description": description}


def _open(summary: str, answers: Schema, method: str = "get", **more: Any) -> Schema:
    return {method: {"summary": summary, "tags": ["service"], "security": [], "responses": answers, **more}}


def _paths() -> Schema:
    number = {"type": "integer", "minimum": 1}
    page = (
        _parameter("limit", "query", {**number, "maximum": LARGEST_PAGE, "default": PAGE}, "The most that are requested"),
        _parameter("before", "query", {**number, "maximum": 2**63 - 1}, "`next_before` of the page before"),
        _parameter("type", "query", {**_TEXT, "pattern": NAME}, "What was synced, as `issues`"),
        _parameter("status", "query", {"enum": list(STATUSES)}, "How it stands"),
        _parameter("project", "query", {**_TEXT, "pattern": PROJECT_KEY}, "Key of a project"),
    )
    key = _parameter("key", "path", {**_TEXT, "pattern": PROJECT_KEY}, "Key of a project, as OPS")
    run = _parameter("run_id", "path", _TEXT, "Id of a run, as a start or the history has it")
    secret = _parameter("secret", "path", {**_TEXT, "pattern": "^[A-Za-z0-9_-]{16,}$"}, "BACKLOG_WEBHOOK_SECRET")
    # Whatever comes is kept: nobody promises what a webhook holds.
    event = {"required": False, "content": {"application/json": {"schema": {}}}}
    metrics = _answers({200: _TEXT}, 401, kind="text/plain")
    return {
        f"{ROOT}/connection/status": _read("Whether Backlog answers, and how syncs stand", "Connection"),
        f"{ROOT}/monitor/active": _read("What waits or works, and how far it is", "Active"),
        f"{ROOT}/monitor/stats": _read("What was done in the last 24 hours", "Stats"),
        f"{ROOT}/history": _read("Syncs, newest first", "History", 400, parameters=page),
        f"{ROOT}/runs/{{run_id}}": _read("How a run stands, and why it failed", "Run", 404, 502, parameters=(run,)),
        f"{ROOT}/projects/all": _start("Sync the space, its projects and their master data; they are always read whole"),
        f"{ROOT}/project/{{key}}/tasks": _start("Sync the issues of a project with their comments", 404, parameters=(key,)),
        WEBHOOK: _open(
            "Take in an event of a Backlog webhook; it is kept when this is answered",
            _answers({200: _ref("Taken")}, 400, 404, 413, 429, 503),
            "post",
            parameters=[secret],
            requestBody=event,
        ),
        "/healthz": _open("Whether the service lives", _answers({200: _ref("Health")})),
        "/metrics": {"get": {"summary": "Metrics for Prometheus", "tags": ["service"], "responses": metrics}},
        "/openapi.json": _open("This description", _answers({200: {"type": "object"}})),
        "/": _open("The page", _answers({200: _TEXT}, kind="text/html")),
    }


def document() -> Schema:
    """Return the description as an OpenAPI 3.1 document."""
    try:
        release = version("backlog-elt")
    except PackageNotFoundError:
        release = "0"
    return {
        "openapi": "3.1.0",
        "info": {"title": "backlog-elt sync service", "version": release, "license": {"name": "see the repository"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {}],
        "paths": _paths(),
        "components": {"schemas": SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }

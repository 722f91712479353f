"""What FastAPI cannot derive for the OpenAPI description: the errors of each operation, and
access.
"""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from service.models import Error, SyncRequest

_REASONS = {
    400: "A parameter or the body cannot be used",
    401: "The request has no valid token",
    403: "A page of another site sent the request",
    404: "There is no such address, project, run or schedule",
    409: "A sync of that kind is in progress already, its run is in `run_id`; or "
    "the run cannot be canceled",
    413: "The body is too large",
    415: "The body is not JSON",
    421: "The service does not answer to the name in the request",
    429: "Too many events or too many wrong secrets",
    502: "Dagster refuses",
    503: "Dagster, the warehouse or the space cannot be reached",
}
_REFERENCE = "#/components/schemas/{model}"
#: Not as `model`, by which FastAPI would prepare a validator for each status of each operation: 1
#: MB for nothing.
_ERROR = {"application/json": {"schema": {"$ref": _REFERENCE.format(model="Error")}}}

Responses = dict[int | str, dict[str, Any]]
UNCHANGED: Responses = {304: {"description": "Nothing has changed"}}
#: An operation that needs no token.
OPEN: dict[str, Any] = {"security": []}
#: The body of a request that starts a sync; `service.api` reads it, so that its size and its type
#: are checked first.
SYNC_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {"application/json": {"schema": SyncRequest.model_json_schema()}},
    }
}


def parameter(name: str, place: str, description: str, **schema: Any) -> dict[str, Any]:
    """Return the description of a parameter; it is a text, unless `schema` describes it
    otherwise.
    """
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string", **schema},
    }


#: The endpoints that answer with a tag answer 304 to a client that sends it.
TAG = parameter(
    "If-None-Match", "header", "The ETag of an earlier answer: 304 while nothing has changed"
)


def query(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the description of the parameters in a query, each a field of a model."""
    fields = model.model_json_schema()["properties"]
    return [parameter(name, "query", **field) for name, field in fields.items()]


def takes(*parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the parameters of a `PlainRoute`, of which FastAPI knows
    nothing.
    """
    return {"parameters": [*parameters]}


def text_answer(kind: str) -> Responses:
    """Return the description of an answer that is a text of some kind."""
    return {200: {"content": {kind: {"schema": {"type": "string"}}}}}


def errors(*statuses: int) -> Responses:
    """Return the description of the errors of an operation; 421 is one of every operation."""
    found: Responses = {}
    for status in (*statuses, 421):
        found[status] = {"description": _REASONS[status], "content": _ERROR}
        if status == 401:
            found[status]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return found


def reading(*statuses: int) -> Responses:
    """Return the description of the answers of an operation that reads, without the one
    with data.
    """
    return errors(401, 503, *statuses) | UNCHANGED


def starting(*statuses: int) -> Responses:
    """Return the description of the errors of an operation that starts a sync."""
    return errors(400, 401, 403, 409, 413, 415, 502, 503, *statuses)


def canceling() -> Responses:
    """Return the description of the errors of the operation that cancels a run."""
    return switching() | errors(409)


def switching() -> Responses:
    """Return the description of the errors of an operation that pauses or resumes a schedule."""
    return errors(401, 403, 404, 502, 503)


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of an application."""
    document = app.openapi()
    for operations in document["paths"].values():
        for operation in operations.values():
            # FastAPI describes wrong parameters as 422 with a form of its own; here they are 400,
            # as all errors.
            operation["responses"].pop("422", None)
            operation["summary"] = operation.pop("description").rstrip(".")
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    error = Error.model_json_schema(ref_template=_REFERENCE)
    components["schemas"] |= {**error.pop("$defs"), "Error": error}
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}, {}]
    return document

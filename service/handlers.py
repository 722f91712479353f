"""How the application answers exceptions: always in the form of `service.error_answers`.

That module needs no FastAPI, so Dagster's webserver can import it.
"""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from resources.problems.causes import Failure
from resources.warehouse.warehouse_errors import WarehouseError
from service.error_answers import RETRY_SECONDS, ApiError, error_response, not_found
from service.request_log import blame


async def say_api_error(request: Request, error: Exception) -> Response:
    """Answer with an ApiError."""
    blame(request.scope, str(error))
    return error_response(error if isinstance(error, ApiError) else _unexpected())


async def say_warehouse_error(request: Request, error: Exception) -> Response:
    """Answer that the warehouse cannot be used. The error holds no secret and says what to do."""
    blame(request.scope, str(error))
    return error_response(
        ApiError(
            503,
            "warehouse_unavailable",
            str(error),
            "Nothing is lost: try again when it is back.",
            retry_after=RETRY_SECONDS,
            cause=Failure.of(error).cause,
        )
    )


async def say_http_error(_: Request, error: Exception) -> Response:
    """Answer a path or a method that does not exist."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = dict(error.headers or {})
        return error_response(
            ApiError(
                405,
                "method_not_allowed",
                "This address does not support the method.",
                f"It supports {allowed.get('Allow', '')}.",
            ),
            allowed,
        )
    return error_response(not_found())


async def say_unexpected(_: Request, __: Exception) -> Response:
    """Answer that the service itself has failed; the log has the rest."""
    return error_response(_unexpected())


def _unexpected() -> ApiError:
    return ApiError(
        500,
        "unexpected",
        "The service failed to answer this request.",
        "The log of the service says where.",
    )


HANDLERS: dict[Any, Any] = {
    ApiError: say_api_error,
    WarehouseError: say_warehouse_error,
    HTTPException: say_http_error,
    Exception: say_unexpected,
}

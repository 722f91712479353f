"""Errors as a client of the API sees them: `{"error": {"code", "message", "hint"}}`, whatever went
wrong.
"""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

RETRY_SECONDS = 5


class ApiError(Exception):
    """A request that fails; `details` are shown with code, message and hint."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str,
        *,
        retry_after: int | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.body = {"code": code, "message": message, "hint": hint, **details}


def error_response(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer with an error."""
    content = json.dumps({"error": error.body}, ensure_ascii=False).encode(
        "utf-8", "backslashreplace"
    )
    return Response(content, error.status, {**error.headers, **(headers or {})}, "application/json")


def not_found() -> ApiError:
    """Return the error for every path that does not exist; it never shows how near a guess was."""
    return ApiError(
        404, "not_found", "There is nothing at this address.", "The paths are in /openapi.json."
    )

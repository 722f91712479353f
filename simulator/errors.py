"""The errors of the API: one exception, and one function for each kind that is raised."""

from typing import Any


class ApiError(Exception):
    """An answer other than success: status, code and message of Backlog's error list."""

    def __init__(
        self, status: int, code: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the body as Backlog writes it."""
        return {"errors": [{"message": self.message, "code": self.code, "moreInfo": ""}]}


def forbidden() -> ApiError:
    """403, code 5."""
    return ApiError(403, 5, "You do not have permission to do this.")


def not_found(what: str) -> ApiError:
    """404, code 6."""
    return ApiError(404, 6, f"No such {what}.")


def invalid(message: str) -> ApiError:
    """400, code 7."""
    return ApiError(400, 7, message)


def unauthenticated() -> ApiError:
    """401, code 11."""
    return ApiError(401, 11, "Authentication failure.")


def too_many(retry_after: int | None) -> ApiError:
    """429, code 13."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return ApiError(429, 13, "Too many requests.", headers)

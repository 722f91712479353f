"""The log of requests to Backlog: one line each at DEBUG, and a warning of slow ones."""

import logging

import httpx

SLOW_SECONDS = 10.0  # a page of a hundred issues takes a second

_log = logging.getLogger(__name__)
#: Not below `resources`: Dagster stores the lines of those loggers with the run.
_requests = logging.getLogger("backlog_elt.requests")


def log_request(
    method: str,
    path: str,
    answer: httpx.Response | None,
    seconds: float,
    *,
    slow: float = SLOW_SECONDS,
    **more: object,
) -> None:
    """Log a request, without its parameters and body, which may be secret; `answer` is None when
    none came.
    """
    facts = {
        "method": method,
        "path": path,
        "status": answer.status_code if answer is not None else None,
    }
    _requests.debug("request", extra={**facts, "seconds": round(seconds, 3), **more})
    if seconds > slow:
        _log.warning("%s %s took %.1f s", method, path, seconds)

"""The log of the requests that the service answers: one line each at DEBUG, at WARNING if it was
slow or failed.

A line names the route, as `/webhooks/backlog/{secret}`: never the path, the query or a header,
where secrets are.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

#: Answers come from memory or from one small query.
SLOW_SECONDS = 1.0
#: The key of the cause of a failure in the scope of a request.
_CAUSE = "backlog_elt.cause"

#: Not below `service`, so that its level is that of the log of requests to Backlog.
_requests = logging.getLogger("backlog_elt.service")


def blame(scope: MutableMapping[str, Any], cause: str) -> None:
    """Record why a request fails, in words without secrets; it is logged with the request."""
    scope[_CAUSE] = cause


def log_answer(scope: MutableMapping[str, Any], route: str, status: int, seconds: float) -> None:
    """Log a request whose answer begins after so many seconds. Costs next to nothing if the level
    is off.
    """
    level = logging.WARNING if status >= 500 or seconds > SLOW_SECONDS else logging.DEBUG
    if _requests.isEnabledFor(level):
        facts = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1_000, 1),
        }
        if _CAUSE in scope:
            facts["cause"] = scope[_CAUSE]
        _requests.log(level, "request", extra=facts)

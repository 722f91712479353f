"""The log of the requests that the service answers: one line each at DEBUG, at WARNING what was slow or went wrong.

A line names the route, as `/webhooks/backlog/{secret}`: never the path, the query or a header, where secrets are.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

#: Answers come from memory or from one small query.
SLOW_SECONDS = 1.0
#: Where in the scope of a request it stands why it went wrong.
_CAUSE = "backlog_elt.cause"

#: Not below `service`, so that its level is that of the log of requests to Backlog.
_requests = logging.getLogger("backlog_elt.service")


def blame(scope: MutableMapping[str, Any], cause: str) -> None:
    """Note why a request goes wrong, in words that hold no secret; it is said with the request."""
    scope[_CAUSE] = cause


def log_answer(scope: MutableMapping[str, Any], route: str, status: int, seconds: float) -> None:
    """Log a request whose answer begins after so many seconds. Costs next to nothing where nobody wants to know."""
    level = logging.WARNING if status >= 500 or seconds > SLOW_SECONDS else logging.DEBUG
    if _requests.isEnabledFor(level):
        facts = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1_000, 1)}
        if _CAUSE in scope:
            facts["cause"] = scope[_CAUSE]
        _requests.log(level, "request", extra=facts)

"""What the failure of one request tells about the source as a whole, if anything.

A forbidden project, or an issue whose comments cannot be read, tells nothing about the space.
Requests about the space itself do, and so do failures that every request would meet.
"""

from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    MalformedResponse,
    NotFound,
    NotInPlan,
    PermissionDenied,
    RateLimited,
    Unavailable,
)
from resources.conditions import ConditionKind

#: Requests about the space itself, which every user may send.
OF_THE_SPACE = frozenset(
    {"/space", "/space/activities", "/projects", "/rateLimit", "/users/myself"}
)


def condition_of(error: BacklogError, path: str, *, others_lead: bool) -> ConditionKind | None:
    """Return which condition of the source a failed request shows, None when it concerns only this
    request.

    Args:
        error: the failure.
        path: path of the request, relative to /api/v2.
        others_lead: other programs have used more of the rate limit than this one, as far as is
            known.
    """
    of_the_space = path in OF_THE_SPACE
    match error:
        case RateLimited():
            return "rate_limited" if others_lead else None
        case AuthenticationError():
            return "refused"
        case PermissionDenied() | NotInPlan():
            return "refused" if of_the_space or error.cause == "address_refused" else None
        case Unavailable():
            return "unreachable" if of_the_space or error.no_connection else None
        case MalformedResponse() | NotFound():
            return "unreachable" if of_the_space else None
    return None

"""Rate limits: four buckets per user, each a fixed minute that opens with its first request."""

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any

WINDOW = 60
SEARCH = re.compile(r"/(issues|issues/count|wikis|wikis/count|documents|documents/count)")
ICON = re.compile(r"/(space/image|(users|projects|teams|groups)/[^/]+/(icon|image))")


@dataclass(frozen=True)
class Limits:
    """Requests that a user may send in a minute, by bucket."""

    read: int
    update: int
    search: int
    icon: int

    def fifth(self) -> "Limits":
        """Return the limits that a space sets under heavy load."""
        return replace(
            self, **{one.name: max(1, getattr(self, one.name) // 5) for one in fields(self)}
        )


#: The documented plans. `demo` has ten times the requests of `paid`, so that a demo space is read
#: in a minute.
PLANS = {
    "demo": Limits(read=6_000, update=1_500, search=1_500, icon=600),
    "paid": Limits(read=600, update=150, search=150, icon=60),
    "free": Limits(read=60, update=15, search=15, icon=15),
    "none": Limits(read=1_000_000, update=1_000_000, search=1_000_000, icon=1_000_000),
}


def bucket_of(method: str, path: str) -> str:
    """Return the bucket of a request; `path` is the part after `/api/v2`."""
    if method not in ("GET", "HEAD"):
        return "update"
    if SEARCH.fullmatch(path):
        return "search"
    return "icon" if ICON.fullmatch(path) else "read"


@dataclass(frozen=True)
class Turn:
    """The limiter's decision about a request, and the numbers for its headers."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the headers of every answer."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class RateLimiter:
    """Counts requests per user and bucket; `limits` may be replaced at any time."""

    def __init__(self, limits: Limits, drop_after: int = 0) -> None:
        self.limits = limits
        self.drop_after = drop_after
        self._passed = 0
        self._windows: dict[tuple[int, str], tuple[int, int]] = {}

    def take(self, user: int, bucket: str, now: float) -> Turn:
        """Count one request; a refused request is not counted."""
        limit: int = getattr(self.limits, bucket)
        reset, used = self._window(user, bucket, now)
        allowed = used < limit
        if allowed:
            used += 1
            self._passed += 1
            if self._passed == self.drop_after:
                self.limits = self.limits.fifth()
        self._windows[user, bucket] = (reset, used)
        return Turn(allowed, limit, max(0, limit - used), reset)

    def spend(self, user: int, bucket: str, count: int, now: float) -> None:
        """Use up requests like another program of the same user."""
        reset, used = self._window(user, bucket, now)
        self._windows[user, bucket] = (reset, used + count)

    def state(self, user: int, now: float) -> dict[str, Any]:
        """Return the body of `GET /rateLimit`."""
        shape = {}
        for one in fields(self.limits):
            limit: int = getattr(self.limits, one.name)
            reset, used = self._windows.get((user, one.name), (0, 0))
            if reset <= now:
                reset, used = int(now), 0
            shape[one.name] = {"limit": limit, "remaining": max(0, limit - used), "reset": reset}
        return {"rateLimit": shape}

    def _window(self, user: int, bucket: str, now: float) -> tuple[int, int]:
        reset, used = self._windows.get((user, bucket), (0, 0))
        return (reset, used) if now < reset else (math.ceil(now) + WINDOW, 0)

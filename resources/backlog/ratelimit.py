"""How long to wait for Backlog's rate limits.

Holds: which request belongs to which bucket, what the `X-RateLimit-*` headers said, and the arithmetic of waiting.
Add here: a change in Nulab's buckets. Keep out: sleeping and retrying (transport.py).

A bucket's window is a minute that opens with its first request; limits are counted for each user, so other
programs of that user are seen in the headers too. Source: https://developer.nulab.com/docs/backlog/rate-limit/
"""

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resources.backlog.models import RateLimit

WINDOW_SECONDS = 60.0
MARGIN_SECONDS = 0.5
LONGEST_WAIT = 120.0  # a window lasts a minute; a reset further ahead than this is a broken clock or a wrong unit

_SEARCH = re.compile(r"/(issues|issues/count|wikis|wikis/count|documents)")
_ICON = re.compile(r".*/(icon|image)")


def bucket_of(method: str, path: str) -> str:
    """Name the rate-limit bucket of a request; `path` is relative to /api/v2.

    The list of search endpoints is missing from Nulab's page; this one is from clients that watched the headers.
    """
    if method != "GET":
        return "update"
    if _SEARCH.fullmatch(path):
        return "search"
    return "icon" if _ICON.fullmatch(path) else "read"


@dataclass(frozen=True)
class _Seen:
    limit: int | None
    remaining: int
    reset: float | None  # epoch seconds by the server's clock
    at: float  # server time of the answer


class RateLimiter:
    """Knows the state of each bucket from the headers of its last answer, by the server's clock.

    `reserve` is the share of each window that is left to people. Nothing is known of a bucket before its first
    answer or after a wait: the next request just goes, so that work goes on whatever the limit and reserve are.
    """

    def __init__(self, reserve: float, clock: Callable[[], float] = time.time) -> None:
        if not 0 <= reserve < 1:
            msg = f"the rate reserve is a share from 0 up to but not 1, got {reserve}"
            raise ValueError(msg)
        self._reserve = reserve
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._answered: tuple[datetime, float] | None = None  # Date header, local clock at that moment
        self.limits: dict[str, RateLimit] = {}

    @property
    def server_time(self) -> datetime | None:
        """The `Date` of the last answer that had one, UTC; whole seconds, rounded down by the server."""
        return self._answered[0] if self._answered else None

    def now(self) -> float:
        """Estimate the server's clock, in epoch seconds; the local clock until an answer told the time."""
        if self._answered is None:
            return self._clock()
        date, at = self._answered
        return date.timestamp() + max(0.0, self._clock() - at)

    def observe(self, bucket: str, headers: Mapping[str, str]) -> None:
        """Take in the headers of an answer; missing or nonsensical ones say nothing."""
        date = _http_date(headers.get("date"))
        if date is not None:
            self._answered = (date, self._clock())
        limit = _whole(headers.get("x-ratelimit-limit"))
        remaining = _whole(headers.get("x-ratelimit-remaining"))
        reset = _whole(headers.get("x-ratelimit-reset"))
        if remaining is None:
            self._seen.pop(bucket, None)
            return
        self._seen[bucket] = _Seen(limit, max(0, remaining), reset, self.now())
        if limit is not None and reset is not None and abs(reset - self.now()) <= LONGEST_WAIT:
            self.limits[bucket] = RateLimit(limit, max(0, remaining), datetime.fromtimestamp(reset, UTC))

    def wait_before(self, bucket: str) -> float:
        """Say how many seconds to wait before the next request of this bucket; the window is forgotten then."""
        seen = self._seen.get(bucket)
        if seen is None or seen.remaining > math.ceil((seen.limit or 0) * self._reserve):
            return 0.0
        now = self.now()
        opens = seen.reset if seen.reset is not None and seen.reset - seen.at <= LONGEST_WAIT else None
        if opens is None:
            opens = seen.at + WINDOW_SECONDS
        del self._seen[bucket]
        return opens - now + MARGIN_SECONDS if opens > now else 0.0

    def wait_after_429(self, bucket: str, headers: Mapping[str, str]) -> float:
        """Say how many seconds to wait after a 429: until Reset, else Retry-After, else a whole window."""
        self.observe(bucket, headers)
        self._seen.pop(bucket, None)
        reset = _whole(headers.get("x-ratelimit-reset"))
        if reset is not None and 0 <= reset - self.now() <= LONGEST_WAIT:
            return reset - self.now() + MARGIN_SECONDS
        asked = retry_after(headers, self.now())
        return asked if asked else WINDOW_SECONDS


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read `Retry-After` (seconds or a date) as seconds from now, clamped to two minutes; None when absent or silly."""
    value = headers.get("retry-after")
    seconds: float | None = _whole(value)
    if seconds is None and (date := _http_date(value)) is not None:
        seconds = date.timestamp() - now
    return None if seconds is None or seconds < 0 else min(seconds, LONGEST_WAIT)


def _whole(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else None


def _http_date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)

"""Waits for Backlog's rate limits: no request is sent before `RateLimiter.await_window` returns.

Holds: the bucket of each request, the meaning of the `X-RateLimit-*` headers, what one bucket tells
about the others, how long a request waits for its window, and the wait. After a 429 `transport.py`
waits for the seconds that are found here.

Limits apply to a user, so requests of that user's other programs are counted in the headers, too.
Source: https://developer.nulab.com/docs/backlog/rate-limit/

Clients that wait for the same window continue at the same moment. This does no harm: each sends one
request at a time and learns from the answer how much the others used. Spreading them out would only
leave the window to programs that do not wait.
"""

import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resources.backlog import waits
from resources.backlog.client_values import RateLimit, Record
from resources.backlog.errors import MalformedResponse
from resources.backlog.ratewindow import MARGIN_SECONDS, WINDOW_SECONDS, Bucket, Reported
from resources.records import EARLIEST, LATEST

# A window lasts a minute; a reset later than this means a wrong clock or unit.
LONGEST_WAIT = 120.0
#: For this many seconds after others used a good share of a window, they are expected to do so
#: again.
PRESSED_SECONDS = 600.0
PRESSING_SHARE = 0.25

_SEARCH = re.compile(r"/(issues|issues/count|wikis|wikis/count|documents)")
_ICON = re.compile(r".*/(icon|image)")


def least_minutes(requests: int, limit: int, reserve: float) -> int:
    """Return how many minutes some requests take at least.

    Args:
        requests: how many.
        limit: requests that a minute allows.
        reserve: share of the limit that is left to people.
    """
    return math.ceil(requests / (limit * (1 - reserve)))


def bucket_of(method: str, path: str) -> str:
    """Return the rate-limit bucket of a request; `path` is relative to /api/v2.

    Nulab does not list the search endpoints; these are from clients that observed the headers.
    """
    if method != "GET":
        return "update"
    if _SEARCH.fullmatch(path):
        return "search"
    return "icon" if _ICON.fullmatch(path) else "read"


def reported_limits(answer: Record) -> dict[str, RateLimit]:
    """Return the window of each bucket from an answer of `/rateLimit`.

    Raises:
        MalformedResponse: the answer lacks one.
    """
    buckets = answer.get("rateLimit")
    if not isinstance(buckets, dict):
        raise MalformedResponse("GET /rateLimit: the answer has no object `rateLimit`")
    try:
        return {
            name: RateLimit(
                item["limit"], item["remaining"], datetime.fromtimestamp(item["reset"], UTC)
            )
            for name, item in buckets.items()
        }
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise MalformedResponse(
            "GET /rateLimit: a bucket lacks its limit, remaining or reset"
        ) from None


class RateLimiter:
    """Tracks the state of each bucket from answers, and from its own requests where answers lack
    it.

    Unknown limits do not block requests: before the first answer of a bucket and after a wait, the
    next request is sent.

    Args:
        reserve: share of each window that is left to people.
        clock: returns epoch seconds.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        reserve: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = waits.sleep,
    ) -> None:
        if not 0 <= reserve < 1:
            raise ValueError(f"the rate reserve is a share from 0 up to but not 1, got {reserve}")
        self.reserve = reserve
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[str, Bucket] = {}
        # Date header of the last answer, local clock at that moment.
        self._answered: tuple[datetime, float] | None = None
        self._pressed_until = -math.inf
        self.limits: dict[str, RateLimit] = {}

    @property
    def server_time(self) -> datetime | None:
        """The `Date` of the last answer that had one, UTC, in whole seconds, rounded down."""
        return self._answered[0] if self._answered else None

    def now(self) -> float:
        """Return the server's estimated time in epoch seconds; the local time before the first
        answer.
        """
        if self._answered is None:
            return self._clock()
        date, at = self._answered
        return date.timestamp() + max(0.0, self._clock() - at)

    def sending(self, bucket: str) -> None:
        """Count a request that is about to be sent."""
        self._bucket(bucket).send(self._clock())

    def others_lead(self, bucket: str) -> bool:
        """Return whether other programs have used more of the window than this client, by the last
        answer.
        """
        return self._bucket(bucket).others_lead

    def observe(self, bucket: str, headers: Mapping[str, str]) -> None:
        """Update a bucket from the headers of an answer; without valid headers, count own
        requests.
        """
        date = http_date(headers.get("date"))
        if date is not None:
            self._answered = (date, self._clock())
        limit, remaining, reset = (
            _header_number(headers.get(f"x-ratelimit-{name}"))
            for name in ("limit", "remaining", "reset")
        )
        if remaining is None:
            self._bucket(bucket).take_nothing()
        else:
            self._take(bucket, limit, remaining, reset)

    def observe_all(self, limits: object) -> None:
        """Update all buckets from the body of `GET /rateLimit`.

        When it is malformed, it is not asked for again until others are busy again.
        """
        buckets = limits.get("rateLimit") if isinstance(limits, dict) else None
        if not isinstance(buckets, dict):
            self._pressed_until = -math.inf
            return
        for name, shown in buckets.items():
            numbers = (
                [shown.get(key) for key in ("limit", "remaining", "reset")]
                if isinstance(shown, dict)
                else []
            )
            known = [number for number in numbers if type(number) is int]
            if len(known) == 3:
                self._take(name, *known)

    def await_window(
        self,
        bucket: str,
        ask: Callable[[], None],
        before_wait: Callable[[float], None],
        longest: float = math.inf,
    ) -> None:
        """Wait until a request of this bucket may be sent.

        Args:
            bucket: of the request.
            ask: sends `GET /rateLimit` and passes its answer to `observe_all`; called when others
                may have used the rest of this window.
            before_wait: told the seconds of each wait before it begins.
            longest: seconds that all waits may take; after them the request is sent anyway.
        """
        waited = 0.0
        while waited <= longest:
            if self._unsure(bucket):
                ask()
            # After a wait one request is sent, unless the window is used up.
            seconds = self._bucket(bucket).seconds_to_wait(
                self._clock(), self.reserve, waited=waited > 0
            )
            if seconds <= 0:
                break
            before_wait(seconds)
            self._sleep(seconds)
            waited += seconds

    def _unsure(self, bucket: str) -> bool:
        """Return whether others may have used the rest of this window, so that `GET /rateLimit`
        comes first.

        That request counts in the bucket `read`, so it does not help for that bucket, nor when that
        bucket is used up.
        """
        if bucket == "read" or self._clock() >= self._pressed_until:
            return False
        read, asked = self._bucket("read"), self._bucket(bucket)
        if asked.headless or (
            read.reported is not None
            and read.reported.remaining <= read.keep(self.reserve, read.limit)
        ):
            return False
        if asked.reported is None:
            return True
        keep = asked.keep(self.reserve, asked.limit)
        return asked.left(self._clock()) <= keep < asked.reported.remaining

    def seconds_after_429(self, bucket: str, headers: Mapping[str, str]) -> float:
        """Return how many seconds to wait after a 429: until Reset, else Retry-After, else a whole
        window.
        """
        self.observe(bucket, headers)
        self._bucket(bucket).refuse(self._clock())
        self._pressed_until = self._clock() + PRESSED_SECONDS
        reset = _header_number(headers.get("x-ratelimit-reset"))
        if reset is not None and 0 <= reset - self.now() <= LONGEST_WAIT:
            return reset - self.now() + MARGIN_SECONDS
        asked = retry_after(headers, self.now())
        return asked if asked else WINDOW_SECONDS

    def _take(self, name: str, limit: int | None, remaining: int, reset: int | None) -> None:
        bucket, now, ahead = (
            self._bucket(name),
            self._clock(),
            reset - self.now() if reset is not None else math.inf,
        )
        limit = limit if limit is not None and limit > 0 else None
        remaining = max(0, remaining if limit is None else min(remaining, limit))
        if limit is not None and bucket.limit is not None and limit < bucket.limit:
            # A space under load lowers the limits of all buckets, so those of the others are
            # lowered here, too.
            for other in self._buckets.values():
                if other is not bucket:
                    other.lower(limit / bucket.limit)
        bucket.take(
            Reported(limit, remaining, now + ahead if 0 < ahead <= LONGEST_WAIT else None, now)
        )
        if bucket.others() > (bucket.limit or math.inf) * PRESSING_SHARE:
            self._pressed_until = now + PRESSED_SECONDS
        if limit is not None and reset is not None and abs(ahead) <= LONGEST_WAIT:
            self.limits[name] = RateLimit(limit, remaining, datetime.fromtimestamp(reset, UTC))

    def _bucket(self, name: str) -> Bucket:
        return self._buckets.setdefault(name, Bucket(name))


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return `Retry-After` (seconds or a date) as seconds from now, at most two minutes; None when
    absent or malformed.
    """
    value = headers.get("retry-after")
    seconds: float | None = _header_number(value)
    if seconds is None and (date := http_date(value)) is not None:
        seconds = date.timestamp() - now
    return None if seconds is None or seconds < 0 else min(seconds, LONGEST_WAIT)


def _header_number(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else None


def http_date(value: str | None) -> datetime | None:
    """Return the date in a header, UTC; None when absent or malformed."""
    try:
        date = parsedate_to_datetime(value or "")
        found = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if EARLIEST <= found < LATEST else None

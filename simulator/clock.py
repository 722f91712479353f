"""The simulator's clock and its formats of time."""

import threading
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400


class Clock:
    """A clock that follows real time until it is set, moved or stopped; thread-safe, in seconds
    since 1970 (UTC).
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._offset = 0.0
        self._frozen: float | None = None
        if start is not None:
            self.set(start)

    def now(self) -> float:
        """Return the simulated time in seconds since 1970."""
        with self._lock:
            return self._frozen if self._frozen is not None else time.time() + self._offset

    def set(self, moment: datetime) -> None:
        """Set the time to `moment` (with a time zone) and continue from there, unless frozen."""
        with self._lock:
            if self._frozen is not None:
                self._frozen = moment.timestamp()
            self._offset = moment.timestamp() - time.time()

    def advance(self, seconds: float) -> None:
        """Jump `seconds` ahead."""
        with self._lock:
            if self._frozen is not None:
                self._frozen += seconds
            self._offset += seconds

    def freeze(self, moment: datetime | None = None) -> None:
        """Stop the clock, at `moment` if given; then only `set` and `advance` change it."""
        stop = self.now() if moment is None else moment.timestamp()
        with self._lock:
            self._frozen = stop


@lru_cache(maxsize=200_000)
def stamp(seconds: int) -> str:
    """Return `YYYY-MM-DDThh:mm:ssZ`, the only format in which Backlog writes a time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=20_000)
def day_stamp(day: str, zone: str) -> str:
    """Return midnight of `day` (`YYYY-MM-DD`) in `zone` as a time, the format of
    date-only fields.
    """
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return stamp(int(local.timestamp()))


@lru_cache(maxsize=20_000)
def day_bounds(day: date, zone: str) -> tuple[int, int]:
    """Return the first second of `day` in `zone` and the first second of the day after."""
    tz = ZoneInfo(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=tz)
    after = day + timedelta(days=1)
    return int(start.timestamp()), int(
        datetime(after.year, after.month, after.day, tzinfo=tz).timestamp()
    )

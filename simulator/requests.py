"""The log of requests to the simulator: counts of all, and details of the last ones."""

import threading
from collections import Counter, deque
from dataclasses import dataclass, field

KEPT = 5_000


@dataclass
class RequestInfo:
    """One request; `route` is its path with placeholders for the variable parts.

    `status`, `size` (bytes of the answer) and `seconds` (from the request to the answer) are 0
    until it is answered.
    """

    method: str
    path: str
    route: str
    bucket: str
    params: list[tuple[str, str]] = field(default_factory=list)
    user: int = 0
    status: int = 0
    size: int = 0
    seconds: float = 0.0

    def param(self, name: str) -> str | None:
        """Return a parameter of the query string; None when it was not sent."""
        return next((value for one, value in self.params if one == name), None)


class RequestLog:
    """Answered requests, thread-safe and bounded in memory; keys and tokens are not stored."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, int]] = Counter()
        self._size = 0
        self._seconds = 0.0
        self._recent: deque[RequestInfo] = deque(maxlen=KEPT)

    def add(self, info: RequestInfo) -> None:
        """Record an answered request."""
        with self._lock:
            self._counts[info.bucket, info.method, info.route, info.status] += 1
            self._size += info.size
            self._seconds += info.seconds
            self._recent.append(info)

    def count(
        self,
        *,
        bucket: str | None = None,
        method: str | None = None,
        route: str | None = None,
        status: int | None = None,
    ) -> int:
        """Return how many answered requests match all given conditions, such as
        `route="/issues/{issue}"`.
        """
        conditions = (bucket, method, route, status)
        with self._lock:
            return sum(
                number
                for key, number in self._counts.items()
                if all(
                    expected is None or expected == value
                    for expected, value in zip(conditions, key, strict=True)
                )
            )

    def by_bucket(self) -> dict[str, int]:
        """Return the number of requests by bucket."""
        return self._sums(0)

    def by_route(self) -> dict[str, int]:
        """Return the number of requests by route."""
        return self._sums(2)

    def by_status(self) -> dict[str, int]:
        """Return the number of answers by status."""
        return self._sums(3)

    @property
    def seconds(self) -> float:
        """The total time of all answers, each from the request to the answer."""
        with self._lock:
            return self._seconds

    @property
    def size(self) -> int:
        """The total bytes of all answers, without headers."""
        with self._lock:
            return self._size

    def recent(self) -> list[RequestInfo]:
        """Return the last requests (at most 5,000), oldest first."""
        with self._lock:
            return list(self._recent)

    def clear(self) -> None:
        """Start counting again."""
        with self._lock:
            self._counts.clear()
            self._size = 0
            self._seconds = 0.0
            self._recent.clear()

    def _sums(self, place: int) -> dict[str, int]:
        sums: Counter[str] = Counter()
        with self._lock:
            for key, number in self._counts.items():
                sums[str(key[place])] += number
        return dict(sums)

"""Faults on demand: what goes wrong, for which requests, and how often."""

import re
import threading
from dataclasses import dataclass
from typing import Literal

CODES = {400: 7, 401: 11, 402: 3, 403: 5, 404: 6, 429: 13}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `kind` is `status` (an error of the API with that status), `html` (a page where JSON is due,
    with that status), `close` (the connection ends before the answer), `cut` (it ends in the middle
    of the answer), `truncate` (a whole answer that holds half of the JSON) or `slow` (the right
    answer, `seconds` late). It hits requests whose path below `/api/v2` matches the regular
    expression `path` whole; the first `times` of them (None: all), or of those every `every`-th.
    `reset_in` is when a 429 says that its window ends, in seconds from now.
    """

    kind: Literal["status", "html", "close", "cut", "truncate", "slow"] = "status"
    status: int = 500
    path: str = ".*"
    method: str | None = None
    times: int | None = 1
    every: int = 1
    seconds: float = 0.0
    reset_in: float = 1.0

    def code(self) -> int:
        """Return Backlog's error code that goes with the status."""
        return CODES.get(self.status, 1)


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    done: int = 0


class Faults:
    """The faults in force, thread-safe; a request meets at most one of them, and slowness too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def add(self, *faults: Fault) -> None:
        """Put faults into force, after those already there."""
        with self._lock:
            self._armed += [_Armed(fault) for fault in faults]

    def clear(self) -> None:
        """Let all go well again."""
        with self._lock:
            self._armed.clear()

    def pending(self) -> int:
        """Return how many faults are still in force."""
        with self._lock:
            return len(self._armed)

    def take(self, method: str, path: str) -> list[Fault]:
        """Return what hits this request: at most one fault, after any slowness."""
        with self._lock:
            hits: list[Fault] = []
            for armed in list(self._armed):
                fault = armed.fault
                if fault.method not in (None, method) or not re.fullmatch(fault.path, path):
                    continue
                if fault.kind != "slow" and any(one.kind != "slow" for one in hits):
                    continue
                armed.seen += 1
                if armed.seen % fault.every:
                    continue
                armed.done += 1
                hits.append(fault)
                if fault.times is not None and armed.done >= fault.times:
                    self._armed.remove(armed)
            return sorted(hits, key=lambda one: one.kind != "slow")

"""Faults on demand: what goes wrong, for which requests, and how often."""

import re
import threading
from dataclasses import dataclass
from typing import Literal

CODES = {400: 7, 401: 11, 402: 3, 403: 5, 404: 6, 429: 13}


@dataclass(frozen=True)
class Fault:
    """A fault to inject.

    `kind` is one of:
    - `status`: an API error with that status.
    - `html`: an HTML page instead of JSON, with that status.
    - `close`: the connection ends before the answer.
    - `cut`: the connection ends in the middle of the answer.
    - `truncate`: a complete answer with half of the JSON.
    - `slow`: the right answer, `seconds` late.

    It applies to requests whose path below `/api/v2` fully matches the regular expression `path`:
    to the first `times` of them (None: all), or to every `every`-th. `reset_in` is when a 429 says
    that its window ends, in seconds from now.
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
    """The active faults, thread-safe. A request gets at most one of them, in addition to
    slowness.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def add(self, *faults: Fault) -> None:
        """Add faults after the existing ones."""
        with self._lock:
            self._armed += [_Armed(fault) for fault in faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._armed.clear()

    def pending(self) -> int:
        """Return how many faults are still active."""
        with self._lock:
            return len(self._armed)

    def take(self, method: str, path: str) -> list[Fault]:
        """Return the faults for this request: at most one, after any slowness."""
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

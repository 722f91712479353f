"""Progress of a long load, for the people who watch it.

A load reports to a `Progress`. The command line draws a bar from it; others write plain lines to
the log.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

#: Seconds between two lines about the same table: often enough to show that a load works.
LINE_EVERY = 15.0

#: What is counted instead of rows: comments are fetched by issue, and only the number of issues is
#: known in advance.
UNITS = {"comments": "issues", "marts": "models"}

_logger = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives the progress of a load."""

    def start(self, what: str, total: int | None) -> None:
        """Report that `what` begins; `total` is the expected number of rows (see UNITS), None when
        unknown.
        """

    def advance(self, what: str, rows: int) -> None:
        """Report that `rows` more rows of `what` are read and committed."""

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Report that the load waits, why, and until when."""

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Report that `what` has ended: what happened to its rows, and its requests by bucket, with
        retries.
        """


class LogProgress:
    """Progress as plain lines: every 15 seconds, for each wait, and at the end of each table."""

    def __init__(
        self,
        write: Callable[[str], object] = _logger.info,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._clock = clock
        self._rows: dict[str, int] = {}
        self._total: dict[str, int | None] = {}
        self._said_at: dict[str, float] = {}

    def start(self, what: str, total: int | None) -> None:
        """Start to count. No line yet, since most tables are read in one request."""
        self._rows[what], self._total[what], self._said_at[what] = 0, total, self._clock()

    def advance(self, what: str, rows: int) -> None:
        """Count, and write a line if the last one is older than `LINE_EVERY`."""
        self._rows[what] = self._rows.get(what, 0) + rows
        if self._clock() - self._said_at.get(what, 0.0) >= LINE_EVERY:
            self._said_at[what] = self._clock()
            total = self._total.get(what)
            self._write(
                f"{what}: {self._rows[what]:,} {UNITS.get(what, 'rows')}"
                + (f" of {total:,}" if total else "")
            )

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Write a line for each wait."""
        self._write(f"waiting up to {seconds:.0f} s for the {reason}, until {until:%H:%M:%S %Z}")

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Write what happened to the rows, and drop the counters."""
        figures = [f"{count:,} {name}" for name, count in rows.items() if count]
        if rows:
            self._write(f"{what}: {', '.join(figures) or 'no rows'}")
        for counters in (self._rows, self._total, self._said_at):
            counters.pop(what, None)


def how_far(sync: Mapping[str, Any]) -> str:
    """Return how far a running sync is and, if it waits, why and until when at most."""
    done, total, until = sync["progress_done"], sync["progress_total"], sync["waiting_until"]
    what = str(sync["sync_type"]) + (f" of {sync['project_key']}" if sync["project_key"] else "")
    if done is not None:
        of = f" of {total:,}" if total else ""
        what += f", {done:,}{of} {UNITS.get(sync['sync_type'], 'rows')}"
    if not sync["waiting_for"]:
        return what
    at_most = f" until {until.astimezone():%H:%M:%S}" if until else ""
    return f"{what}: waiting for the {sync['waiting_for']}{at_most}"

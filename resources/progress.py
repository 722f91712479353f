"""Progress: what a long load reports to people who watch it.

The assets report to a `Progress`; the command line draws a bar from it, everything else gets plain
lines in the log.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

#: Seconds between two plain lines about the same table, so that a long load says it is alive
#: without filling the log.
LINE_EVERY = 15.0

#: What is counted of a table when it is not its rows: comments are asked for issue by issue, and
#: only those are known before.
UNITS = {"comments": "issues", "marts": "models"}

_logger = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives how far a load is."""

    def start(self, what: str, total: int | None) -> None:
        """Say that `what` begins; `total` is the number of rows (see UNITS) expected, None when it
        cannot be known.
        """

    def advance(self, what: str, rows: int) -> None:
        """Say that `rows` more rows of `what` are read and committed."""

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Say that the load stands still, why, and until when."""

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Say that `what` has ended: what became of its rows, and the requests made for it by
        bucket, with retries.
        """


class LogProgress:
    """Progress as plain lines: every quarter of a minute of a long read, when it waits, and at the
    end of each table.
    """

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
        """Begin to count; says nothing yet, since most tables are read in one request."""
        self._rows[what], self._total[what], self._said_at[what] = 0, total, self._clock()

    def advance(self, what: str, rows: int) -> None:
        """Count, and write a line when the last one is a while ago."""
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
        """Write what became of the rows, and forget the counters."""
        del requests
        figures = [f"{count:,} {name}" for name, count in rows.items() if count]
        if rows:
            self._write(f"{what}: {', '.join(figures) or 'no rows'}")
        for counters in (self._rows, self._total, self._said_at):
            counters.pop(what, None)


def how_far(sync: Mapping[str, Any]) -> str:
    """Return how far a sync at work is and, if it stands still, why and until when at most."""
    done, total, until = sync["progress_done"], sync["progress_total"], sync["waiting_until"]
    what = str(sync["sync_type"]) + (f" of {sync['project_key']}" if sync["project_key"] else "")
    if done is not None:
        of = f" of {total:,}" if total else ""
        what += f", {done:,}{of} {UNITS.get(sync['sync_type'], 'rows')}"
    if not sync["waiting_for"]:
        return what
    at_most = f" until {until.astimezone():%H:%M:%S}" if until else ""
    return f"{what}: waiting for the {sync['waiting_for']}{at_most}"

"""The rows of a load in `ops.sync_history`: one for each pass, with what it waits for and how far
it is.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record, RequestStats
from resources.problems.causes import Failure
from resources.warehouse.history import history_writer
from resources.warehouse.raw.loader import MergeResult
from resources.warehouse.state.living_loads import lock_of
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_errors import WarehouseError
from sync.counts import Counts
from sync.events import WAITING, Listener

#: Seconds between two notes of how far a load is: the page shows them every two seconds, and
#: notes cost time.
NOTE_EVERY = 1.0


@dataclass
class _Pass:
    """A pass that goes on; `row` is its number, None for a wait inside another pass."""

    mode: str
    row: int | None
    before: RequestStats
    counts: Counts = field(default_factory=Counts)
    failures: list[Failure] = field(default_factory=list)


@dataclass
class HistoryRows(Listener):
    """Writes the rows of the load of a table; `failed`: one of them says that it failed.

    Each method raises WarehouseError where the warehouse cannot be used.
    """

    client: BacklogClient
    engine: Engine
    space_key: str
    table: str
    run_id: str
    clock: Callable[[], float] = time.monotonic
    failed_once: bool = False
    _passes: list[_Pass] = field(default_factory=list)
    _waiting: bool = False  # whether a wait is shown
    _done: int = 0
    _total: int | None = None
    _noted_at: float = 0.0

    def begin(self, locks: Locks) -> None:
        """Show that this load is at work, until the locks are released."""
        locks.acquire(lock_of(self.run_id, self.table))

    def expected(self, total: int | None) -> None:
        """Begin to count."""
        self._done, self._total = 0, total

    def started(self, mode: str, projects: Sequence[str] | None) -> None:
        """Write a row; a wait inside a pass is shown in the row of that."""
        row = None
        if not (mode == WAITING and self._passes):
            row = history_writer.start_sync(
                self.engine,
                space_key=self.space_key,
                sync_type=self.table,
                mode=mode,
                run_id=self.run_id,
                projects=projects,
            )
        self._passes.append(_Pass(mode, row, self.client.stats.snapshot()))

    def waiting(self, what: str, seconds: float, until: datetime) -> None:
        """Note the wait, by the clock of this machine; between two rows there is nowhere to."""
        if self._row is not None:
            ends = datetime.now(UTC) + timedelta(seconds=seconds)
            history_writer.note_wait(self.engine, self._row, what, ends)
            self._waiting = True

    def arrived(self) -> None:
        """Note that the wait, if there was one, is over."""
        if self._waiting and self._row is not None:
            history_writer.note_wait(self.engine, self._row, None)
        self._waiting = False

    def merged(self, table: str, records: Sequence[Record], result: MergeResult) -> None:
        """Count rows of the table of the load."""
        if table == self.table:
            for one in self._passes:
                one.counts += Counts.of(result)

    def advanced(self, rows: int) -> None:
        """Count, and note it when the last note is a while ago."""
        self._done += rows
        if self._row is not None and self.clock() - self._noted_at >= NOTE_EVERY:
            self._noted_at = self.clock()
            history_writer.note_progress(self.engine, self._row, self._done, self._total)

    def failed(self, failure: Failure) -> None:
        """Keep it for the row."""
        for one in self._passes:
            one.failures.append(failure)

    def ended(self, failure: Failure | None) -> None:
        """Close the row; that of a wait between two passes stays only when it was in vain."""
        ended = self._passes.pop()
        if ended.row is None:
            return
        failure = failure or Failure.together(ended.failures)
        figures = {
            "items_synced": ended.counts.read - ended.counts.rejected,
            "items_failed": ended.counts.rejected,
            "requests": (self.client.stats - ended.before).total,
        }
        if failure is not None:
            self.failed_once = True
            # A server that is gone takes no note; the row counts as interrupted.
            with suppress(WarehouseError):
                history_writer.fail_sync(self.engine, ended.row, failure, **figures)
        elif ended.mode == WAITING:
            history_writer.forget_sync(self.engine, ended.row)
        else:
            history_writer.finish_sync(self.engine, ended.row, **figures)

    @property
    def _row(self) -> int | None:
        """The row of the pass that goes on, None between two of them."""
        return next((one.row for one in reversed(self._passes) if one.row is not None), None)

"""Progress that is seen from outside: how far a load is, noted in its row of `ops.sync_history`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from resources.progress import Progress
from resources.warehouse.history import history_writer
from sync.sync_locks import SyncLocks

#: Seconds between two notes: who watches looks every two seconds, and a load has better things to
#: do.
NOTE_EVERY = 1.0


@dataclass
class NotedProgress:
    """Passes everything on, and notes now and then how far the load of one table is, where it has a
    row in progress.
    """

    inner: Progress
    sync_locks: SyncLocks
    clock: Callable[[], float] = time.monotonic
    _done: int = 0
    _total: int | None = None
    _noted_at: float = 0.0

    def start(self, what: str, total: int | None) -> None:
        """Pass on, and begin to count."""
        self._done, self._total = 0, total
        self.inner.start(what, total)

    def advance(self, what: str, rows: int) -> None:
        """Pass on and count; note it when the last note is a while ago.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """
        self.inner.advance(what, rows)
        self._done += rows
        if self.sync_locks.row is not None and self.clock() - self._noted_at >= NOTE_EVERY:
            self._noted_at = self.clock()
            history_writer.note_progress(
                self.sync_locks.engine, self.sync_locks.row, self._done, self._total
            )

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Pass on."""
        self.inner.wait(reason, seconds, until)

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Pass on."""
        self.inner.done(what, rows, requests)

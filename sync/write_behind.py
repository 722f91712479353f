"""Storing while the next answer is under way: one thing at a time, in the order in which it was
read.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent import futures
from contextvars import copy_context
from types import TracebackType
from typing import Generic, Self, TypeVar

from resources.backlog.client import BacklogClient
from sync.events import Events

#: How much longer the next answer must take than storing a page probably does. The last few of both
#: are looked at.
MARGIN = 1.25
RECENT = 8

Result = TypeVar("Result")


class WriteBehind(Generic[Result]):
    """Calls one function at a time in a thread of its own; leave the `with` to be sure that none is
    running any more.

    A kill loses what is being stored and what comes in meanwhile. Those may be a hundred rows
    together. So a page of many rows is stored while the next answer is under way only where the
    source takes longer to answer than PostgreSQL to store.

    `events` are told that a wait of who reads is over when something is to be stored.
    """

    def __init__(self, client: BacklogClient, events: Events | None = None) -> None:
        self._client = client
        self._events = events
        self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix="store")
        self._running: futures.Future[Result] | None = None
        self._recent: deque[tuple[int, float]] = deque(maxlen=RECENT)  # rows and seconds

    def begin(self, store: Callable[[], Result], rows: int | None = None) -> list[Result]:
        """Begin to store when what was begun before has ended; raise what that has raised, then
        nothing is begun.

        Args:
            store: what to call.
            rows: how many it stores; None: so few that more may come in meanwhile in any case.

        Returns:
            what `store` returned, of each that has ended since the last call.
        """
        ended = self.wait()
        if self._events is not None:
            self._events.arrived()
        whole = not (rows is None or self._is_stored_first(rows))
        self._running = self._thread.submit(copy_context().run, self._timed, store, rows)
        return ended + self.wait() if whole else ended

    def wait(self) -> list[Result]:
        """Return when nothing is being stored, with what that has returned; raise what it has
        raised.
        """
        if (running := self._running) is None:
            return []
        futures.wait([running])
        self._running = None
        return [running.result()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self._end()

    def _timed(self, store: Callable[[], Result], rows: int | None) -> Result:
        began = time.monotonic()
        result = store()
        if rows is not None:
            self._recent.append((rows, time.monotonic() - began))
        return result

    def _is_stored_first(self, rows: int) -> bool:
        """Say whether rows will be stored before the next answer comes, as far as the last ones
        show it.
        """
        if not self._recent:
            return False
        seconds = max(took * max(1.0, rows / max(1, known)) for known, took in self._recent)
        return self._client.quickest_answer > MARGIN * seconds

    def _end(self) -> None:
        """Wait for what is being stored, which needs the locks of the load, however often the load
        is broken off.
        """
        try:
            futures.wait([self._running] if self._running else [])
        except BaseException:
            self._end()
            raise
        self._thread.shutdown(wait=False)

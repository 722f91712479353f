"""Reading one step ahead: a thread requests the next batch from the source while the load commits
the one before it.
"""

import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Self, TypeVar

from resources.backlog.client import BacklogClient
from resources.backlog.waits import WAITS, Waits
from sync.events import Events

#: How much longer the next answer must take than committing a page probably does. The last few of
#: both are looked at.
MARGIN = 1.25
RECENT = 8

Batch = TypeVar("Batch")
End = TypeVar("End")


class Ahead(Generic[Batch, End]):
    """Iterates over the batches that a generator reads from the source; the next one is read in
    `meanwhile`.

    Each step of the generator runs in a thread of its own, and never two at once. That thread knows
    no session and writes nothing. So leaving the `with` does not wait for it: it makes no more
    requests, and its wait for a rate limit ends. The iterating thread does everything else:
    commits, other calls, events. It gets the waits and the errors of the generator in their order.

    A kill loses the batch that is being committed and the one that is being read. Together they may
    be a hundred rows.
    """

    #: What the generator has returned, once the iteration has ended.
    end: End

    def __init__(
        self, client: BacklogClient, events: Events, read: Generator[Batch, None, End]
    ) -> None:
        self._client = client
        self._events = events
        self._read = read
        self._waits = Waits(on_wait=self._tell)
        self._told = SimpleQueue[tuple[str, float, datetime] | Future[Batch]]()
        self._under_way = False
        self._recent: deque[tuple[int, float]] = deque(maxlen=RECENT)  # rows and seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._waits.stopped.set()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """Return the next batch; raise what reading it has raised."""
        if not self._under_way:
            self._begin()
        while not isinstance(told := self._told.get(), Future):
            self._events.wait_for_limit(*told)
        self._under_way = False
        try:
            return told.result()
        except StopIteration as stop:
            self.end = stop.value
            raise

    @contextmanager
    def meanwhile(self, rows: int | None = None) -> Iterator[None]:
        """Read the next batch while one is committed inside, where no more can be lost than may be.

        Args:
            rows: how many are committed: of so many the next batch comes in meanwhile only where
                the source takes longer to answer than PostgreSQL to store. None: so few that it
                may in any case.
        """
        if rows is None or self._is_stored_first(rows):
            self._begin()
        began = time.monotonic()
        yield
        if rows is not None:
            self._recent.append((rows, time.monotonic() - began))

    def _begin(self) -> None:
        self._under_way = True
        context = copy_context()
        context.run(WAITS.set, self._waits)
        Thread(target=context.run, args=(self._step,), name="read", daemon=True).start()

    def _step(self) -> None:
        batch = Future[Batch]()
        try:
            batch.set_result(next(self._read))
        except BaseException as error:
            batch.set_exception(error)
        self._told.put(batch)

    def _tell(self, bucket: str, seconds: float, until: datetime) -> None:
        self._told.put((bucket, seconds, until))

    def _is_stored_first(self, rows: int) -> bool:
        """Say whether rows will be stored before the next answer comes, as far as the last ones
        show it.
        """
        if not self._recent:
            return False
        seconds = max(took * max(1.0, rows / max(1, known)) for known, took in self._recent)
        return self._client.quickest_answer > MARGIN * seconds

"""Storing while the next answer is under way: one thing at a time, in the order in which it was read."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import Self


class WriteBehind:
    """Calls one function at a time in a thread of its own; leave the `with` to be sure that none is running any more."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._running: Future[None] | None = None

    def begin(self, store: Callable[[], None]) -> None:
        """Begin to store as soon as what was begun before has ended; raise what that has raised, then nothing is begun."""
        self.wait()
        self._running = self._thread.submit(copy_context().run, store)

    def wait(self) -> None:
        """Return when nothing is being stored; raise what the last call has raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            # Also when the load is broken off: what is being stored needs its locks.
            self._thread.shutdown()

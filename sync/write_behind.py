"""Storing while the next answer is under way: one thing at a time, in the order in which it was read."""

from collections.abc import Callable
from concurrent import futures
from contextvars import copy_context
from types import TracebackType
from typing import Self


class WriteBehind:
    """Calls one function at a time in a thread of its own; leave the `with` to be sure that none is running any more."""

    def __init__(self) -> None:
        self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix="store")
        self._running: futures.Future[None] | None = None

    def begin(self, store: Callable[[], None]) -> None:
        """Begin to store as soon as what was begun before has ended; raise what that has raised, then nothing is begun."""
        self.wait()
        self._running = self._thread.submit(copy_context().run, store)

    def wait(self) -> None:
        """Return when nothing is being stored; raise what the last call has raised."""
        if (running := self._running) is not None:
            futures.wait([running])
            self._running = None
            running.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self._end()

    def _end(self) -> None:
        """Wait for what is being stored, which needs the locks of the load, however often the load is broken off."""
        try:
            futures.wait([self._running] if self._running else [])
        except BaseException:
            self._end()
            raise
        self._thread.shutdown(wait=False)

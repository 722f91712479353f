"""Questions that are asked at the same time, with a limit on the wait.

A thread that still waits for an answer ends with the process.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")
#: The least time for a question that is asked late; a healthy server answers sooner.
LEAST_SECONDS = 1.0


class Question(Generic[T]):
    """A question, asked at once in its own thread."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self.asked_at = monotonic()
        self._answer: Future[T] = Future()
        threading.Thread(target=self._work, args=(ask,), daemon=True).start()

    def _work(self, ask: Callable[[], T]) -> None:
        try:
            self._answer.set_result(ask())
        except Exception as error:
            self._answer.set_exception(error)

    def answer(self, seconds: float | None = None) -> T:
        """Return the answer, or raise the error of the question; `seconds` None waits without
        limit.

        Raises:
            TimeoutError: there is no answer within so many seconds.
        """
        return self._answer.result(seconds)


class Patience:
    """A time limit in seconds for all answers together."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self.words = f"no answer within {seconds:g} s"

    def answer(self, asked: Question[T]) -> T:
        """Return the answer, or raise the error of the question.

        Raises:
            TimeoutError: there is no answer in time.
        """
        return asked.answer(max(0.0, max(self._end, asked.asked_at + LEAST_SECONDS) - monotonic()))

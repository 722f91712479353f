"""How a thread that reads ahead waits: another thread is told of its waits and may stop them."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

OnWait = Callable[[str, float, datetime], None]


class StoppedError(Exception):
    """The thread was stopped: its answer is not needed any more."""


@dataclass(frozen=True)
class Waits:
    """The waits of requests in a context: `on_wait` is called for rate limits, instead of the
    client's hook, and setting `stopped` ends every wait.
    """

    on_wait: OnWait
    stopped: threading.Event = field(default_factory=threading.Event)


#: The `Waits` of the context that sends a request; None: the client's own.
WAITS: ContextVar[Waits | None] = ContextVar("waits", default=None)


def sleep(seconds: float) -> None:
    """Wait before a request is sent, or sent again.

    Raises:
        StoppedError: the answer is not needed any more.
    """
    if (waits := WAITS.get()) is None:
        time.sleep(seconds)
    else:
        waits.stopped.wait(seconds)
        check()


def check() -> None:
    """Raise StoppedError if the answer is not needed any more."""
    if (waits := WAITS.get()) is not None and waits.stopped.is_set():
        raise StoppedError

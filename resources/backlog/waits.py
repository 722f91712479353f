"""How a thread waits that reads ahead: somebody else hears of its waits, and may end them."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

OnWait = Callable[[str, float, datetime], None]


class StoppedError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Waits:
    """The waits of requests that are made in a context: `on_wait` hears of those for rate limits,
    in the place of the hook of the client, and `stopped` ends all.
    """

    on_wait: OnWait
    stopped: threading.Event = field(default_factory=threading.Event)


#: Of the context that makes a request; None: it waits as its client does.
WAITS: ContextVar[Waits | None] = ContextVar("waits", default=None)


def sleep(seconds: float) -> None:
    """Wait before a request is sent, or sent again.

    Raises:
        StoppedError: nobody waits for its answer any more.
    """
    if (waits := WAITS.get()) is None:
        time.sleep(seconds)
    else:
        waits.stopped.wait(seconds)
        check()


def check() -> None:
    """Raise StoppedError if nobody waits for an answer any more."""
    if (waits := WAITS.get()) is not None and waits.stopped.is_set():
        raise StoppedError

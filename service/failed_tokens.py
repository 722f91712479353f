"""Requests with a wrong token: one line a minute counts them, and each is answered later."""

import asyncio
import logging
import time
from collections.abc import Callable

#: A line is written for all of this time, so that whoever guesses cannot fill the log.
MINUTE = 60.0
#: Seconds that an answer waits for each wrong token of the minute, and the most that it waits: less
#: than makes a request a slow one in the log.
STEP, LONGEST = 0.02, 0.5
#: Answers that wait at a time. Others are given at once: who guesses shall not hold connections.
MOST_WAITING = 32

_log = logging.getLogger("backlog_elt.service")


class FailedTokens:
    """Counts wrong tokens. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = 0.0
        self._count = 0
        self._waiting = 0

    @property
    def delay(self) -> float:
        """Seconds that the next answer to a wrong token waits."""
        return min(self._count * STEP, LONGEST) if self._waiting < MOST_WAITING else 0.0

    def log_minute(self) -> None:
        """Log the number of a minute that is over. Call it with each request, of whatever kind."""
        if self._count and self._clock() - self._began >= MINUTE:
            _log.warning("wrong tokens", extra={"requests": self._count})
            self._count = 0

    async def slow_down(self) -> None:
        """Count a wrong token, and wait before it is refused."""
        if not self._count:
            self._began = self._clock()
        self._count += 1
        if delay := self.delay:
            self._waiting += 1
            try:
                await asyncio.sleep(delay)
            finally:
                self._waiting -= 1

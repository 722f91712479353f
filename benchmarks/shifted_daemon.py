"""Dagster's daemon on a clock that leaps: its waits end when that clock says so, `python -m
benchmarks.shifted_daemon run ...`.

The scheduler sleeps until the next full minute. Left alone it would sleep through three leaps by
real seconds, and skip as too late what it would have started in time.
"""

import threading
import time

from pipelines.hosting.daemon import main

#: Real seconds between two looks at the clock, and waits that are no longer are left as they are.
LOOK = 0.5

_wait = threading.Event.wait


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait for an event, no longer than until the clock shows so many seconds more."""
    if timeout is None or timeout <= LOOK:
        return _wait(event, timeout)
    end = time.time() + timeout
    while (left := end - time.time()) > 0:
        if _wait(event, min(left, LOOK)):
            return True
    return event.is_set()


if __name__ == "__main__":
    threading.Event.wait = wait  # type: ignore[assignment, method-assign]
    main()

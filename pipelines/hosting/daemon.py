"""Dagster's daemon: `python -m pipelines.hosting.daemon run …` is `dagster-daemon run …`; it
restarts itself when the clock of the machine is set back.

As a module, it runs with the Python of its parent, wherever that keeps its scripts.
"""

import os
import sys
import threading
import time
from importlib.metadata import entry_points

import dagster as dg

from assets.dagster_internals import AHEAD_SECONDS, take_back

#: Between two looks at the clock.
LOOK_SECONDS = 5.0


def main() -> None:
    """Delete stored times that lie in the future, then run the command of Dagster."""
    [command] = entry_points(group="console_scripts", name="dagster-daemon")
    with dg.DagsterInstance.get() as instance:
        take_back(instance, time.time())
    threading.Thread(target=_start_anew, name="looks at the clock", daemon=True).start()
    sys.exit(command.load()())


def _start_anew() -> None:
    """Become a new process of the same kind once the clock was set back.

    The queue of runs, schedules and sensors remember when they worked last, and would wait until
    that time comes again.
    """
    furthest = time.time() - time.monotonic()
    while (now := time.time() - time.monotonic()) > furthest - AHEAD_SECONDS:
        furthest = max(furthest, now)
        time.sleep(LOOK_SECONDS)
    said = f"the clock was set back by {furthest - now:.0f} s: the daemon starts anew"
    sys.stderr.write(f"backlog-elt: {said}\n")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this process


if __name__ == "__main__":
    main()

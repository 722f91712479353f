"""`python -m pipelines.hosting.child MODULE …` runs a module and ends when the process that started
it is gone.

Its standard input is a pipe that only that process holds open: it closes when that ends, also by
`kill -9`.
"""

import os
import runpy
import signal
import sys
import threading
import time

from pipelines.processes import END_SECONDS


def main() -> None:
    """Run the module that the command line names."""
    _follow_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _follow_parent() -> None:
    """End with the process that holds the other end of standard input; this one must lead a
    session.

    What this process has started ends too: it is asked first, and killed after `END_SECONDS`.
    """
    threading.Thread(target=_end_with_parent, name="ends with its parent", daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 4_096):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(END_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

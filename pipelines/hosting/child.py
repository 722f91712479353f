"""`python -m pipelines.hosting.child MODULE …` runs a module, which is killed when its parent ends.

Its standard input is a pipe whose other end only the parent holds: it closes when the parent ends,
also by `kill -9`.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Run the module that the command line names."""
    threading.Thread(target=_die_with_parent, name="dies with its parent", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _die_with_parent() -> None:
    """Kill this process and what it has started, all of one group, when the pipe closes."""
    while os.read(0, 4_096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

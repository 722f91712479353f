"""`python -m pipelines.hosting.child NAME …` runs a command or module, which dies with its parent.

Its standard input is a pipe whose other end only the parent holds: it closes when the parent ends,
also by `kill -9`.
"""

import os
import runpy
import signal
import sys
import sysconfig
import threading
from pathlib import Path


def main() -> None:
    """Run what the command line names: a command of this environment, or else a module."""
    threading.Thread(target=_die_with_parent, name="dies with its parent", daemon=True).start()
    del sys.argv[0]
    command = Path(sysconfig.get_path("scripts"), sys.argv[0])
    if command.is_file():
        runpy.run_path(str(command), run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _die_with_parent() -> None:
    """Kill this process and what it has started, all of one group, when the pipe closes."""
    while os.read(0, 4_096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

"""`python -m pipelines`, and the script `backlog-elt`."""

import os
import sys
from pathlib import Path

from pipelines.stop_signals import end_silently
from resources.variables import drop_python_variables


def start() -> None:
    """Run the command of the arguments. A signal ends it without a traceback, also during slow
    imports.
    """
    if drop_python_variables(os.environ):
        # Restart this process with the same arguments.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    _open_streams()
    end_silently()
    from pipelines.cli import main
    from pipelines.cli.group import PROGRAM

    main(prog_name=PROGRAM)


def _open_streams() -> None:
    """Replace closed standard streams: the next opened file would take their place and be written
    to.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - as long as the process


if __name__ == "__main__":
    start()

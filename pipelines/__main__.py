"""`python -m pipelines`, and the script `backlog-elt`."""

import atexit
import gc
import os
import sys
from pathlib import Path

from pipelines.hosting.stop_signals import end_silently


def start() -> None:
    """Run the command that the words name; a signal ends it without a traceback, from before the first slow import on."""
    _open_streams()
    end_silently()
    _start_light()
    from pipelines.cli import main
    from pipelines.cli.group import PROGRAM

    main(prog_name=PROGRAM)


def _start_light() -> None:
    """Leave out what imports and the end of a process cost without need."""
    # Alembic's templates would load the lexers of 500 languages to colour an error page, 0.2 s; without them they do not colour.
    sys.modules.setdefault("mako.ext.pygmentplugin", None)  # type: ignore[arg-type]
    # At the end Python looks for cycles among all that was imported, 0.5 s; the memory goes with the process.
    atexit.register(gc.freeze)


def _open_streams() -> None:
    """Stand in for closed standard streams: the next file would take their place, and be written to."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - as long as the process


if __name__ == "__main__":
    start()

"""What commands show on a terminal: progress bars and tables."""

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TextIO

from rich.box import Box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as Bars
from rich.table import Column, Table
from rich.text import Text

from resources.progress import UNITS, LogProgress, Progress
from resources.redact import plain_line

#: A line of dashes below the names of the columns.
_RULE = Box("    \n    \n -  \n    \n    \n -  \n    \n    \n", ascii=True)
#: Width of a table that is written to a file or a pipe.
_WIDEST = 100_000


class BarProgress:
    """Progress as one bar per table on a terminal: active bars below, finished ones above."""

    def __init__(self, stream: TextIO) -> None:
        self._console = _Console(file=stream, highlight=False)
        whole = Column(no_wrap=True)
        columns = (
            "{task.description:<24}",
            BarColumn(24, table_column=whole),
            MofNCompleteColumn(table_column=whole),
        )
        # Output of others is not redirected: standard output is for the result, and a command may
        # have redirected it.
        self._bars = Bars(
            *columns, "{task.fields[unit]}", _Pace(), console=self._console, redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=5, transient=True,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}

    def start(self, what: str, total: int | None) -> None:
        """Draw the bar of a table; an existing one starts again, with the new total."""
        unit = UNITS.get(what, "rows")
        if what in self._tasks:
            self._bars.reset(self._tasks[what], total=total, unit=unit, note="")
            return
        self._tasks[what] = self._bars.add_task(what, total=total, unit=unit, note="")
        self._bars.start()

    def advance(self, what: str, rows: int) -> None:
        """Advance the bar."""
        if what in self._tasks:
            self._bars.update(self._tasks[what], advance=rows, note="")

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Show on the bars why nothing moves."""
        note = (
            f"waiting up to {seconds:.0f} s for the {reason}, until {until.astimezone():%H:%M:%S}"
        )
        for task in self._tasks.values():
            self._bars.update(task, note=note)
        if not self._tasks:
            self._console.print(note)

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Leave the finished bar on the screen."""
        if what not in self._tasks:
            return
        number = self._tasks.pop(what)
        [task] = [one for one in self._bars.tasks if one.id == number]
        self._bars.update(number, total=task.completed, note="")
        self._console.print(self._bars.make_tasks_table([task]))
        self._bars.remove_task(number)
        if not self._tasks:
            self.close()

    def refresh(self) -> None:
        """Draw now instead of at the next of five times a second."""
        self._bars.refresh()

    def close(self) -> None:
        """Remove the remaining bars, so that the next output starts on its own line."""
        self._bars.stop()


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:
        """Keep the cursor visible: a killed process could not restore it."""
        return False


class _Pace(ProgressColumn):
    """Shows why a bar does not move, else the time passed, the time left, and the rate."""

    def __init__(self) -> None:
        super().__init__(Column(overflow="fold"))

    def render(self, task: Task) -> Text:
        took, left = timedelta(seconds=int(task.elapsed or 0)), task.time_remaining
        still = "" if task.finished or left is None else f", {timedelta(seconds=int(left))} left"
        return Text(
            task.fields["note"]
            or f"in {took}{still}, {task.completed / max(task.elapsed or 0, 0.1):,.0f}/s"
        )


@contextmanager
def progress_for(stream: TextIO = sys.stderr, *, requested: bool = True) -> Iterator[Progress]:
    """Yield bars on a terminal, plain lines elsewhere, and only waits if not `requested`; bars are
    removed at the end.
    """
    if not requested:
        yield LogProgress(write=lambda _line: None)
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        bars = BarProgress(stream)
        try:
            yield bars
        finally:
            bars.close()
    else:
        yield LogProgress(write=lambda line: print(line, file=stream, flush=True))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as lines, with numbers right-aligned. On a terminal long texts are wrapped to
    its width.
    """
    made = Table(box=_RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(header):
        counts = bool(rows) and all(row[number].replace(",", "").isdigit() for row in rows)
        made.add_column(
            name, justify="right" if counts else "left", no_wrap=counts, overflow="fold"
        )
    for row in rows:
        made.add_row(*map(Text, map(plain_line, row)))
    width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else _WIDEST
    console = Console(
        file=io.StringIO(), width=width or _WIDEST, color_system=None, force_terminal=False
    )
    with console.capture() as drawn:
        console.print(made)
    return "\n".join(line.rstrip() for line in drawn.get().splitlines())

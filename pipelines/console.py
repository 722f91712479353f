"""What a person at a terminal sees of a load: bars while it runs, a table at the end.

Add here: how something is shown. Keep out: what is shown (it comes from the report of a load).
"""

import sys
from datetime import datetime
from typing import TextIO

from tqdm import tqdm

from resources.progress import LogProgress, Progress


class BarProgress:
    """Progress as one bar a table, drawn on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: dict[str, tqdm[None]] = {}

    def start(self, what: str, total: int | None) -> None:
        """Draw the bar of a table."""
        self.done(what)
        self._bars[what] = tqdm(
            desc=f"{what:<24}", total=total, unit=" rows", file=self._stream, dynamic_ncols=True, leave=True, mininterval=0.2
        )

    def advance(self, what: str, rows: int) -> None:
        """Move the bar on."""
        if what in self._bars:
            self._bars[what].set_postfix_str("")
            self._bars[what].update(rows)

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Say on the bar why nothing moves."""
        note = f"waiting {seconds:.0f} s for the {reason}, until {until.astimezone():%H:%M:%S}"
        for bar in self._bars.values():
            bar.set_postfix_str(note)
        if not self._bars:
            self._stream.write(note + "\n")

    def done(self, what: str) -> None:
        """Leave the finished bar on the screen."""
        bar = self._bars.pop(what, None)
        if bar is not None:
            bar.close()


def progress_for(stream: TextIO = sys.stderr, *, wanted: bool = True) -> Progress:
    """Return bars on a terminal, plain lines elsewhere, and only waits when `wanted` is false."""
    if not wanted:
        return LogProgress(write=lambda _line: None)
    if stream.isatty():
        return BarProgress(stream)
    return LogProgress(write=lambda line: print(line, file=stream, flush=True))

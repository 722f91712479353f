"""The progress that people see, as a load makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from resources.progress import Progress
from sync.events import Listener


@dataclass(frozen=True)
class ShownProgress(Listener):
    """Passes on how far the load of a table is, and its waits, which the log of the run has too."""

    progress: Progress
    table: str
    log: Callable[[str], None]

    def expected(self, total: int | None) -> None:
        """Begin a bar."""
        self.progress.start(self.table, total)

    def waiting(self, what: str, seconds: float, until: datetime) -> None:
        """Say that nothing moves, and why."""
        self.log(f"{self.table}: waiting up to {seconds:.0f} s for the {what}")
        self.progress.wait(what, seconds, until)

    def advanced(self, rows: int) -> None:
        """Move the bar."""
        self.progress.advance(self.table, rows)

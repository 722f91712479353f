"""What a pass has done to the issues of each project and month, added up as it is committed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from resources.backlog.client_values import Record
from resources.warehouse.loader import MergeResult
from sync.events import WAITING, Listener
from sync.month_windows import Calendar
from sync.tally import Tally


@dataclass
class Figures(Listener):
    """Adds up rows of issues, from the beginning of a pass until they are taken."""

    calendar: Calendar
    _tally: Tally = field(default_factory=Tally)

    def take(self) -> Tally:
        """Return what was added up, and begin anew."""
        taken, self._tally = self._tally, Tally()
        return taken

    def started(self, mode: str, projects: Sequence[str] | None) -> None:
        """Begin anew: what a pass that failed has left is of no partition."""
        if mode != WAITING:
            self._tally = Tally()

    def merged(self, table: str, records: Sequence[Record], result: MergeResult) -> None:
        """Add issues."""
        if table == "issues":
            self._tally += Tally.of(records, result, self.calendar)

    def marked(self, rows: Sequence[tuple[int, datetime | None]]) -> None:
        """Add issues that are marked deleted."""
        self._tally += Tally.of_deleted(rows, self.calendar)

"""What a pass has done to the issues of each project and month and to their comments, added up as
it is committed.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from resources.backlog.client_values import Record
from resources.warehouse.raw.loader import MergeResult
from sync.events import WAITING, Listener
from sync.month_windows import Calendar
from sync.tally import Cell, CommentFigures, Tally


@dataclass
class Figures(Listener):
    """Adds up rows, from the beginning of a pass until they are taken."""

    calendar: Calendar
    _tally: Tally = field(default_factory=Tally)
    _of_comments: dict[Cell, CommentFigures] = field(default_factory=dict)

    def take(self) -> Tally:
        """Return what was added up, and begin anew."""
        taken, self._tally = self._tally, Tally()
        return taken

    def take_comments(self, without: Container[Cell] = ()) -> dict[Cell, CommentFigures]:
        """Return what was added up of comments, by the project and the month of their issues, and
        begin anew; keep what is of the projects and months of `without`.
        """
        added, self._of_comments = self._of_comments, {}
        for cell in [cell for cell in added if cell in without]:
            self._of_comments[cell] = added.pop(cell)
        return added

    def started(self, mode: str, projects: Sequence[str] | None) -> None:
        """Begin anew: what a pass that failed has left is of no partition."""
        if mode != WAITING:
            self._tally, self._of_comments = Tally(), {}

    def merged(self, table: str, records: Sequence[Record], result: MergeResult) -> None:
        """Add issues."""
        if table == "issues":
            self._tally += Tally.of(records, result, self.calendar)

    def marked(self, rows: Sequence[tuple[int, datetime | None]]) -> None:
        """Add issues that are marked deleted."""
        self._tally += Tally.of_deleted(rows, self.calendar)

    def comments_stored(self, figures: Mapping[Cell, CommentFigures]) -> None:
        """Add comments and their changes."""
        for cell, more in figures.items():
            self._of_comments[cell] = self._of_comments.get(cell, CommentFigures()) + more

"""What the load of a table does while it is at work, reported to its listeners: its rows of
`ops.sync_history`, and the progress that people see.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from resources.backlog.client_values import Record
from resources.problems.causes import Failure
from resources.warehouse.history.run_kinds import UNFINISHED
from resources.warehouse.raw.loader import MergeResult
from sync.tally import Cell, CommentFigures

#: Mode of a pass that only waits for another load.
WAITING = "waiting"


class Listener:
    """Gets the events of a load, in the order in which they happen and in the thread of the load;
    an exception of a listener ends the load.
    """

    def expected(self, total: int | None) -> None:
        """Hear that the load begins to read so many rows (of comments: issues); None: it is not
        known how many.
        """

    def started(self, mode: str, projects: Sequence[str] | None) -> None:
        """Hear that a pass begins over projects, given by their keys; None: the whole space."""

    def waiting(self, what: str, seconds: float, until: datetime) -> None:
        """Hear what the load waits for, at most so many seconds; `until` is for people, by the
        clock of what is waited for.
        """

    def arrived(self) -> None:
        """Hear that what the load has waited for is there."""

    def merged(self, table: str, records: Sequence[Record], result: MergeResult) -> None:
        """Hear what became of records of a table that are committed."""

    def comments_stored(self, figures: Mapping[Cell, CommentFigures]) -> None:
        """Hear what a commit of comments has done, by the project and month of the last change of
        their issues.
        """

    def marked(self, rows: Sequence[tuple[int, datetime | None]]) -> None:
        """Hear of issues that are marked deleted: the project and the last change of each."""

    def advanced(self, rows: int) -> None:
        """Hear that so many more of the expected rows are committed."""

    def failed(self, failure: Failure) -> None:
        """Hear that a part of the pass failed, and why; the others go on."""

    def ended(self, failure: Failure | None) -> None:
        """Hear that the pass has ended; `failure` says why it was interrupted."""


@dataclass(frozen=True)
class Events(Listener):
    """Tells all listeners, in their order."""

    listeners: tuple[Listener, ...]

    @contextmanager
    def reading(self, mode: str, projects: Sequence[str] | None = None) -> Iterator[None]:
        """Say that a pass begins, and after what is done inside that it has ended."""
        self.started(mode, projects)
        failure: Failure | None = Failure("interrupted", UNFINISHED)
        try:
            yield
            failure = None
        except Exception as error:
            failure = Failure.of(error)
            raise
        finally:
            self.ended(failure)

    def wait_for_limit(self, bucket: str, seconds: float, until: datetime) -> None:
        """Say that the load waits for a rate limit; the hook `on_wait` of the client."""
        self.waiting(f"{bucket} rate limit of Backlog", seconds, until)

    def expected(self, total: int | None) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.expected(total)

    def started(self, mode: str, projects: Sequence[str] | None) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.started(mode, projects)

    def waiting(self, what: str, seconds: float, until: datetime | None = None) -> None:
        """Tell it to all; without `until` it is by the clock of this machine."""
        until = until or datetime.now(UTC) + timedelta(seconds=seconds)
        for one in self.listeners:
            one.waiting(what, seconds, until)

    def arrived(self) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.arrived()

    def merged(self, table: str, records: Sequence[Record], result: MergeResult) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.merged(table, records, result)

    def comments_stored(self, figures: Mapping[Cell, CommentFigures]) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.comments_stored(figures)

    def marked(self, rows: Sequence[tuple[int, datetime | None]]) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.marked(rows)

    def advanced(self, rows: int) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.advanced(rows)

    def failed(self, failure: Failure) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.failed(failure)

    def ended(self, failure: Failure | None) -> None:
        """Tell it to all."""
        for one in self.listeners:
            one.ended(failure)

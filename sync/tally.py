"""Rows counted by project and month of the issue's last change."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from resources.backlog.client_values import Record
from resources.records import odd_of
from resources.warehouse.raw.loader import MergeResult
from sync.counts import Counts
from sync.month_windows import Calendar

Cell = tuple[int, str]


@dataclass(frozen=True)
class CommentFigures:
    """What was done to the comments and the changes of issues, and of how many the read has come to
    its end.
    """

    issues: int = 0
    comments: Counts = field(default_factory=Counts)
    changes: Counts = field(default_factory=Counts)

    def __add__(self, other: "CommentFigures") -> "CommentFigures":
        return CommentFigures(
            self.issues + other.issues,
            self.comments + other.comments,
            self.changes + other.changes,
        )


@dataclass(frozen=True)
class Tally:
    """Rows by project and month of the last change, as the records themselves say it (None: not
    said), and the newest change.
    """

    counts: Mapping[tuple[int | None, str | None], Counts] = field(default_factory=dict)
    newest: datetime | None = None

    @classmethod
    def of(cls, batch: Sequence[Record], result: MergeResult, calendar: Calendar) -> "Tally":
        """Count the records of a batch by what the merge did with each."""
        outcome = (
            dict.fromkeys(result.inserted_ids, "inserted")
            | dict.fromkeys(result.updated_ids, "updated")
            | dict.fromkeys(result.rejected_ids, "rejected")
        )
        counts: dict[tuple[int | None, str | None], Counts] = defaultdict(Counts)
        newest: datetime | None = None
        for odd in odd_of(batch):
            counts[_project_id(odd.record), None] += Counts(read=1, rejected=1)
        for record in batch:
            moment = changed_at(record)
            what = outcome.pop(record["id"], "unchanged")
            counts[_project_id(record), calendar.month_of(moment) if moment else None] += Counts(
                read=1, **{what: 1}
            )
            if moment and (newest is None or moment > newest) and what in {"inserted", "updated"}:
                newest = moment
        return cls(counts, newest)

    @classmethod
    def of_deleted(cls, rows: Iterable[tuple[int, datetime | None]], calendar: Calendar) -> "Tally":
        """Count rows marked deleted, each given as project id and time of last change, where they
        were last seen.
        """
        counts: dict[tuple[int | None, str | None], Counts] = defaultdict(Counts)
        for project, moment in rows:
            counts[project, calendar.month_of(moment) if moment else None] += Counts(deleted=1)
        return cls(counts)

    def __add__(self, other: "Tally") -> "Tally":
        counts = dict(self.counts)
        for cell, more in other.counts.items():
            counts[cell] = counts.get(cell, Counts()) + more
        return Tally(counts, max((one for one in (self.newest, other.newest) if one), default=None))

    def within(
        self, projects: Collection[int], months: Sequence[str], fallback: int
    ) -> dict[Cell, Counts]:
        """Return the rows by the projects and months that a read covers, so that its partitions add
        up to the whole.

        A row that has moved out of them meanwhile counts where it was looked for: in the project
        `fallback`, and at the nearer end of the months.
        """
        found: dict[Cell, Counts] = defaultdict(Counts)
        for (project, month), counts in self.counts.items():
            at_home = project if project is not None and project in projects else fallback
            found[at_home, min(max(month or months[-1], months[0]), months[-1])] += counts
        return found


def _project_id(record: object) -> int | None:
    project = record.get("projectId") if isinstance(record, dict) else None
    return project if isinstance(project, int) else None


def changed_at(record: Record) -> datetime | None:
    """Return when a record was last changed, None when it does not say so in a form that can be
    read.
    """
    for name in ("updated", "created"):
        value = record.get(name)
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return None
    return None

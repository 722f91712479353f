"""Which partitions of comments are reported, and when: those that are read, while a load goes on,
and all others at its end.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync.counts import durations
from sync.month_windows import Slice
from sync.observer import LoadedPartition, LoadedPartitions
from sync.reporter import Measurement
from sync.session import Session
from sync.stored_rows import newest_rows, rows_by_month
from sync.tally import Cell, CommentFigures
from sync.writer import Writer

#: How often partitions are reported while a load goes on.
REPORT_EVERY = timedelta(minutes=1)
#: A partition: project id, key under which it is reported, month.
Partition = tuple[int, str, str]


def partitions_of_run(session: Session, mode: str, covered: Iterable[Slice]) -> set[Partition]:
    """Return the partitions of the run; a backfill reports those that were asked for, other modes
    go by today's keys.
    """
    found: set[Partition] = set()
    for part in covered:
        project = session.project_of(part.project_key)
        if project is not None:
            key = part.project_key if mode == "backfill" else project.key
            found.update((project.id, key, month) for month in part.months)
    return found


@dataclass
class CommentReports:
    """Reports partitions while a load goes on, as often as `every` says: most have issues of each
    order of need.

    `partitions` are those of the run, `measured` what goes on since the last report.
    """

    session: Session
    changes: Writer
    partitions: Collection[Partition]
    every: timedelta
    measured: Measurement

    def __post_init__(self) -> None:
        self._left = set(self.partitions)
        self._read = set[Cell]()

    def add(self, cells: Collection[Cell], left: Collection[Cell]) -> None:
        """Take the projects and months of issues that were read; report them when the last report
        is a while ago, but for those of which something is `left` to read.
        """
        self._read.update(cells)
        if datetime.now(UTC) - self.measured.began >= self.every:
            self._report(left)

    def break_off(self, cells: Collection[Cell], left: Collection[Cell]) -> None:
        """Report what was read when the load is broken off: nothing of the projects and months that
        were being read, unless something was read of them before.
        """
        self._report({*left, *({*cells} - self._read)})

    def end(self) -> None:
        """Report what is left, also partitions in which nothing was due: no request was made for
        those.
        """
        self._report(())
        _report(self.session, self.changes, self._left, {}, self.measured)

    def _report(self, without: Collection[Cell]) -> None:
        """Report what was read, but what is left for later; months that the run does not cover are
        those of today's key.
        """
        figures = self.session.figures.take_comments(without)
        # An issue may have got into another month while its project was read.
        cells = (self._read | figures.keys()) - {*without}
        mine = {one for one in self.partitions if (one[0], one[2]) in cells}
        others = cells - {(project, month) for project, _, month in mine}
        mine |= {(project, self.session.visible[project].key, month) for project, month in others}
        _report(self.session, self.changes, mine, figures, self.measured)
        self._left -= mine
        self._read &= {*without}
        self.measured = self.session.reporter.measure()


def _report(
    session: Session,
    changes: Writer,
    partitions: Collection[Partition],
    figures: Mapping[Cell, CommentFigures],
    measured: Measurement,
) -> None:
    """Report partitions of comments and of their changes, all read by one pass.

    The duration of a partition is the part of the pass that its issues took; requests and waits are
    those of the pass.
    """
    if not partitions:
        return
    ended = datetime.now(UTC)
    of_each = {one: figures.get((one[0], one[2]), CommentFigures()) for one in sorted(partitions)}
    seconds = durations(measured.began, ended, {one: of.issues for one, of in of_each.items()})
    cells = {(project, month) for project, _, month in partitions}
    for writer in (session.writer, changes):
        stored = rows_by_month(
            session.engine, writer.spec, session.space_key, cells, session.calendar
        )
        loaded = [
            LoadedPartition(
                key,
                month,
                of.comments if writer is session.writer else of.changes,
                stored.get((project, month), 0),
                seconds[project, key, month],
                of.issues,
            )
            for (project, key, month), of in of_each.items()
        ]
        sample = newest_rows(session.engine, writer.spec, session.space_key)
        session.reporter.observer.partitions_loaded(
            LoadedPartitions(
                writer.spec.name, loaded, measured.requests, measured.began, ended, sample
            )
        )

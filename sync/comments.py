"""Comments and the change log: which issues are asked for theirs, one after the other, and what
follows from the answers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from datetime import UTC, datetime, timedelta
from itertools import groupby

from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    NotFound,
    PermanentError,
    Unavailable,
)
from resources.backlog.paging import PAGE_SIZE
from resources.records import Page
from resources.warehouse import issue_sync_state as reads
from resources.warehouse.issue_sync_state import CommentRead
from resources.warehouse.refetch_requests import RefetchRequest, request_refetch
from resources.warehouse.tombstones import stored_ids
from sync.change_ids import ChangeIds
from sync.comment_batches import Batch, Part
from sync.comment_selection import choose, still_due
from sync.counts import Counts
from sync.month_windows import Slice
from sync.partition_reports import report_comments
from sync.session import Session
from sync.tally import Cell
from sync.visible_projects import Project
from sync.write_behind import WriteBehind
from sync.writer import Writer

#: Issues in a row that cannot be read before the others of their project are left to the next load:
#: it is not the issue then.
GIVE_UP_AFTER = 3

#: Partitions are reported so often while a load goes on.
REPORT_EVERY = timedelta(minutes=1)
#: Partitions to report: project id, key under which it is reported, month.
Partitions = set[tuple[int, str, str]]


def sync_comments(session: Session, mode: str, covered: Sequence[Slice]) -> Counts:
    """Read the comments of the issues that the mode chooses; return the counts of `issue_changes`,
    which are made of them.

    Args:
        session: the load of `raw/comments`.
        mode: backfill, incremental, targeted or refresh.
        covered: what the run covers: for a backfill the partitions whose issues are read again,
            else those that are reported.

    Raises:
        BacklogError: the key is refused, or the source is not available: not for one issue, nor for
            the next.
        WarehouseError: the warehouse cannot be used.
    """
    changes = session.writer.for_table("issue_changes")
    chosen = choose(session, mode, covered)
    session.events.expected(len(chosen))
    partitions = _partitions(session, mode, covered)
    # What is needed first is read first, in all projects.
    parts = {
        part: list(group)
        for part, group in groupby(sorted(chosen, key=_need_and_project), key=_need_and_project)
    }
    try:
        with (
            session.events.reading(mode, _projects_of_run(session, mode, covered)),
            WriteBehind[int](session.client, session.events) as behind,
        ):
            with session.engine.connect() as connection:
                ids = ChangeIds(connection, session.space_key)
            batch = Batch(session, changes, ids, behind)
            reader = _Reader(session, batch, whole=mode in ("backfill", "refresh"))
            reports = _Reports(session, changes, batch, partitions)
            cells = {part: _cells(session, group) for part, group in parts.items()}
            # A partition that is read again whole is green only when all of it was read.
            due = (
                Counter(cell for some in cells.values() for cell in some)
                if mode == "backfill"
                else Counter[Cell]()
            )
            for (need, project_id), part in parts.items():
                if project_id in session.locks.lock_projects([project_id], wait=mode != "targeted"):
                    try:
                        refused = reader.read(
                            session.visible[project_id], still_due(session, mode, part)
                        )
                    except BacklogError:
                        reports.report(
                            without=due.keys() | (cells[need, project_id] - reports.read)
                        )
                        raise
                    if refused and mode == "refresh":
                        with session.store.transaction() as connection:
                            reads.put_off_refresh(connection, session.space_key, refused)
                    due -= Counter(cells[need, project_id])
                    reports.add(cells[need, project_id], without=due.keys())
                    session.locks.unlock_projects([project_id])
            reports.end()
    finally:
        # Also for an interrupted load: what it has stored counts.
        session.reporter.table_loaded(changes)
    return changes.counts


def _projects_of_run(session: Session, mode: str, covered: Iterable[Slice]) -> list[str] | None:
    """Return the keys of the projects of the run, None: the whole space, of which some modes take
    whatever is due.
    """
    if mode not in ("backfill", "incremental"):
        return None
    return session.covered(
        [project for part in covered if (project := session.project_of(part.project_key))]
    )


def _partitions(session: Session, mode: str, covered: Iterable[Slice]) -> Partitions:
    """Return the partitions of the run; a backfill reports those that were asked for, other modes
    go by today's keys.
    """
    found: Partitions = set()
    for part in covered:
        project = session.project_of(part.project_key)
        if project is not None:
            key = part.project_key if mode == "backfill" else project.key
            found.update((project.id, key, month) for month in part.months)
    return found


def _need_and_project(read: CommentRead) -> tuple[int, int]:
    return read.need, read.project_id


def _cells(session: Session, part: Iterable[CommentRead]) -> set[Cell]:
    """Return the projects and months of the issues of a part."""
    return {(read.project_id, session.calendar.month_of(read.updated_at)) for read in part}


class _Reports:
    """Reports partitions when some minute's worth of issues is read: most have issues of each order
    of need.
    """

    def __init__(
        self, session: Session, changes: Writer, batch: Batch, partitions: Partitions
    ) -> None:
        self._session = session
        self._changes = changes
        self._batch = batch
        self._left = partitions
        self._all = frozenset(partitions)
        self.read = set[Cell]()
        self._measured = session.reporter.measure()

    def add(self, cells: Set[Cell], without: Set[Cell]) -> None:
        """Take the projects and months of issues that were read; report them when the last report
        is a while ago.
        """
        self.read |= cells
        if datetime.now(UTC) - self._measured.began >= REPORT_EVERY:
            self.report(without)

    def report(self, without: Set[Cell] = frozenset()) -> None:
        """Report what was read, but what is left for later; months that the run does not cover are
        those of today's key.
        """
        tally = self._batch.take_tally(without)
        # An issue may have got into another month while its project was read.
        cells = (self.read | tally.cells) - without
        mine = {one for one in self._all if (one[0], one[2]) in cells}
        others = cells - {(project, month) for project, _, month in mine}
        mine |= {(project, self._session.visible[project].key, month) for project, month in others}
        report_comments(self._session, self._changes, sorted(mine), tally, self._measured)
        self._left, self.read, self._measured = (
            self._left - mine,
            self.read & without,
            self._session.reporter.measure(),
        )

    def end(self) -> None:
        """Report what is left, also partitions in which nothing was due: no request was made for
        those.
        """
        self.report()
        report_comments(
            self._session,
            self._changes,
            sorted(self._left),
            self._batch.take_tally(),
            self._measured,
        )


class _Reader:
    """Reads the comments of issues, a part of a project at a time."""

    def __init__(self, session: Session, batch: Batch, *, whole: bool) -> None:
        self.session = session
        self.batch = batch
        self.whole = whole
        #: Whether the source was not available for the issue before this one, of whichever project.
        self._away = False
        #: Project -> how many of its issues in a row could not be read.
        self._failed = Counter[int]()

    def read(self, project: Project, chosen: Iterable[CommentRead]) -> list[CommentRead]:
        """Read issue by issue, and return what was refused, or left when three issues in a row
        were.

        What was read before an error is kept, and one issue that fails does not keep the others
        from it.

        Raises:
            BacklogError: the key is refused; or the source is not available for a second issue in a
                row, so it is not the issue.
        """
        refused = []
        try:
            for read in chosen:
                given_up = self._failed[project.id] == GIVE_UP_AFTER
                if not given_up:
                    self._failed[project.id] = (
                        0 if self._issue(project, read) else self._failed[project.id] + 1
                    )
                if given_up or (self._failed[project.id] and not self._away):
                    refused.append(read)
        except BacklogError:
            self.batch.store()
            raise
        self.batch.store()
        return refused

    def _issue(self, project: Project, read: CommentRead) -> bool:
        """Read an issue; False when that failed: it stays requested, and the load fails in the end.

        What an archived project refuses is no failure of the load: whether it still serves comments
        is not documented.
        """
        away, self._away = self._away, False
        try:
            self._pages(read)
        except AuthenticationError:
            raise
        except NotFound as error:
            # Deleted since it was read, or inaccessible: the next load of issues reads it by id.
            self._ask_for_issue(project, read, str(error))
        except Unavailable as error:
            if away:
                raise
            self._away = True
            self.session.reporter.failed(f"{project.key}, issue {read.issue_id}", error)
            return False
        except PermanentError as error:
            if not project.archived:
                self.session.reporter.failed(f"{project.key}, issue {read.issue_id}", error)
            return False
        return True

    def _pages(self, read: CommentRead) -> None:
        # Read whole: by the mode, or since the issue has moved. Of one that was never read nothing
        # can be gone.
        known = (
            self._known(read)
            if read.from_id == 0 and (self.whole or read.last_comment_id)
            else set()
        )
        last, seen, finished, without_id = read.last_comment_id, set[int](), False, False
        for page in self.session.client.comments(
            read.issue_id, min_id=read.from_id or None, order="asc"
        ):
            last, seen, without_id = (
                max([last, *page.ids]),
                seen | page.ids,
                without_id or page.lacks_id,
            )
            finished = page.received < PAGE_SIZE - 1
            self.batch.add(
                Part(read, page, last, seen, known - seen if finished else None, without_id)
            )
        if not finished:
            self.batch.add(Part(read, Page(), last, seen, known - seen, without_id))

    def _known(self, read: CommentRead) -> set[int]:
        """Return the stored comments of an issue."""
        with self.session.engine.connect() as connection:
            return stored_ids(
                connection,
                self.session.spec,
                {"issue_id": read.issue_id},
                space_key=self.session.space_key,
            )

    def _ask_for_issue(self, project: Project, read: CommentRead, error: str) -> None:
        self.batch.store()  # one transaction of a load at a time
        self.session.log.info(f"{project.key}, issue {read.issue_id}: {error}")
        request = RefetchRequest(read.issue_id, read.project_id, "comments not found", issue=True)
        with self.session.store.transaction() as connection:
            request_refetch(connection, self.session.space_key, [request])

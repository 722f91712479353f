"""Comments and the change log: which issues are asked for theirs, one after the other, and what
follows from the answers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from resources.backlog.errors import BacklogError, NotFound, PermanentError
from resources.warehouse.state import issue_sync_state as reads
from resources.warehouse.state.issue_sync_state import CommentRead
from resources.warehouse.state.refetch_requests import RefetchRequest, request_refetch
from sync.ahead import Ahead
from sync.comment_reads import ROWS, Failing, Refused, read_comments
from sync.comment_reports import REPORT_EVERY, CommentReports, partitions_of_run
from sync.comment_selection import LOOKED_AT, choose, still_due, with_known
from sync.comment_writes import CommentWriter
from sync.counts import Counts
from sync.month_windows import Slice
from sync.session import Session
from sync.tally import Cell
from sync.visible_projects import Project

#: What is read together: how soon it is needed, and the project.
Group = tuple[int, int]


def sync_comments(
    session: Session,
    mode: str,
    covered: Sequence[Slice],
    report_every: timedelta = REPORT_EVERY,
) -> Counts:
    """Read the comments of the issues that the mode chooses; return the counts of `issue_changes`,
    which are made of them.

    Args:
        session: the load of `raw/comments`.
        mode: backfill, incremental, targeted or refresh.
        covered: what the run covers: for a backfill the partitions whose issues are read again,
            else those that are reported.
        report_every: how often partitions are reported while the load goes on.

    Raises:
        BacklogError: the key is refused, or the source is not available: not for one issue, nor for
            the next.
        WarehouseError: the warehouse cannot be used.
    """
    changes = session.writer.for_table("issue_changes")
    chosen = choose(session, mode, covered)
    session.events.expected(len(chosen))
    # What is needed first is read first, in all projects.
    groups = {
        group: list(some) for group, some in groupby(sorted(chosen, key=_group_of), key=_group_of)
    }
    partitions = partitions_of_run(session, mode, covered)
    try:
        with session.events.reading(mode, _projects_of_run(session, mode, covered)):
            writer = CommentWriter.begin(session, changes)
            measured = session.reporter.measure()
            reports = CommentReports(session, changes, partitions, report_every, measured)
            _read_groups(session, mode, groups, writer, reports)
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


def _group_of(read: CommentRead) -> Group:
    return read.need, read.project_id


def _cells(session: Session, some: Iterable[CommentRead]) -> set[Cell]:
    """Return the projects and months of issues."""
    return {(read.project_id, session.calendar.month_of(read.updated_at)) for read in some}


def _read_groups(
    session: Session,
    mode: str,
    groups: Mapping[Group, Sequence[CommentRead]],
    writer: CommentWriter,
    reports: CommentReports,
) -> None:
    """Read group after group, each while its project is locked, and report them."""
    cells = {group: _cells(session, some) for group, some in groups.items()}
    # A partition that is read again whole is green only when all of it was read.
    due = Counter(cell for some in cells.values() for cell in some if mode == "backfill")
    failing: dict[int, Failing] = {}
    away = False
    for (need, project_id), some in groups.items():
        with session.locks.holding([project_id], wait=mode != "targeted") as locked:
            if not locked:
                continue
            before = replace(failing.get(project_id, Failing()), away=away, left=())
            try:
                end = _read_group(session, mode, session.visible[project_id], some, writer, before)
            except BacklogError:
                reports.break_off(cells[need, project_id], left=due.keys())
                raise
            failing[project_id], away = end, end.away
            if end.left and mode == "refresh":
                with session.store.transaction() as connection:
                    reads.put_off_refresh(connection, session.space_key, end.left)
            due -= Counter(cells[need, project_id])
            reports.add(cells[need, project_id], left=due.keys())


def _read_group(
    session: Session,
    mode: str,
    project: Project,
    chosen: Sequence[CommentRead],
    writer: CommentWriter,
    before: Failing,
) -> Failing:
    """Read and store the comments of issues of one project, as far as they are still due; return
    how the reads have failed.
    """
    end = before
    for first in range(0, len(chosen), LOOKED_AT):
        some = still_due(session, mode, chosen[first : first + LOOKED_AT])
        due = with_known(session, some, whole=mode in ("backfill", "refresh"))
        with Ahead(session.client, session.events, read_comments(session.client, due, end)) as read:
            for found in read:
                if isinstance(found, Refused):
                    _note_refused(session, project, found)
                    continue
                with read.meanwhile(found.rows if found.rows > ROWS else None):
                    figures = writer.store(found)
                session.events.comments_stored(figures)
                session.events.advanced(sum(one.issues for one in figures.values()))
        end = replace(read.end, left=end.left + read.end.left)
    return end


def _note_refused(session: Session, project: Project, refused: Refused) -> None:
    """Note that an issue could not be read: it stays requested, and the load fails in the end.

    What an archived project refuses is no failure of the load: whether it still serves comments is
    not documented.
    """
    read, error = refused.read, refused.error
    issue = f"{project.key}, issue {read.issue_id}"
    if isinstance(error, NotFound):
        # Deleted since it was read, or inaccessible: the next load of issues reads it by id.
        session.log.info(f"{issue}: {error}")
        request = RefetchRequest(read.issue_id, read.project_id, "comments not found", issue=True)
        with session.store.transaction() as connection:
            request_refetch(connection, session.space_key, [request])
    elif not (project.archived and isinstance(error, PermanentError)):
        session.reporter.failed(issue, error)

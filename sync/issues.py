"""Issues: what a run asks for, and what the load reports in the end."""

from collections.abc import Collection, Sequence

from resources.backlog.errors import NotFound
from sync.apply import apply
from sync.modes import Mode
from sync.month_windows import Slice
from sync.reads import Request
from sync.session import Session
from sync.visible_projects import Project


def sync_issues(
    session: Session, mode: Mode, covered: Sequence[Slice], also_written: Collection[str] = ()
) -> None:
    """Read issues as the mode says, and report what the load as a whole did.

    Args:
        session: the load of `raw/issues`.
        mode: backfill, incremental, targeted or refresh.
        covered: what the run covers; only the first two modes go by it.
        also_written: tables of which rows are marked together with a deleted issue, and that nobody
            else reports.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
        WarehouseError: the warehouse cannot be used.
    """
    try:
        apply(session, _request(session, mode, covered))
    finally:
        # Also for an interrupted load: what it has stored counts.
        session.reporter.table_loaded()
        if session.writer.counts.deleted:
            session.reporter.rows_changed(also_written)


def _request(session: Session, mode: Mode, covered: Sequence[Slice]) -> Request:
    """Return what a run asks for, with the projects that can be seen; report the keys of others,
    where they are asked for by hand.
    """
    months = tuple(session.calendar.months())
    match mode:
        case "incremental":
            keys = {part.project_key for part in covered}
            projects = [project for project in session.visible.values() if project.key in keys]
            return Request(mode, months, tuple(projects))
        case "backfill":
            return Request(mode, months, parts=tuple(_parts(session, covered)))
        case _:
            return Request(mode, months)


def _parts(session: Session, covered: Sequence[Slice]) -> list[tuple[Slice, Project]]:
    found = [(part, session.project_of(part.project_key)) for part in covered]
    for part, project in found:
        if project is None:
            error = NotFound("no visible project has or had this key: deleted, or access lost?")
            session.reporter.failed(part.project_key, error)
    return [(part, project) for part, project in found if project]

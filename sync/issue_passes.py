"""Which projects are read in one pass over issues, and what becomes of a pass that fails."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, select

from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    IncompleteScan,
    NotFound,
    PermanentError,
    PermissionDenied,
    Unavailable,
)
from resources.backlog.scan import LOOKBACK, LOOKS, PROJECTS_PER_REQUEST
from resources.warehouse.sync_state import Checkpoint
from sync.month_windows import Slice
from sync.session import Session
from sync.visible_projects import Project
from sync.watermarks import SCOPE

#: A project joins a pass when no more than these rows of it come again: a pass of its own costs a
#: request, which brings as many.
FEW_ROWS = LOOKS[0][1]
#: Of so many projects one must be answered for: the first may be the one that the source cannot
#: serve.
ASKED_FOR = 2

Result = TypeVar("Result")


def passes(
    projects: Sequence[Project],
    watermarks: Mapping[int, datetime],
    checkpoints: Mapping[int, Checkpoint],
    known_rows: Callable[[Project, datetime, datetime], int],
) -> list[list[Project]]:
    """Group projects so that an interrupted pass can continue, and that few rows are read again for
    the sake of one pass.

    A pass reads from the oldest watermark of its projects on. `known_rows(project, since, until)`
    returns how many issues of a project are stored that changed between two instants: as many come
    again when it joins one that began to be read earlier.
    """

    def before(project: Project) -> str:
        return repr(checkpoints.get(project.id))

    groups: list[list[Project]] = []
    for project in sorted(projects, key=lambda project: (before(project), watermarks[project.id])):
        first = groups[-1][0] if groups else None
        if first is not None and before(first) == before(project):
            since, until = watermarks[first.id], watermarks[project.id]
            together = first.id in checkpoints or since == until
            more = 0 if together else known_rows(project, since - LOOKBACK, until - LOOKBACK)
            if more <= FEW_ROWS:
                groups[-1].append(project)
                continue
        groups.append([project])
    return groups


def windows(planned: Sequence[tuple[Slice, Project]]) -> list[list[tuple[Slice, Project]]]:
    """Group slices that one pass reads: the same months of several projects, as many as fit a
    request.

    A project that is read whole has a pass of its own, since such a read can be continued; so has
    an archived one, where an empty list proves nothing. And a renamed project may be there under
    both of its keys.
    """
    groups: list[list[tuple[Slice, Project]]] = []
    open_groups: dict[tuple[str, ...], list[tuple[Slice, Project]]] = {}
    for part, project in planned:
        alone = part.whole or project.archived
        group = [] if alone else open_groups.get(part.months, [])
        if (
            not group
            or len(group) == PROJECTS_PER_REQUEST
            or any(project.id == other.id for _, other in group)
        ):
            group = []
            groups.append(group)
            if not alone:
                open_groups[part.months] = group
        group.append((part, project))
    return groups


def known_rows(session: Session, project: Project, since: datetime, until: datetime) -> int:
    """Return how many issues of a project are stored that changed at or after an instant and before
    another, or more than few.
    """
    issues = session.spec.table.c
    chosen = select(issues.id).where(
        issues.space_key == session.space_key,
        issues.project_id == project.id,
        issues.updated_at >= since,
        issues.updated_at < until,
        issues.deleted_at.is_(None),
    )
    with session.engine.connect() as connection:
        return int(
            connection.execute(
                select(func.count()).select_from(chosen.limit(FEW_ROWS + 1).subquery())
            ).scalar_one()
        )


def attempt(
    session: Session,
    mode: str,
    projects: Sequence[Project],
    read: Callable[[Sequence[Project]], Result],
) -> list[Result]:
    """Read projects in one pass, or each in a pass of its own when one of them spoils it for all;
    return what was read.

    What is the fault of a single project is noted, and does not keep the others from being read. A
    project that the source cannot serve (5xx) while it answers for another one is such a fault,
    too.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
    """
    try:
        with session.events.reading(mode, session.covered(projects)):
            return [read(projects)]
    except AuthenticationError:
        raise
    except (PermanentError, IncompleteScan, Unavailable) as error:
        if isinstance(error, Unavailable) and not _answers_for_another(session, projects):
            raise
        if len(projects) == 1:
            _note_failure(session, projects[0], error)
            return []
        session.log.warning(
            f"{len(projects)} projects in one pass: {error}; reading each by itself"
        )
    return [found for project in projects for found in attempt(session, mode, [project], read)]


def _answers_for_another(session: Session, projects: Sequence[Project]) -> bool:
    """Return whether the source answers for another project than the one that could not be read, or
    for one of several.
    """
    others = (
        projects
        if len(projects) > 1
        else [project for project in session.visible.values() if project.id != projects[0].id]
    )
    return any(
        session.client.answers(IssueFilter(project_id=(project.id,)))
        for project in others[:ASKED_FOR]
    )


def _note_failure(session: Session, project: Project, error: BacklogError) -> None:
    if project.archived and isinstance(error, NotFound | PermissionDenied):
        # Whether the issues of an archived project are still served is not documented; what was
        # loaded stays.
        session.log.warning(
            f"{project.key} is archived and its issues are not served any more: {error}"
        )
        return
    session.reporter.failed(project.key, error)
    session.store.note_failure(SCOPE, project.id, str(error))

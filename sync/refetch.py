"""Single issues that something asks to be read: the activity feed, a webhook, `verify`, a deletion,
or the rolling refresh.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import case, func, select

from resources.backlog.errors import AuthenticationError, PermanentError
from resources.warehouse.refetch_requests import (
    RequestedIssue,
    acknowledge_issues,
    requested_issues,
)
from sync.by_id import IDS_PER_REQUEST, chunks
from sync.comment_selection import tonights_refresh
from sync.counts import Span
from sync.deletions import look_up
from sync.partition_reports import report_issues
from sync.session import Session
from sync.visible_projects import Project

#: The project of an issue of which a webhook did not say it.
UNKNOWN = 0


def read_requested(session: Session) -> None:
    """Read the issues that are requested and no other; projects that another load works on are left
    to the next one.
    """
    with session.engine.connect() as connection:
        requested = requested_issues(connection, session.space_key, comments_too=True)
    _read_unlocked(session, requested)


def read_children(session: Session) -> None:
    """Read all issues that are requested now: marking issues deleted has requested their children,
    in any project.

    What the source refuses is noted, and does not keep the load from going on.
    """
    with session.engine.connect() as connection:
        requested = requested_issues(connection, session.space_key, comments_too=False)
    try:
        if requested:
            _read_unlocked(session, requested)
    except AuthenticationError:
        raise
    except PermanentError as error:
        session.reporter.failed("children of deleted issues", error)


def _read_unlocked(session: Session, requested: Sequence[RequestedIssue]) -> None:
    """Read requested issues, but for those of projects that another load works on."""
    visible = session.visible
    free = session.locks.lock_projects(
        {issue.project_id for issue in requested if issue.project_id in visible}, wait=False
    )
    with session.events.reading("targeted"):
        _read(
            session,
            [
                issue
                for issue in requested
                if issue.project_id in free or issue.project_id not in visible
            ],
        )
    session.locks.unlock_projects(free)


def read_refresh_share(session: Session) -> None:
    """Read tonight's share of the issues again, for what moves no `updated`: stars, linked files,
    vanished rows.
    """
    share = [
        RequestedIssue(read.issue_id, read.project_id, read.refetch_requests, "rolling refresh")
        for read in tonights_refresh(session)
    ]
    with session.events.reading("refresh"):
        for project_id in sorted({issue.project_id for issue in share}):
            session.locks.lock_projects([project_id])
            _read(
                session,
                [issue for issue in share if issue.project_id == project_id],
                acknowledge=False,
            )
            session.locks.unlock_projects([project_id])


def read_renamed(session: Session, projects: Sequence[Project]) -> None:
    """Read the issues of projects that have got another key: no `updated` moves, and each issue has
    another key now.
    """
    found = _under_another_key(session, projects)
    for project in projects:
        issues = [
            RequestedIssue(issue, home, 0, "another project key")
            for issue, home in sorted(found.items())
            if home == project.id
        ]
        if issues:
            session.log.info(
                f"{project.key}: {len(issues)} issues have the former key of the "
                "project; reading them again"
            )
            with session.events.reading("incremental", [project.key]):
                _read(session, issues, acknowledge=False)


def requested_before(session: Session, project_ids: Collection[int]) -> list[RequestedIssue]:
    """Return the requested issues of some projects and of inaccessible ones; call it before a pass
    that may meet them.
    """
    with session.engine.connect() as connection:
        requested = requested_issues(connection, session.space_key, comments_too=False)
    return [
        issue
        for issue in requested
        if issue.project_id in project_ids or issue.project_id not in session.visible
    ]


def acknowledge_met(
    session: Session, requested: Sequence[RequestedIssue], stored: Collection[int]
) -> list[RequestedIssue]:
    """Acknowledge the requested issues that a pass has stored, and return the others."""
    met = [issue for issue in requested if issue.issue_id in stored]
    if met:
        with session.store.transaction() as connection:
            acknowledge_issues(connection, session.space_key, met)
    return [issue for issue in requested if issue.issue_id not in stored]


def read_by_id(
    session: Session, requested: Sequence[RequestedIssue], *, acknowledge: bool = True
) -> None:
    """Ask for issues by id, a hundred a request, store what comes back, and mark those that are
    gone, with who requested them.

    `acknowledge` the requests that have been served, after each hundred.
    """
    for asked in chunks(requested, IDS_PER_REQUEST):
        look_up(
            session,
            {
                issue.issue_id: issue.by
                for issue in asked
                if issue.project_id in session.visible or issue.project_id == UNKNOWN
            },
        )
        if acknowledge:
            with session.store.transaction() as connection:
                acknowledge_issues(connection, session.space_key, asked)


def _read(
    session: Session, requested: Sequence[RequestedIssue], *, acknowledge: bool = True
) -> None:
    """Ask for issues by id and report the partitions that they were found in."""
    measured, projects = session.reporter.measure(), {issue.project_id for issue in requested}
    read_by_id(session, requested, acknowledge=acknowledge)
    tally = session.figures.take()
    counted = tally.within(projects, session.calendar.months(), min(projects, default=UNKNOWN))
    for project_id in sorted(
        {project_id for project_id, _ in counted if project_id in session.visible}
    ):
        months = sorted(month for project, month in counted if project == project_id)
        report_issues(
            session,
            {project_id: session.visible[project_id].key},
            months,
            counted,
            Span(None, None, tally.newest),
            measured,
            {
                "how": "asked by id",
                "rows": sum(counted[project_id, month].read for month in months),
            },
        )


def _under_another_key(session: Session, projects: Sequence[Project]) -> dict[int, int]:
    """Return the issues of projects that are stored under another project key than theirs: issue ->
    project.

    A new project key changes the key of every issue, and nobody documents that it moves their
    `updated`.
    """
    issues = session.spec.table.c
    keys = {project.id: project.key for project in projects}
    if not keys:
        return {}
    stored = select(issues.id, issues.project_id).where(
        issues.space_key == session.space_key,
        issues.project_id.in_(keys),
        issues.deleted_at.is_(None),
        func.split_part(issues.issue_key, "-", 1) != case(keys, value=issues.project_id),
    )
    with session.engine.connect() as connection:
        return {int(issue): int(project) for issue, project in connection.execute(stored)}

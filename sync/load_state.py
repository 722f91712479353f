"""What the warehouse knows of issues: read for the plan of a load, and again for each read once its
locks are held, since another load may have gone on meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, case, func, select, text

from resources.backlog.scan import LOOKBACK
from resources.warehouse.raw.quarantine import unplaced_projects
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state import sync_state
from resources.warehouse.state.refetch_requests import RequestedIssue, requested_issues
from sync.comment_selection import tonights_refresh
from sync.plan import FEW_ROWS
from sync.reads import Lookup, Read, Request, Snapshot, State
from sync.session import Session
from sync.visible_projects import Project
from sync.watermarks import SCOPE

#: Of each project the last change of the issue after the FEW_ROWS newest before an instant.
_CROWDED = text(
    "SELECT w.project_id, (SELECT i.updated_at FROM raw.issues AS i WHERE i.space_key = :space_key "
    "AND i.project_id = w.project_id AND i.updated_at < w.until AND i.deleted_at IS NULL "
    "ORDER BY i.updated_at DESC OFFSET :few LIMIT 1) AS updated_at "
    "FROM unnest(CAST(:projects AS bigint[]), CAST(:untils AS timestamptz[])) "
    "AS w (project_id, until)"
)


def state_of_load(session: Session, request: Request) -> State:
    """Return what a load is planned from; of an incremental one while all its projects are
    locked.
    """
    match request.mode:
        case "incremental":
            with session.engine.connect() as connection:
                return _of_projects(connection, session.space_key, request.projects)
        case "targeted":
            return State(requested=requests_now(session, comments_too=True))
        case "refresh":
            return State(requested=_tonights_share(session))
        case _:
            return State()


def state_of_read(session: Session, read: Read) -> State:
    """Return what a read is bound by, while its locks are held."""
    if isinstance(read, Lookup):
        return State(requested=_under_another_key(session, read.renamed))
    with session.engine.connect() as connection:
        progress = _progress(connection, session.space_key)
        if isinstance(read, Snapshot):
            return replace(progress, stored=_by_creation(connection, session, read.project))
        return progress


def requests_now(session: Session, *, comments_too: bool = False) -> tuple[RequestedIssue, ...]:
    """Return the issues that are requested now, in the order of their ids; `comments_too`: also
    those of which only the comments are.
    """
    with session.engine.connect() as connection:
        return tuple(
            requested_issues(
                connection, session.space_key, session.visible, comments_too=comments_too
            )
        )


def requests_before(session: Session, projects: Collection[Project]) -> tuple[RequestedIssue, ...]:
    """Return the requested issues of projects, and of inaccessible ones: a read may serve those
    that are requested before it begins.
    """
    ids = {project.id for project in projects}
    return tuple(
        issue
        for issue in requests_now(session)
        if issue.project_id in ids or issue.project_id not in session.visible
    )


def _of_projects(connection: Connection, space_key: str, projects: Sequence[Project]) -> State:
    state = _progress(connection, space_key)
    return replace(
        state,
        unplaced=frozenset(unplaced_projects(connection, space_key, "issues")),
        crowded=crowded(connection, space_key, _apart(projects, state.watermarks)),
    )


def _progress(connection: Connection, space_key: str) -> State:
    """Return how far the issues of each project are read."""
    return State(
        watermarks=sync_state.get_watermarks(connection, space_key, SCOPE),
        begun=sync_state.get_checkpoints(connection, space_key, SCOPE, "created"),
        interrupted=sync_state.get_checkpoints(connection, space_key, SCOPE, "updated"),
    )


def _apart(projects: Sequence[Project], watermarks: Mapping[int, datetime]) -> dict[int, datetime]:
    """Return the watermarks that are not the oldest of these projects."""
    known = {one.id: watermarks[one.id] for one in projects if one.id in watermarks}
    oldest = min(known.values(), default=None)
    return {project: mark for project, mark in known.items() if mark != oldest}


def crowded(
    connection: Connection, space_key: str, watermarks: Mapping[int, datetime]
) -> dict[int, datetime]:
    """Return, for projects with more than FEW_ROWS issues stored that changed before their
    watermark, the last change of the one that is one too many: `State.crowded`.
    """
    if not watermarks:
        return {}
    found = connection.execute(
        _CROWDED,
        {
            "space_key": space_key,
            "projects": list(watermarks),
            "untils": [mark - LOOKBACK for mark in watermarks.values()],
            "few": FEW_ROWS,
        },
    )
    return {project: moment for project, moment in found if moment is not None}


def _under_another_key(session: Session, projects: Sequence[Project]) -> tuple[RequestedIssue, ...]:
    """Return the issues of projects that are stored under another project key than theirs.

    A new project key changes the key of every issue, and nobody documents that it moves their
    `updated`.
    """
    issues = SPECS["issues"].table.c
    keys = {project.id: project.key for project in projects}
    if not keys:
        return ()
    query = (
        select(issues.id, issues.project_id)
        .where(
            issues.space_key == session.space_key,
            issues.project_id.in_(keys),
            issues.deleted_at.is_(None),
            func.split_part(issues.issue_key, "-", 1) != case(keys, value=issues.project_id),
        )
        .order_by(issues.id)
    )
    with session.engine.connect() as connection:
        return tuple(
            RequestedIssue(int(issue), int(project), 0, "another project key")
            for issue, project in connection.execute(query)
        )


def _by_creation(
    connection: Connection, session: Session, project: Project
) -> tuple[tuple[datetime, int], ...]:
    """Return (created_at, id) of each unmarked issue of a project, oldest first."""
    issues = SPECS["issues"].table.c
    query = (
        select(issues.created_at, issues.id)
        .where(issues.space_key == session.space_key, issues.project_id == project.id)
        .where(issues.deleted_at.is_(None), issues.created_at.is_not(None))
        .order_by(issues.created_at)
    )
    return tuple((created, issue) for created, issue in connection.execute(query))


def _tonights_share(session: Session) -> tuple[RequestedIssue, ...]:
    """Return tonight's share of the issues, for what moves no `updated`: stars, linked files,
    vanished rows.
    """
    return tuple(
        RequestedIssue(one.issue_id, one.project_id, one.refetch_requests, "rolling refresh")
        for one in tonights_refresh(session)
    )

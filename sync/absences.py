"""Which issues are gone, of those that the source does not return when they are requested by id.

An inaccessible project shows nothing either, without an error. So the projects are listed once more
after the confirming read. If the project of an issue is not listed, the issue may still exist: its
absence proves nothing. If a project is listed that was not searched, the issue may have moved
there, and all are requested again. While a listed project refuses to be asked, or is in quarantine
and so is not asked, the issue may have moved there: then only the feed shows that it was deleted.
Unlisted projects: `lost_access.py`.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from resources.backlog.errors import BacklogError, NotFound, PermissionDenied
from resources.backlog.feed import ISSUE_DELETED
from resources.problems.causes import Failure
from resources.warehouse.raw.schema import SPECS
from sync.by_id import IssuesById
from sync.numbers import source_count
from sync.session import Session
from sync.visible_projects import Project
from sync.watermarks import SCOPE


def absent_ids(session: Session, ids: Collection[int], projects: Collection[int]) -> list[int]:
    """Request issues of projects by id, a hundred a request, store those that come and return the
    ids of the others.

    A row that was not met may only have moved, to another month or another project. A project that
    refuses is named once, and is not asked again by this load: it may have the others.
    """
    answering = [project for project in projects if project not in session.refusing]
    asked = IssuesById(session.client, ids, answering)
    for page in asked.pages():
        session.writer.write(page)
    for project_id in asked.refused.keys() & session.visible.keys():
        set_aside(session, session.visible[project_id], asked.refused[project_id])
    session.refusing.update(asked.refused)
    return asked.absent


def set_aside(session: Session, project: Project, error: BacklogError) -> None:
    """Note, once a load, that the issues of a project cannot be read: requests by id leave it out,
    and the load goes on with the others and fails in the end.
    """
    if project.id in session.refusing:
        return
    session.refusing.add(project.id)
    if project.archived and isinstance(error, NotFound | PermissionDenied):
        # Whether the issues of an archived project are still served is not documented; what was
        # loaded stays.
        session.log.warning(
            f"{project.key} is archived and its issues are not served any more: {error}"
        )
    else:
        session.reporter.failed(project.key, error)
        session.store.note_failure(SCOPE, project.id, Failure.of(error))


def provably_absent(session: Session, absent: Sequence[int]) -> list[int]:
    """Return those of the absent issues that are stored and whose project is still accessible, so
    that they must be gone.

    They are read once more when a project is accessible that was not when the load began: they may
    have moved there. Whether lists hold the issues of an archived project is not documented: there,
    absence proves something only when other issues of the project are listed, or when the feed
    shows that the issue was deleted. Where a listed project is not asked, only the feed does. One
    request when any is absent, and one for each archived project concerned.
    """
    issues = session.spec.table.c
    query = select(issues.id, issues.project_id).where(
        issues.space_key == session.space_key, issues.id.in_(absent), issues.deleted_at.is_(None)
    )
    with session.engine.connect() as connection:
        stored = {
            int(identifier): int(project) for identifier, project in connection.execute(query)
        }
    if not stored:
        return []
    listed, visible = session.client.projects(), session.visible
    now = {int(project["id"]): bool(project.get("archived")) for project in listed}
    if not now.keys() <= visible.keys():
        stored = {identifier: stored[identifier] for identifier in absent_ids(session, stored, now)}
    all_asked = not (session.refusing or listed.odd)
    sound: set[int] = set()
    empty: set[int] = set()
    for project_id in set(stored.values()) & now.keys() & visible.keys():
        project = visible[project_id]
        if project.archived != now[project_id]:
            continue
        proves = all_asked and (not project.archived or source_count(session.client, [project_id]))
        (sound if proves else empty).add(project_id)
    in_feed = _deleted_in_feed(
        session, [identifier for identifier, project_id in stored.items() if project_id in empty]
    )
    gone = sorted(
        identifier
        for identifier, project_id in stored.items()
        if project_id in sound or identifier in in_feed
    )
    unsound = sorted({stored[identifier] for identifier in stored.keys() - gone})
    if unsound:
        session.log.warning(
            f"nothing is marked deleted in the projects {unsound}: they are "
            "inaccessible, or were archived, or a listed project cannot be asked"
        )
    return gone


def refuse_lost(session: Session, projects: Sequence[Project]) -> None:
    """Raise NotFound when one of the projects is not accessible any more: then the rows that were
    read of it are incomplete.
    """
    listed = session.client.projects().ids
    lost = [project.key for project in projects if project.id not in listed]
    if lost:
        raise NotFound(
            f"GET /projects lists {', '.join(lost)} no longer: deleted or inaccessible since "
            "this load began; load again"
        )


def _deleted_in_feed(session: Session, ids: Collection[int]) -> set[int]:
    """Return those of the issues whose deletion is a stored activity: no issue comes back from
    that.
    """
    if not ids:
        return set()
    activities = SPECS["activities"].table.c
    issue = activities.payload["content"]["id"].astext
    query = select(issue).where(
        activities.space_key == session.space_key,
        activities.type == ISSUE_DELETED,
        issue.in_([str(identifier) for identifier in ids]),
    )
    with session.engine.connect() as connection:
        return {int(one) for one in connection.execute(query).scalars()}

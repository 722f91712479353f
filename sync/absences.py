"""Which issues are gone, of those that the source does not return when they are requested by id.

An inaccessible project shows nothing either, without an error. So the projects are listed once more
after the confirming read. If the project of an issue is not listed, the issue may still exist: its
absence proves nothing. If a project is listed that was not searched, the issue may have moved
there, and all are requested again. Unlisted projects: `lost_access.py`.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from resources.backlog.errors import NotFound
from resources.backlog.feed import ISSUE_DELETED
from resources.warehouse.raw.schema import SPECS
from sync.by_id import IssuesById
from sync.numbers import source_count
from sync.session import Session
from sync.visible_projects import Project


def absent_ids(session: Session, ids: Collection[int], projects: Collection[int]) -> list[int]:
    """Request issues of projects by id, a hundred a request, store those that come and return the
    ids of the others.

    A row that was not met may only have moved, to another month or another project.
    """
    asked = IssuesById(session.client, ids, projects)
    for page in asked.pages():
        session.writer.write(page)
    return asked.absent


def provably_absent(session: Session, absent: Sequence[int]) -> list[int]:
    """Return those of the absent issues that are stored and whose project is still accessible, so
    that they must be gone.

    They are read once more when a project is accessible that was not when the load began: they may
    have moved there. Whether lists hold the issues of an archived project is not documented: there,
    absence proves something only when other issues of the project are listed, or when the feed
    shows that the issue was deleted. One request when any is absent, and one for each archived
    project concerned.
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
    now, visible = _archived_now(session), session.visible
    if not now.keys() <= visible.keys():
        stored = {identifier: stored[identifier] for identifier in absent_ids(session, stored, now)}
    sound: set[int] = set()
    empty: set[int] = set()
    for project_id in set(stored.values()) & now.keys() & visible.keys():
        project = visible[project_id]
        if project.archived != now[project_id]:
            continue
        proves = not project.archived or source_count(session.client, [project_id])
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
            "inaccessible, or were archived"
        )
    return gone


def refuse_lost(session: Session, projects: Sequence[Project]) -> None:
    """Raise NotFound when one of the projects is not accessible any more: then the rows that were
    read of it are incomplete.
    """
    now = _archived_now(session)
    lost = [project.key for project in projects if project.id not in now]
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


def _archived_now(session: Session) -> dict[int, bool]:
    """Ask which projects are accessible at this moment; say of each whether it is archived."""
    return {
        int(project["id"]): bool(project.get("archived")) for project in session.client.projects()
    }

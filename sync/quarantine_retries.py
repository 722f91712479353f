"""Issues in quarantine: each load of changes asks for them again, and settles the entries of those
that are good now, or gone.

An issue that says neither its id nor its key has its project read whole (`plan.py`). Other records
are tried again by what loads their table: lists are read whole each time; each load of activities
spends up to three pages on those in quarantine (`activities.py`); a load that meets a bad comment
requests the comments of its issue, so that the next one reads them again (`comment_writes.py`).
"""

from collections.abc import Collection

from sqlalchemy import DateTime, literal, select

from resources.backlog.errors import NotFound, PermissionDenied
from resources.warehouse.raw.quarantine import (
    pending_rejections,
    place_to_retry,
    resolve_rejections,
    resolve_without_id,
)
from sync.absences import absent_ids
from sync.session import Session
from sync.visible_projects import Project


def retry_rejected(session: Session) -> None:
    """Read quarantined issues again, and stored ones with a time in the future; resolve the entries
    of those that are gone: that no project has, none of which refuses to be asked or is itself in
    quarantine.
    """
    issues = session.spec.table.c
    ahead = select(issues.id).where(
        issues.space_key == session.space_key,
        issues.updated_at > literal(session.writer.latest, DateTime(timezone=True)),
    )
    with session.engine.connect() as connection:
        keys = pending_rejections(
            connection, session.space_key, session.spec.name, project_ids=session.visible
        )
        ids = {int(key) for key in keys if key.isdigit()}.union(connection.execute(ahead).scalars())
    absent = absent_ids(session, ids, session.visible)
    gone = [] if session.refusing or session.client.visible_projects().odd else absent
    with session.store.transaction() as connection:
        resolve_rejections(
            connection,
            session.space_key,
            session.spec.name,
            [str(identifier) for identifier in gone],
        )
    for place in sorted({place for key in keys if (place := place_to_retry(key))}):
        _retry_without_id(session, place)


def _retry_without_id(session: Session, issue_key: str) -> None:
    """Ask for an issue without an id by its key, and resolve its entries in quarantine unless it
    still has none.
    """
    try:
        still = session.writer.write(session.client.issue_again(issue_key)).without_id
    except (NotFound, PermissionDenied):
        still = ()
    with session.store.transaction() as connection:
        resolve_without_id(
            connection, session.space_key, session.spec.name, still=still, place=issue_key
        )


def resolve_issues_without_id(session: Session, project: Project, met: Collection[str]) -> None:
    """Resolve the entries in quarantine of issues without an id, of a project that was read whole,
    except those that were met.
    """
    with session.store.transaction() as connection:
        resolve_without_id(
            connection, session.space_key, session.spec.name, still=met, project_id=project.id
        )

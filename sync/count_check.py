"""The number of issues at the end of a pass: equal to the source's, or which projects differ."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from resources.backlog.errors import PermanentError
from resources.backlog.feed import deleted_issues
from resources.warehouse.state.reconciliations import latest
from sync.absences import refuse_lost
from sync.holdings import holdings
from sync.lookups import look_up
from sync.numbers import differing_projects, source_count
from sync.session import Session
from sync.visible_projects import Project

#: Activities are looked at from this long before the watermark on: they may become visible late.
FEED_LOOKBACK = timedelta(hours=1)


def unequal_projects(
    session: Session, projects: Sequence[Project], deleted_since: datetime, read_at: datetime
) -> frozenset[int]:
    """Return the active projects that have not as many issues here as at the source, but for what
    happened there since `read_at`.

    One request when all is equal. When not, the deletions in the activity feed since
    `deleted_since` are confirmed and marked; what still differs after that, without being
    explained, is left to the caller. One number for all projects hides two differences that cancel
    out: a project that the last count reconciliation found different is counted by itself.

    Raises:
        NotFound: one of them has become inaccessible meanwhile.
    """
    active = [project for project in projects if not project.archived]
    ids = [project.id for project in active]
    with session.engine.connect() as connection:
        known = {
            project
            for project, status in latest(connection, session.space_key).items()
            if status.differs_in_number
        }
    if source_count(session.client, ids) == holdings(session.engine, session.space_key).total(ids):
        ids = [project for project in ids if project in known]
    if not ids:
        return frozenset()
    in_feed = deleted_issues(session.client, deleted_since - FEED_LOOKBACK)
    issues = session.spec.table.c
    stored = select(issues.id).where(
        issues.space_key == session.space_key, issues.id.in_(in_feed), issues.deleted_at.is_(None)
    )
    with session.engine.connect() as connection:
        suspects = set(connection.execute(stored).scalars())
    look_up(session, dict.fromkeys(suspects, "activity feed"))
    try:
        differing = differing_projects(
            session.client, session.engine, session.space_key, ids, read_at
        )
    except PermanentError:
        refuse_lost(session, active)  # which says more than that a list of it is refused
        raise
    if differing:
        refuse_lost(session, [project for project in active if project.id in differing])
    return frozenset(differing)

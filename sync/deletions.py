"""Issues that are gone: found missing by a re-read, a count or the activity feed, and marked only
after asking for each by id.

An inaccessible project shows nothing either, without an error. So after the confirming read the
projects are listed once more. An issue whose project is not listed may still be there: its absence
proves nothing. Where a project is listed that was not asked, the issue may have moved there, and
all are asked.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import NotFound, PermanentError
from resources.backlog.feed import ISSUE_DELETED, deleted_issues
from resources.backlog.scan import PROJECTS_PER_REQUEST
from resources.warehouse.reconciliations import latest
from resources.warehouse.schema import SPECS
from resources.warehouse.tombstones import mark_issues_deleted, stored_ids
from sync.by_id import IssuesById, chunks
from sync.holdings import holdings
from sync.month_windows import Slice
from sync.numbers import differing_projects
from sync.session import Session
from sync.visible_projects import Project

#: Activities are looked at from this long before the watermark on: they may become visible late.
FEED_LOOKBACK = timedelta(hours=1)
#: How the absence of an issue is confirmed, in whatever way it was noticed.
CONFIRMED = "confirmed by GET /issues?id[]"


def mark_vanished(session: Session, project: Project, part: Slice, seen: Collection[int]) -> None:
    """Mark the stored rows of a slice that a pass over it did not meet and that the source confirms
    it no longer has.

    Raises:
        NotFound: the project has become inaccessible meanwhile, so that the pass over it proves
            nothing.
    """
    if project.archived and not seen:
        # Whether lists still hold the issues of an archived project is not documented: absence
        # proves nothing then.
        return
    with session.engine.connect() as connection:
        stored = stored_ids(
            connection,
            session.spec,
            {"project_id": project.id},
            space_key=session.space_key,
            since=part.since,
            until=part.until,
        )
    mark_missed(session, project, stored.difference(seen))


def mark_missed(session: Session, project: Project, missed: Collection[int]) -> None:
    """Mark the stored issues that a read of their project should have met and that the source
    confirms it no longer has.

    Raises:
        NotFound: the project has become inaccessible meanwhile, so that the read proves nothing.
    """
    if missed and not look_up(session, dict.fromkeys(missed, "partition re-read")):
        _refuse_lost(session, [project])


def unequal_projects(
    session: Session, projects: Sequence[Project], deleted_since: datetime, read_at: datetime
) -> list[Project]:
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
    if source_count(session, active) == holdings(session.engine, session.space_key).total(ids):
        ids = [project for project in ids if project in known]
    if not ids:
        return []
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
        _refuse_lost(session, active)  # which says more than that a list of it is refused
        raise
    unequal = [project for project in active if project.id in differing]
    if unequal:
        _refuse_lost(session, unequal)
    return unequal


def look_up(session: Session, suspects: Mapping[int, str]) -> bool:
    """Ask for issues by id, store what comes back, and mark those that do not, each with how it was
    found as the evidence; False when the absence of some proves nothing.
    """
    absent = absent_ids(session, suspects, session.visible)
    gone = _provably_absent(session, absent)
    by_evidence: dict[str, list[int]] = defaultdict(list)
    for identifier in gone:
        by_evidence[suspects[identifier]].append(identifier)
    for evidence, ids in by_evidence.items():
        _mark_deleted(session, ids, evidence)
    return len(gone) == len(absent)


def _mark_deleted(session: Session, gone: Sequence[int], found_by: str) -> None:
    issues = session.spec.table.c
    with session.store.transaction() as connection:
        query = select(issues.project_id, issues.updated_at).where(
            issues.space_key == session.space_key, issues.id.in_(gone), issues.deleted_at.is_(None)
        )
        rows = [(project, moment) for project, moment in connection.execute(query)]
        marked = mark_issues_deleted(
            connection,
            gone,
            space_key=session.space_key,
            evidence=f"{found_by}; {CONFIRMED}",
            run_id=session.run_id,
        )
    session.writer.count_deleted(len(marked))
    session.events.marked(rows)


def _provably_absent(session: Session, absent: Sequence[int]) -> list[int]:
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
        proves = not project.archived or source_count(session, [project])
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


def _refuse_lost(session: Session, projects: Sequence[Project]) -> None:
    """Raise NotFound when one of the projects is not accessible any more: what was read of it is
    not all that it has.
    """
    now = _archived_now(session)
    lost = [project.key for project in projects if project.id not in now]
    if lost:
        raise NotFound(
            f"GET /projects lists {', '.join(lost)} no longer: deleted or inaccessible since "
            "this load began; load again"
        )


def absent_ids(session: Session, ids: Collection[int], projects: Collection[int]) -> list[int]:
    """Ask for issues of projects by id, a hundred a request, store what comes back and return the
    ids that do not.

    A row that was not met may only have moved, to another month or another project.
    """
    asked = IssuesById(session.client, ids, projects)
    for page in asked.pages():
        session.writer.write(page)
    return asked.absent


def source_count(session: Session, projects: Sequence[Project]) -> int:
    """Return the number of issues that the source has in projects, a hundred projects a request,
    which keeps the address short.
    """
    parts = chunks([project.id for project in projects], PROJECTS_PER_REQUEST)
    return sum(session.client.issues_count(IssueFilter(project_id=part)) for part in parts)

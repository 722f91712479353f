"""Issues that are requested by id, for any reason: those that come back are stored; those that do
not and are certainly gone are marked deleted, with the evidence.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select

from resources.warehouse.raw.tombstones import mark_issues_deleted, stored_ids
from resources.warehouse.server.conflicts import retried_on_conflict
from resources.warehouse.state.refetch_requests import RequestedIssue, acknowledge_issues
from sync.absences import absent_ids, provably_absent, refuse_lost
from sync.by_id import IDS_PER_REQUEST, chunks
from sync.reads import Months, Snapshot
from sync.session import Session
from sync.visible_projects import Project

#: How the absence of an issue is confirmed, in whatever way it was noticed.
CONFIRMED = "confirmed by GET /issues?id[]"
#: The project of an issue of which a webhook did not say it.
UNKNOWN = 0


def look_up(session: Session, suspects: Mapping[int, str]) -> set[int]:
    """Ask for issues by id, store what comes back, and mark those that do not, each with how it was
    found as the evidence; return those whose absence proves nothing.
    """
    absent = absent_ids(session, suspects, session.visible)
    gone = provably_absent(session, absent)
    by_evidence: dict[str, list[int]] = defaultdict(list)
    for identifier in gone:
        by_evidence[suspects[identifier]].append(identifier)
    for evidence, ids in by_evidence.items():
        _mark_deleted(session, ids, evidence)
    return set(absent).difference(gone)


def read_by_id(
    session: Session, requested: Sequence[RequestedIssue], *, acknowledge: bool = True
) -> None:
    """Ask for issues by id, a hundred a request, store what comes back, and mark those that are
    gone, with who requested them.

    `acknowledge` the requests that have been served, after each hundred. What a project may have
    that refuses to be asked stays requested.
    """
    for asked in chunks(requested, IDS_PER_REQUEST):
        absent = look_up(
            session,
            {
                issue.issue_id: issue.by
                for issue in asked
                if issue.project_id in session.visible or issue.project_id == UNKNOWN
            },
        )
        if acknowledge:
            served = [one for one in asked if not session.refusing or one.issue_id not in absent]
            _acknowledge(session, served)


def acknowledge_met(
    session: Session, requested: Sequence[RequestedIssue], stored: Collection[int]
) -> list[RequestedIssue]:
    """Acknowledge the requested issues that a pass has stored, and return the others."""
    met = [issue for issue in requested if issue.issue_id in stored]
    if met:
        _acknowledge(session, met)
    return [issue for issue in requested if issue.issue_id not in stored]


@retried_on_conflict
def _acknowledge(session: Session, served: Sequence[RequestedIssue]) -> None:
    with session.store.transaction() as connection:
        acknowledge_issues(connection, session.space_key, served)


def mark_vanished(
    session: Session, read: Snapshot | Months, project: Project, seen: Collection[int]
) -> None:
    """Mark the stored rows of a project, in the span of a read, that it did not meet and that the
    source confirms it no longer has.

    Raises:
        NotFound: the project has become inaccessible meanwhile, so that the read proves nothing.
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
            since=read.since,
            until=read.until,
        )
    mark_missed(session, [project], stored.difference(seen))


def mark_missed(session: Session, projects: Sequence[Project], missed: Collection[int]) -> None:
    """Mark the stored issues that a read of their projects should have met and that the source
    confirms it no longer has.

    Raises:
        NotFound: a project has become inaccessible meanwhile, so that the read proves nothing.
    """
    if missed and look_up(session, dict.fromkeys(missed, "partition re-read")):
        refuse_lost(session, projects)


@retried_on_conflict
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

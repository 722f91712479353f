"""How a load of issues works through its plan: read by read, each under its locks, each to its end.

`store.py` says what is committed together, and what a kill leaves. The watermark of a project moves
last: after its rows, its refetch requests, its marks and its number of issues are stored.
"""

from collections import deque
from collections.abc import Sequence

from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    IncompleteScan,
    PermanentError,
    Unavailable,
)
from sync.absences import set_aside
from sync.count_check import unequal_projects
from sync.issue_reads import Listed
from sync.issue_writes import store_issues
from sync.load_state import requests_before, requests_now, state_of_load, state_of_read
from sync.lookups import acknowledge_met, mark_missed, mark_vanished, read_by_id
from sync.numbers import source_count
from sync.partition_reports import report_lookup, report_pass
from sync.plan import after, bind, follow, locked_for, plan, proof_of, requested_lookup, split
from sync.quarantine_retries import resolve_issues_without_id, retry_rejected
from sync.reads import Changes, End, Lookup, Months, Pass, Read, Request, Snapshot
from sync.session import Session
from sync.visible_projects import Project
from sync.watermarks import complete, move_watermark

#: Of so many projects one must be answered for: the first may be the one that the source cannot
#: serve.
ASKED_FOR = 2


def apply(session: Session, request: Request) -> None:
    """Read issues as a run asks; a project that fails does not keep the others from being read.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
        WarehouseError: the warehouse cannot be used.
    """
    if request.mode == "incremental":
        # The plan goes by what is known of all of them, and by what stays in quarantine.
        session.locks.lock_projects([project.id for project in request.projects])
        retry_rejected(session)
    queue = deque(plan(request, state_of_load(session, request)))
    changes: dict[int, End] = {}
    counted = False
    while queue:
        read = queue.popleft()
        if isinstance(read, Snapshot) and not counted:
            _expect(session, [read, *queue])
            counted = True
        with session.locks.holding(locked_for(read)):
            bound = bind(read, state_of_read(session, read), changes)
            match bound:
                case Lookup():
                    _look_up(session, bound)
                case Snapshot() | Changes() | Months():
                    try:
                        end = _read(session, bound)
                    except AuthenticationError:
                        raise
                    except (PermanentError, IncompleteScan, Unavailable) as error:
                        queue.extendleft(reversed(_isolate(session, bound, error)))
                    else:
                        queue.extend(after(bound, end))
                        if isinstance(bound, Changes):
                            changes |= {project.id: end for project in bound.projects}
    if session.writer.counts.deleted:
        _look_up_children(session)


def _read(session: Session, read: Pass) -> End:
    """Read a pass, and what follows in it, in one row of the history; return how it ended."""
    with session.events.reading(read.mode, session.covered(read.projects)):
        measured = session.reporter.measure()
        _say_where_it_continues(session, read)
        steps = [(read, _run(session, read))]
        while (then := follow(*steps[-1])) is not None:
            if isinstance(then, Snapshot):
                session.log.warning(
                    f"{then.project.key}: the number of issues differs from the source after an "
                    "earlier read; reading all again"
                )
            steps.append((then, _run(session, then)))
        _, end = steps[-1]
        report_pass(session, read, end.as_of, measured, proof_of(steps))
    return end


def _run(session: Session, read: Pass) -> End:
    """Read and store one read of a pass, prove what is absent, and move the watermarks last."""
    match read:
        case Snapshot():
            return _snapshot(session, read)
        case Changes(resume=None):
            return _changes(session, read)
        case Changes():
            return _rest_of_changes(session, read)
        case Months():
            return _months(session, read)


def _snapshot(session: Session, read: Snapshot) -> End:
    """Read a project whole, or what an earlier try has left of it."""
    project = read.project
    requested = () if read.keeps_cursor else requests_before(session, read.projects)
    met = store_issues(session, read)
    if met.listed.proof.resumed:
        return _rest_of_snapshot(session, read, met.listed)
    acknowledge_met(session, requested, met.ids)
    mark_vanished(session, read, project, met.listed.ids)
    resolve_issues_without_id(session, project, met.without_id)
    complete(session, [project], met.listed.started_at)
    return End(met.listed.started_at, met.listed.proof)


def _rest_of_snapshot(session: Session, read: Snapshot, listed: Listed) -> End:
    """End the rest of a snapshot: complete where this load has read what changed since it began,
    and the number of issues is equal; otherwise known up to when its first try began.
    """
    first, proof = listed.complete_until, listed.proof
    mark_missed(session, read.projects, listed.unmet)
    if read.changes_until is None:
        # If the load dies after this, a load of changes goes on from here.
        move_watermark(session, read.project, first)
        return End(first, proof, resumed=True)
    differing = unequal_projects(session, read.projects, read.changes_until, read.changes_until)
    if not differing:
        complete(session, read.projects, read.changes_until)
    return End(read.changes_until, proof, differing, resumed=True)


def _changes(session: Session, read: Changes) -> End:
    """Read what changed, and what else is requested; compare the number of issues."""
    requested = requests_before(session, read.projects)
    met = store_issues(session, read)
    read_by_id(session, acknowledge_met(session, requested, met.ids))
    as_of = met.listed.complete_until
    differing = unequal_projects(session, read.projects, read.since, as_of)
    moved = [one for one in read.projects if one.id not in read.later | differing]
    complete(session, moved, as_of)
    return End(as_of, met.listed.proof, differing)


def _rest_of_changes(session: Session, read: Changes) -> End:
    """Read the rest of an interrupted pass over changes."""
    listed = store_issues(session, read).listed
    return End(listed.complete_until, listed.proof, resumed=True)


def _months(session: Session, read: Months) -> End:
    """Read the same months of projects, and mark what has vanished from them."""
    requested = requests_before(session, read.projects)
    met = store_issues(session, read)
    acknowledge_met(session, requested, met.ids)
    for project in read.projects:
        mark_vanished(session, read, project, met.listed.ids)
    if moved := [project for project in read.projects if project.id in read.moves]:
        complete(session, moved, met.listed.started_at)
    return End(met.listed.started_at, met.listed.proof)


def _look_up(session: Session, read: Lookup) -> None:
    """Ask for issues by id in one row of the history, each part under its locks."""
    keys = [project.key for project in read.renamed]
    if keys:
        session.log.info(
            f"{', '.join(keys)}: {sum(map(len, read.parts))} issues have the former key of their "
            "project; reading them again"
        )
    with session.events.reading(read.mode, keys or None):
        for part in read.parts:
            measured = session.reporter.measure()
            projects = set[int]() if read.locks == "held" else {issue.project_id for issue in part}
            wanted = projects & session.visible.keys()
            with session.locks.holding(wanted, wait=read.locks == "wait") as ours:
                issues = [issue for issue in part if issue.project_id not in wanted - ours]
                read_by_id(session, issues, acknowledge=read.acknowledge)
                report_lookup(session, issues, measured)


def _look_up_children(session: Session) -> None:
    """Read what is requested now: marking issues has requested their children, in any project. What
    the source refuses is noted, and no more.
    """
    if requested := requests_now(session):
        try:
            _look_up(session, requested_lookup(requested))
        except AuthenticationError:
            raise
        except PermanentError as error:
            session.reporter.failed("children of deleted issues", error)


def _isolate(session: Session, read: Pass, error: BacklogError) -> list[Read]:
    """Return what is read instead of a pass that failed: each of its projects by itself. The
    failure of a single project is noted, and does not keep the others from being read.

    A project that the source cannot serve (5xx) while it answers for another one is such a failure,
    too.

    Raises:
        Unavailable: it answers for none.
    """
    if isinstance(error, Unavailable) and not _answers_for_another(session, read.projects):
        raise error
    if len(read.projects) > 1:
        session.log.warning(
            f"{len(read.projects)} projects in one pass: {error}; reading each by itself"
        )
        return split(read)
    [project] = read.projects
    set_aside(session, project, error)
    return []


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
        not isinstance(session.client.refusal(IssueFilter(project_id=(project.id,))), Unavailable)
        for project in others[:ASKED_FOR]
    )


def _expect(session: Session, reads: Sequence[Read]) -> None:
    """Say how many issues several snapshots will read, for a bar that knows its end; None where a
    project refuses to be counted, which its read will report.
    """
    projects = {read.project.id: read.project for read in reads if isinstance(read, Snapshot)}
    if len(projects) < 2:
        return
    try:
        session.events.expected(source_count(session.client, projects))
    except AuthenticationError:
        raise
    except (PermanentError, Unavailable):
        session.events.expected(None)


def _say_where_it_continues(session: Session, read: Pass) -> None:
    if not isinstance(read, Months) and read.resume is not None:
        session.log.info(
            f"{', '.join(project.key for project in read.projects)}: continuing from "
            f"{read.resume.position.moment}, where an earlier read was interrupted"
        )

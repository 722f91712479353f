"""Issues: which windows and changes a load reads, what has vanished, and the watermark that
follows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from resources.backlog.errors import AuthenticationError, PermanentError
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import CompletenessProof, Window
from sync.counts import Span
from sync.deletions import (
    mark_vanished,
    source_count,
    unequal_projects,
)
from sync.issue_batches import store_scan, store_whole_project
from sync.issue_passes import attempt, known_rows, passes, windows
from sync.month_windows import Slice
from sync.partition_reports import report_issues
from sync.quarantine_retries import (
    resolve_issues_without_id,
    retry_rejected,
    unplaced_rejections,
)
from sync.refetch import (
    acknowledge_met,
    read_by_id,
    read_children,
    read_refresh_share,
    read_renamed,
    read_requested,
    requested_before,
)
from sync.session import Session
from sync.visible_projects import Project
from sync.watermarks import broken_off, checkpoints, complete, move_watermark, watermarks


@dataclass(frozen=True)
class Changes:
    """What a pass over the changes of projects found: until when all of them are stored, and whose
    numbers stay unequal.
    """

    projects: Sequence[Project]
    started_at: datetime
    until: datetime
    unequal: Sequence[Project]
    proof: CompletenessProof


def sync_issues(
    session: Session, mode: str, covered: Sequence[Slice], also_written: Collection[str] = ()
) -> None:
    """Read issues as the mode says, and report what the load as a whole did.

    Args:
        session: the load of `raw/issues`.
        mode: backfill, incremental, targeted or refresh.
        covered: what the run covers; only the first two modes go by it.
        also_written: tables of which rows are marked together with a deleted issue, and that nobody
            else reports.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
        WarehouseError: the warehouse cannot be used.
    """
    try:
        match mode:
            case "incremental":
                load_changes(session, covered)
            case "targeted":
                read_requested(session)
            case "refresh":
                read_refresh_share(session)
            case _:
                load_windows(session, covered)
        if session.writer.counts.deleted:
            read_children(session)
    finally:
        # Also for an interrupted load: what it has stored counts.
        session.reporter.table_loaded()
        if session.writer.counts.deleted:
            session.reporter.rows_changed(also_written)


def load_windows(
    session: Session, parts: Sequence[Slice], changes_until: Mapping[int, datetime] | None = None
) -> None:
    """Read slices again whole; a project that fails does not keep the others from loading.

    A project that was never read whole continues where an earlier try was interrupted; with
    `changes_until` also those whose changes before an instant this load has read already (project
    -> instant).
    """
    planned = [(part, session.project_of(part.project_key)) for part in parts]
    whole = {project.id: project for part, project in planned if project and part.whole}
    if len(whole) > 1:
        session.events.expected(_expected(session, list(whole.values())))
    for part, project in planned:
        if project is None:
            error = LookupError("no visible project has or had this key: deleted, or access lost?")
            session.reporter.failed(part.project_key, error)
    for group in windows([(part, project) for part, project in planned if project]):
        slices, projects = (
            {project.id: part for part, project in group},
            [project for _, project in group],
        )
        session.locks.lock_projects(slices)
        if group[0][0].whole:
            until = (changes_until or {}).get(projects[0].id)
            attempt(
                session, "backfill", projects, partial(_load_project, session, group[0][0], until)
            )
        else:
            attempt(session, "backfill", projects, partial(_load_months, session, slices))
        session.locks.unlock_projects(slices)


def _expected(session: Session, projects: Sequence[Project]) -> int | None:
    """Return the number of issues of projects, for a bar that knows its end; None where one
    refuses, which its read will report.
    """
    try:
        return source_count(session, projects)
    except AuthenticationError:
        raise
    except PermanentError:
        return None


def load_changes(session: Session, covered: Sequence[Slice]) -> None:
    """Read what changed since the watermarks of the projects that the run covers; a project without
    one is read whole.

    Archived projects are read too: in one pass with the others they cost nothing, and the last
    change before a project was archived is not lost. Issues of a project that has got another key
    are read again by id.
    """
    keys = {part.project_key for part in covered}
    projects = [project for project in session.visible.values() if project.key in keys]
    session.locks.lock_projects([project.id for project in projects])
    retry_rejected(session)
    known_until = watermarks(session)
    known = [project for project in projects if project.id in known_until]
    # A project that was being read again whole was found wrong: that its number of issues may be
    # right now proves nothing. And an issue in quarantine that cannot be asked for is found by
    # reading all of its project.
    begun, unplaced = checkpoints(session, "created"), unplaced_rejections(session)
    whole = [
        project
        for project in projects
        if project.id not in known_until or {project.id, None} & {*begun, *unplaced}
    ]
    groups = passes(
        known, known_until, checkpoints(session, "updated"), partial(known_rows, session)
    )
    read = partial(_load_pass, session, known_until, whole)
    done = [changes for group in groups for changes in attempt(session, "incremental", group, read)]
    whole += [project for changes in done for project in changes.unequal if project not in whole]
    read_renamed(session, [project for project in known if project not in whole])
    until = {project.id: changes.until for changes in done for project in changes.projects}
    load_windows(session, [session.calendar.whole_project(project.key) for project in whole], until)


def _load_project(
    session: Session, part: Slice, changes_until: datetime | None, projects: Sequence[Project]
) -> None:
    """Read a project whole again, mark what has vanished from it, report its partitions, and move
    its watermark.

    `changes_until`: the changes before are read already.
    """
    [project], measured = projects, session.reporter.measure()
    if project.id in watermarks(session) and changes_until is None:
        scan, without_id = _read_window(session, {project.id: part}, projects)
        resolve_issues_without_id(session, project, without_id)
        read_to, proof = scan.started_at, scan.proof
    else:
        read_to, proof = _read_whole(session, project, part, changes_until)
    complete(session, [project], read_to)
    counted = session.figures.take().within({project.id}, part.months, project.id)
    report_issues(
        session,
        {project.id: part.project_key},
        part.months,
        counted,
        Span(None, read_to),
        measured,
        proof,
    )


def _load_months(session: Session, parts: Mapping[int, Slice], projects: Sequence[Project]) -> None:
    """Read the same months of projects (id -> slice) again in one pass, mark what has vanished from
    them, report their partitions.

    The watermark of a project moves when the months reach from it to now.
    """
    measured, known_until, begun = (
        session.reporter.measure(),
        watermarks(session),
        checkpoints(session, "created"),
    )
    scan, _ = _read_window(session, parts, projects)
    part, ids = parts[projects[0].id], [project.id for project in projects]
    # A project that is being read whole again was found wrong: a part of it does not make it right.
    reached = [
        project
        for project in projects
        if part.until is None
        and part.since
        and project.id in known_until
        and project.id not in begun
        and part.since <= known_until[project.id]
    ]
    if reached:
        complete(session, reached, scan.started_at)
    counted, span = (
        session.figures.take().within(ids, part.months, ids[0]),
        Span(part.since, part.until or scan.started_at),
    )
    keys = {project: parts[project].project_key for project in ids}
    report_issues(session, keys, part.months, counted, span, measured, scan.proof)


def _read_window(
    session: Session, parts: Mapping[int, Slice], projects: Sequence[Project]
) -> tuple[Scan, set[str]]:
    """Store one window of projects and mark what has vanished from it.

    Return the entries in quarantine of issues without an id, too.
    """
    part, ids = parts[projects[0].id], [project.id for project in projects]
    requested = requested_before(session, ids)
    scan = scan_window(session.client, Window(tuple(ids), part.since, part.until))
    met, without_id = store_scan(session, scan, projects, sort=None)
    acknowledge_met(session, requested, met)
    for project in projects:
        mark_vanished(session, project, part, scan.seen_ids)
    return scan, without_id


def _load_pass(
    session: Session,
    known_until: Mapping[int, datetime],
    whole: Collection[Project],
    projects: Sequence[Project],
) -> Changes:
    """Read what changed in several projects in one pass, from the oldest of their watermarks on,
    and report their partitions.

    A pass that was interrupted is continued first: it ends as one that began when that one did, and
    what changed since then is read after it. A project that is read `whole` later, or stays
    unequal, counts as read up to now only when that is done.
    """
    measured, since = (
        session.reporter.measure(),
        min(known_until[project.id] for project in projects),
    )
    changes = _read_changes(session, projects, since)
    later = {*whole, *changes.unequal}
    complete(session, [project for project in projects if project not in later], changes.until)
    months = session.calendar.months()
    months = months[months.index(session.calendar.month_of(since)) :]
    named = {project.id: project.key for project in projects}
    tally = session.figures.take()
    counted = tally.within(named, months, projects[0].id)
    span = Span(since, changes.started_at, tally.newest)
    report_issues(session, named, months, counted, span, measured, changes.proof)
    return changes


def _read_whole(
    session: Session, project: Project, part: Slice, changes_until: datetime | None
) -> tuple[datetime, CompletenessProof]:
    """Read a project whole, from where an earlier try was interrupted, if one was; return as of
    when it is stored.

    Issues come in the order of their creation, so a checkpoint says how far the read has come. What
    changed in the part that was read before is then read as changes since the first try began,
    unless this load has read them already, until `changes_until`. The number of issues is compared:
    when it differs and neither the deletions in the activity feed nor later changes explain it, all
    is read again.
    """
    resume = broken_off(session, [project], "created")
    scan = store_whole_project(session, project, part, resume)
    started = scan.started_at
    if resume is None or not scan.proof.resumed:
        return started, scan.proof
    if changes_until is None:
        move_watermark(session, project, resume.started_at)
        changes = _store_changes(session, [project], resume.started_at, resume.started_at)
        started, unequal = changes.started_at, changes.unequal
    else:
        started = changes_until
        unequal = unequal_projects(session, [project], changes_until, changes_until)
    if unequal:
        session.log.warning(
            f"{project.key}: the number of issues differs from the source after an "
            "earlier read; reading all again"
        )
        scan = store_whole_project(session, project, part, None)
        started = scan.started_at
    return started, scan.proof


def _read_changes(session: Session, projects: Sequence[Project], since: datetime) -> Changes:
    """Read what changed in projects, the rest of a pass that was broken off before what changed
    after it.
    """
    resume = broken_off(session, projects, "updated")
    if resume is None:
        return _store_changes(session, projects, since, since)
    rest = scan_changes(session.client, [project.id for project in projects], since, resume=resume)
    store_scan(session, rest, projects)
    changes = _store_changes(session, projects, rest.next_watermark, since)
    return replace(changes, proof=rest.proof + changes.proof)


def _store_changes(
    session: Session, projects: Sequence[Project], start: datetime, deleted_since: datetime
) -> Changes:
    """Store what changed since `start` and what else is requested; compare numbers of issues: one
    request when all is well.
    """
    ids = [project.id for project in projects]
    requested = requested_before(session, ids)
    scan = scan_changes(session.client, ids, start)
    met, _ = store_scan(session, scan, projects)
    read_by_id(session, acknowledge_met(session, requested, met))
    unequal = unequal_projects(session, projects, deleted_since, scan.next_watermark)
    return Changes(projects, scan.started_at, scan.next_watermark, unequal, scan.proof)

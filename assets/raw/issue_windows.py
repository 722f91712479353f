"""Windows of issues: which are read, how they are stored, what has vanished from them, and the watermark that follows.

Add here: a rule of the sync of issues. Keep out: how a window is read exactly (`resources/backlog/scan.py`).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection

from assets.metadata import Window as Span
from assets.partitions import Slice, month_keys, month_of, partition_key, slices_of
from assets.raw.issue_deletes import is_equal, mark_vanished, retry_rejected, unequal_projects
from assets.raw.issue_report import Tally, report_partitions, report_run
from assets.raw.issue_scope import SCOPE, Project, passes, project_of, renamed, visible_projects
from assets.raw.issue_wanted import read_others, settle_met, wanted_before
from assets.raw.table_load import TableLoad, in_history
from resources.backlog.errors import AuthenticationError, BacklogError, IncompleteScan, NotFound, PermanentError, PermissionDenied
from resources.backlog.models import IssueFilter, RequestStats
from resources.backlog.position import Position
from resources.backlog.scan import Resume, Scan, scan_changes, scan_window
from resources.backlog.window import Window, WindowProof
from resources.warehouse import state
from resources.warehouse.loader import MergeResult


def load_windows(load: TableLoad, wanted: Sequence[Slice]) -> None:
    """Read slices again whole; a project that fails does not keep the others from loading."""
    visible = visible_projects(load)
    planned = [(part, project_of(load, part.project_key, visible)) for part in wanted]
    whole = tuple({project.id for part, project in planned if project and part.whole})
    if len(whole) > 1:
        # One more request, for a bar that knows its end.
        load.progress.start(load.spec.name, load.client.issues_count(IssueFilter(project_id=whole)))
    for part, project in planned:
        if project is None:
            load.failed(part.project_key, LookupError("no visible project has or had this key: deleted, or access lost?"))
        else:
            load.lock_projects([project.id])
            _attempt(load, "backfill", [project], partial(_read_window, load, project, part, visible))
            load.unlock_projects([project.id])
    report_run(load)


def load_changes(load: TableLoad, covered: Sequence[Slice]) -> None:
    """Read what changed since the watermarks of the projects that the run covers; a project without one is read whole.

    Archived projects are read too: in one pass with the others they cost nothing, and the last change before a project was archived
    is not lost. A project that has got another key is read again whole.
    """
    visible = visible_projects(load)
    keys = {part.project_key for part in covered}
    projects = [project for project in visible.values() if project.key in keys]
    load.lock_projects([project.id for project in projects])
    retry_rejected(load, visible)
    with load.engine.connect() as connection:
        watermarks = state.get_watermarks(connection, load.space_key, SCOPE)
    known = [project for project in projects if project.id in watermarks]
    whole = [project for project in projects if project.id not in watermarks]
    for group in passes(known, watermarks):
        if not _attempt(load, "incremental", group, partial(_read_changes, load, group, visible, watermarks, whole)):
            # One of them has spoilt the pass for all: read each by itself to find out which.
            for project in group:
                _attempt(load, "incremental", [project], partial(_read_changes, load, [project], visible, watermarks, whole))
    whole += [project for project in renamed(load, known) if project not in whole]
    load_windows(load, slices_of(partition_key(project.key, month) for project in whole for month in month_keys()))


def _attempt(load: TableLoad, mode: str, projects: Sequence[Project], read: Callable[[], None]) -> bool:
    """Read projects; note what is their own fault, and return False when several share the fault and each must be tried.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every project.
    """
    try:
        with in_history(load, mode, projects[0].key if len(projects) == 1 else None):
            read()
    except AuthenticationError:
        raise
    except (PermanentError, IncompleteScan) as error:
        if len(projects) > 1:
            load.context.log.warning(f"{len(projects)} projects in one pass: {error}; reading each by itself")
            return False
        _note_failure(load, projects[0], error)
    return True


def _note_failure(load: TableLoad, project: Project, error: BacklogError) -> None:
    if project.archived and isinstance(error, NotFound | PermissionDenied):
        # Whether the issues of an archived project are still served is not documented; what was loaded stays.
        load.context.log.warning(f"{project.key} is archived and its issues are not served any more: {error}")
        return
    load.failed(project.key, error)
    with load.engine.begin() as connection:
        state.record_failure(connection, load.space_key, SCOPE, [project.id], str(error))


def _read_window(load: TableLoad, project: Project, part: Slice, visible: dict[int, Project]) -> None:
    """Read one slice whole, mark what has vanished from it, and move the watermark when the slice reaches from it to now."""
    with load.engine.connect() as connection:
        watermark = state.get_watermarks(connection, load.space_key, SCOPE).get(project.id)
    if part.whole and watermark is None:
        _read_first(load, project, part, visible)
        return
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    tally, wanted = Tally(part.months, {project.id}), wanted_before(load, {project.id})
    scan = scan_window(load.client, Window((project.id,), part.since, part.until))
    settle_met(load, wanted, _store(load, scan, tally, project))
    mark_vanished(load, project, part, scan.seen_ids, visible, tally)
    if part.until is None and (part.since is None or (watermark is not None and part.since <= watermark)):
        _complete(load, [project], scan.started_at)
    span = Span(part.since, part.until or scan.started_at)
    _report(load, [(project.id, part.project_key)], tally, span, before, began, scan.proof)


def _read_first(load: TableLoad, project: Project, part: Slice, visible: dict[int, Project]) -> None:
    """Read a project for the first time, from where an earlier try was broken off, if one was.

    Issues come in the order of their creation, so a checkpoint says how far the read has come. What changed in the part that
    was read before is then read as changes since the first try began, and the number of issues is compared: when it differs and
    neither the deletions that the activity feed tells nor later changes explain it, all is read again.
    """
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    tally = Tally(part.months, {project.id})
    resume = _broken_off(load, project)
    scan = _store_whole(load, project, tally, resume)
    started = scan.started_at
    if resume is not None and scan.proof.resumed:
        load.context.log.info(f"{project.key}: went on from {resume.position.moment}, where an earlier read was broken off")
        keep = partial(_keep_checkpoint, load, project, scan.position or resume.position)
        changes, unequal = _store_changes(load, [project], resume.started_at, visible, tally, keep)
        started = changes.started_at
        if unequal:
            load.context.log.warning(f"{project.key}: not as many issues as at the source after an earlier read; reading all again")
            scan = _store_whole(load, project, tally, None)
            started = scan.started_at
    if not scan.proof.resumed:
        mark_vanished(load, project, part, scan.seen_ids, visible, tally)
    _complete(load, [project], started)
    _report(load, [(project.id, part.project_key)], tally, Span(None, started), before, began, scan.proof)


def _broken_off(load: TableLoad, project: Project) -> Resume | None:
    """Return where the last read of a project was broken off, None when it was not."""
    with load.engine.connect() as connection:
        found = state.get_checkpoint(connection, load.space_key, SCOPE, project.id)
    return Resume(Position.from_dict(found.position), found.started_at) if found else None


def _read_changes(
    load: TableLoad,
    projects: Sequence[Project],
    visible: dict[int, Project],
    watermarks: dict[int, datetime],
    whole: list[Project],
) -> None:
    """Read what changed in several projects in one pass, from the oldest of their watermarks on.

    The watermarks move with each page of a long pass. A project that has not as many issues as at the source in the end, and
    stays so, is added to `whole`, to be read again; it counts as read up to now when that is done.
    """
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    since = min(watermarks[project.id] for project in projects)
    months = month_keys()
    tally = Tally(months[months.index(month_of(since)) :], {project.id for project in projects})
    scan, unequal = _store_changes(load, projects, since, visible, tally, partial(_keep_watermarks, load, projects))
    whole += unequal
    _complete(load, [project for project in projects if project not in unequal], scan.next_watermark)
    named = [(project.id, project.key) for project in projects]
    _report(load, named, tally, Span(since, scan.started_at, tally.newest), before, began, scan.proof)


def _store_changes(
    load: TableLoad,
    projects: Sequence[Project],
    since: datetime,
    visible: dict[int, Project],
    tally: Tally,
    keep: Callable[[datetime, Connection, MergeResult], None],
) -> tuple[Scan, list[Project]]:
    """Store what changed since an instant and what else is wanted, and compare the number of issues; one request when all is well.

    `keep` is told in the transaction of each batch before when all changes are stored then, if that is known. Return the scan and
    the projects that stay unequal.
    """
    ids = [project.id for project in projects]
    wanted = wanted_before(load, ids)
    scan = scan_changes(load.client, ids, since)
    read_others(load, settle_met(load, wanted, _store(load, scan, tally, projects[0], keep)), visible, tally)
    unequal = unequal_projects(load, projects, visible, tally, since)
    if unequal:
        # Created after the pass began, perhaps.
        _store(load, scan_changes(load.client, [project.id for project in unequal], scan.started_at), tally, unequal[0])
    return scan, [project for project in unequal if not is_equal(load, project)]


def _store_whole(load: TableLoad, project: Project, tally: Tally, resume: Resume | None) -> Scan:
    """Read and store a project whole, or what is left of it; each batch is committed with the position that goes on after it."""
    scan = scan_window(load.client, Window((project.id,)), resume=resume)
    for batch in scan:
        began = resume.started_at if resume else scan.started_at
        also = partial(_keep_checkpoint, load, project, scan.position, began) if scan.position else None
        tally.add(batch, load.store(batch, also), project.id)
    return scan


def _store(
    load: TableLoad,
    scan: Scan,
    tally: Tally,
    project: Project,
    keep: Callable[[datetime, Connection, MergeResult], None] | None = None,
) -> set[int]:
    """Merge the batches of a scan, each in a transaction of its own: a load that is killed keeps all but the last.

    Return the ids of what was stored.
    """
    stored: set[int] = set()
    for batch in scan:
        result = load.store(batch, partial(keep, scan.reached) if keep and scan.reached else None)
        tally.add(batch, result, project.id)
        stored.update(result.present_ids)
    return stored


def _keep_checkpoint(
    load: TableLoad, project: Project, at: Position, started: datetime, connection: Connection, _result: MergeResult
) -> None:
    """Remember how far the first read of a project has come, and as of when that is stored."""
    checkpoint = state.Checkpoint(at.as_dict(), started)
    state.set_checkpoint(connection, load.space_key, SCOPE, project.id, checkpoint)


def _keep_watermarks(
    load: TableLoad, projects: Sequence[Project], moment: datetime, connection: Connection, _result: MergeResult
) -> None:
    """Remember that all changes of these projects before a moment are stored."""
    for project in projects:
        state.set_watermark(connection, load.space_key, SCOPE, project.id, moment)


def _complete(load: TableLoad, projects: Sequence[Project], watermark: datetime) -> None:
    """Record that all changes of these projects before `watermark` are stored."""
    with load.writing() as connection:
        for project in projects:
            state.set_watermark(connection, load.space_key, SCOPE, project.id, watermark)
            state.set_checkpoint(connection, load.space_key, SCOPE, project.id, None)
        state.record_success(connection, load.space_key, SCOPE, [project.id for project in projects])


def _report(
    load: TableLoad,
    projects: Sequence[tuple[int, str]],
    tally: Tally,
    span: Span,
    before: RequestStats,
    began: datetime,
    proof: WindowProof,
) -> None:
    report_partitions(load, projects, tally, span, load.client.stats - before, began, proof)

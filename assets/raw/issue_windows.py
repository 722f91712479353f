"""Windows of issues: which are read, how they are stored, what has vanished from them, and the watermark that follows.

Add here: a rule of the sync of issues. Keep out: how a window is read exactly (`resources/backlog/scan.py`).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from assets.metadata import Window as Span
from assets.partitions import Slice, month_keys, month_of, partition_key, slices_of
from assets.raw.issue_deletes import is_equal, mark_vanished, retry_rejected, unequal_projects
from assets.raw.issue_report import Tally, report_partitions, report_run
from assets.raw.issue_scope import SCOPE, Project, passes, project_of, visible_projects
from assets.raw.table_load import TableLoad, in_history
from resources.backlog.errors import AuthenticationError, BacklogError, IncompleteScan, NotFound, PermanentError, PermissionDenied
from resources.backlog.models import IssueFilter, RequestStats
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import Window
from resources.warehouse import state


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
            _attempt(load, "backfill", [project], partial(_read_window, load, project, part, visible))
    report_run(load)


def load_changes(load: TableLoad, covered: Sequence[Slice]) -> None:
    """Read what changed since the watermarks of the projects that the run covers; a project without one is read whole.

    Archived projects are read too: in one pass with the others they cost nothing, and the last change before a project was archived
    is not lost.
    """
    visible = visible_projects(load)
    keys = {part.project_key for part in covered}
    projects = [project for project in visible.values() if project.key in keys]
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
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    tally = Tally(part.months, {project.id})
    scan = scan_window(load.client, Window((project.id,), part.since, part.until))
    _store(load, scan, tally, project)
    mark_vanished(load, project, part, scan.seen_ids, visible, tally)
    with load.engine.begin() as connection:
        watermark = state.get_watermarks(connection, load.space_key, SCOPE).get(project.id)
        if part.until is None and (part.since is None or (watermark is not None and part.since <= watermark)):
            state.set_watermark(connection, load.space_key, SCOPE, project.id, scan.started_at)
            state.record_success(connection, load.space_key, SCOPE, [project.id])
    _report(
        load,
        [(project.id, part.project_key)],
        tally,
        Span(part.since, part.until or scan.started_at, tally.newest),
        before,
        began,
        scan,
    )


def _read_changes(
    load: TableLoad,
    projects: Sequence[Project],
    visible: dict[int, Project],
    watermarks: dict[int, datetime],
    whole: list[Project],
) -> None:
    """Read what changed in several projects in one pass, from the oldest of their watermarks on.

    Then the number of issues is compared with the source, which costs one request when nothing was deleted. A project that stays
    unequal is added to `whole`, to be read again.
    """
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    since = min(watermarks[project.id] for project in projects)
    months = month_keys()
    tally = Tally(months[months.index(month_of(since)) :], {project.id for project in projects})
    scan = scan_changes(load.client, [project.id for project in projects], since)
    _store(load, scan, tally, projects[0])
    unequal = unequal_projects(load, projects, visible, tally, since)
    if unequal:
        # Created after the pass began, perhaps.
        _store(load, scan_changes(load.client, [project.id for project in unequal], scan.started_at), tally, unequal[0])
        whole += [project for project in unequal if not is_equal(load, project)]
    with load.engine.begin() as connection:
        for project in projects:
            state.set_watermark(connection, load.space_key, SCOPE, project.id, scan.started_at)
        state.record_success(connection, load.space_key, SCOPE, [project.id for project in projects])
    named = [(project.id, project.key) for project in projects]
    _report(load, named, tally, Span(since, scan.started_at, tally.newest), before, began, scan)


def _store(load: TableLoad, scan: Scan, tally: Tally, project: Project) -> None:
    """Merge the batches of a scan, each in a transaction of its own: a load that is killed keeps all but the last."""
    for batch in scan:
        tally.add(batch, load.store(batch), project.id)


def _report(
    load: TableLoad,
    projects: Sequence[tuple[int, str]],
    tally: Tally,
    span: Span,
    before: RequestStats,
    began: datetime,
    scan: Scan,
) -> None:
    report_partitions(load, projects, tally, span, load.client.stats - before, began, str(scan.proof))

"""Windows of issues: which are read, how they are stored, what has vanished from them, and the watermark that follows.

Add here: a rule of the sync of issues. Keep out: how a window is read exactly (`resources/backlog/scan.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import select

from assets.metadata import Window as Span
from assets.partitions import Slice, month_keys, month_of, partition_key, slices_of
from assets.raw.issue_report import Tally, report_partitions, report_run
from assets.raw.table_load import TableLoad, in_history
from resources.backlog.errors import AuthenticationError, BacklogError, IncompleteScan, NotFound, PermanentError, PermissionDenied
from resources.backlog.models import IssueFilter, RequestStats
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import Window
from resources.warehouse import state
from resources.warehouse.deletes import mark_deleted, stored_ids
from resources.warehouse.quarantine import pending_rejections, resolve_rejections

SCOPE = "issues"
#: Ids in one request of `GET /issues?id[]=`; a page holds as many.
IDS_PER_REQUEST = 100
#: Projects whose watermarks lie within this time of each other are read in one pass, from the oldest of them on.
ONE_PASS = timedelta(days=1)


@dataclass(frozen=True)
class Project:
    """A project that the key can see."""

    id: int
    key: str
    archived: bool


def load_windows(load: TableLoad, wanted: Sequence[Slice]) -> None:
    """Read slices again whole; a project that fails does not keep the others from loading."""
    visible = _visible(load)
    planned = [(part, _project_of(load, part.project_key, visible)) for part in wanted]
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
    visible = _visible(load)
    keys = {part.project_key for part in covered}
    projects = [project for project in visible.values() if project.key in keys]
    _retry_rejected(load, visible)
    with load.engine.connect() as connection:
        watermarks = state.get_watermarks(connection, load.space_key, SCOPE)
    known = [project for project in projects if project.id in watermarks]
    for group in _passes(known, watermarks):
        if not _attempt(load, "incremental", group, partial(_read_changes, load, group, watermarks)):
            # One of them has spoilt the pass for all: read each by itself to find out which.
            for project in group:
                _attempt(load, "incremental", [project], partial(_read_changes, load, [project], watermarks))
    new = [project.key for project in projects if project.id not in watermarks]
    load_windows(load, slices_of(partition_key(key, month) for key in new for month in month_keys()))


def _visible(load: TableLoad) -> dict[int, Project]:
    return {
        int(project["id"]): Project(int(project["id"]), str(project["projectKey"]), bool(project.get("archived")))
        for project in load.client.visible_projects()
    }


def _project_of(load: TableLoad, key: str, visible: dict[int, Project]) -> Project | None:
    """Return the visible project that has the key now, or else had it before it was renamed."""
    current = next((project for project in visible.values() if project.key == key), None)
    if current:
        return current
    with load.engine.connect() as connection:
        former = state.project_id_for_key(connection, load.space_key, key)
    return visible.get(former) if former is not None else None


def _passes(projects: Sequence[Project], watermarks: dict[int, datetime]) -> list[list[Project]]:
    """Group projects so that none is read from much further back than it needs."""
    groups: list[list[Project]] = []
    for project in sorted(projects, key=lambda project: watermarks[project.id]):
        if groups and watermarks[project.id] - watermarks[groups[-1][0].id] <= ONE_PASS:
            groups[-1].append(project)
        else:
            groups.append([project])
    return groups


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
    gone = _vanished(load, project, part, scan, visible, tally)
    with load.engine.begin() as connection:
        mark_deleted(
            connection,
            load.spec,
            gone,
            space_key=load.space_key,
            reason="partition re-read: not found",
            run_id=load.context.run.run_id,
        )
        watermark = state.get_watermarks(connection, load.space_key, SCOPE).get(project.id)
        if part.until is None and (part.since is None or (watermark is not None and part.since <= watermark)):
            state.set_watermark(connection, load.space_key, SCOPE, project.id, scan.started_at)
            state.record_success(connection, load.space_key, SCOPE, [project.id])
    load.note_deleted(len(gone))
    _report(
        load,
        [(project.id, part.project_key)],
        tally,
        Span(part.since, part.until or scan.started_at, tally.newest),
        before,
        began,
        scan,
    )


def _read_changes(load: TableLoad, projects: Sequence[Project], watermarks: dict[int, datetime]) -> None:
    """Read what changed in several projects in one pass, from the oldest of their watermarks on."""
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    since = min(watermarks[project.id] for project in projects)
    months = month_keys()
    tally = Tally(months[months.index(month_of(since)) :], {project.id for project in projects})
    scan = scan_changes(load.client, [project.id for project in projects], since)
    _store(load, scan, tally, projects[0])
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


def _vanished(load: TableLoad, project: Project, part: Slice, scan: Scan, visible: dict[int, Project], tally: Tally) -> list[int]:
    """Return the ids of stored rows of the slice that the source confirms it no longer has.

    A row that the pass did not meet may only have moved, to another month or project; so each is asked for by id, a hundred a
    request, and what comes back is stored.
    """
    with load.engine.connect() as connection:
        stored = stored_ids(
            connection, load.spec, {"project_id": project.id}, space_key=load.space_key, since=part.since, until=part.until
        )
    gone = _absent(load, sorted(stored.difference(scan.seen_ids)), visible, tally, project.id)
    issues = load.spec.table.c
    with load.engine.connect() as connection:
        last_seen = connection.execute(select(issues.updated_at).where(issues.space_key == load.space_key, issues.id.in_(gone)))
        tally.add_deleted(project.id, list(last_seen.scalars()))
    return gone


def _absent(load: TableLoad, ids: Sequence[int], visible: dict[int, Project], tally: Tally, project_id: int) -> list[int]:
    """Ask for issues by id, store what comes back and return the ids that do not."""
    absent: list[int] = []
    for start in range(0, len(ids), IDS_PER_REQUEST):
        asked = tuple(ids[start : start + IDS_PER_REQUEST])
        found = load.client.issue_page(IssueFilter(project_id=tuple(visible), id=asked))
        tally.add(found, load.store(found), project_id)
        absent += set(asked) - {int(record["id"]) for record in found}
    return absent


def _retry_rejected(load: TableLoad, visible: dict[int, Project]) -> None:
    """Read quarantined issues again; one that the source no longer has is settled."""
    with load.engine.connect() as connection:
        keys = pending_rejections(connection, load.space_key, load.spec.name)
    ids = [int(key) for key in keys if key.isdigit()]
    gone = _absent(load, ids, visible, Tally(month_keys(), visible), 0)
    with load.engine.begin() as connection:
        resolve_rejections(connection, load.space_key, load.spec.name, [str(identifier) for identifier in gone])


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

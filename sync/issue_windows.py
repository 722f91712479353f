"""Windows of issues: which are read, how they are stored, what has vanished from them, and the watermark that follows."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from assets.metadata import Window as Span
from assets.partitions import Slice, month_keys, month_of, partition_key, slices_of
from resources.backlog.models import IssueFilter
from resources.backlog.scan import Resume, Scan, scan_changes, scan_window
from resources.backlog.window import Window, WindowProof
from resources.warehouse import state
from resources.warehouse.deletes import ids_by_creation
from sync.deletions import (
    acknowledge_nameless,
    mark_missed,
    mark_vanished,
    retry_rejected,
    unequal_projects,
    unplaced_rejections,
)
from sync.issue_passes import attempt, broken_off, checkpoints, complete, reached, store, store_batch
from sync.issue_report import Tally, report_partitions
from sync.projects import SCOPE, Project, known_rows, passes, project_of, visible_projects
from sync.refetch import acknowledge_met, read_others, read_renamed, requested_before
from sync.session import TableLoad


def load_windows(load: TableLoad, requested: Sequence[Slice], changes_until: Mapping[int, datetime] | None = None) -> None:
    """Read slices again whole; a project that fails does not keep the others from loading.

    A project that was never read whole is gone on with where an earlier try was broken off; with `changes_until` also those whose
    changes before an instant this load has read already (project -> instant).
    """
    visible = visible_projects(load)
    planned = [(part, project_of(load, part.project_key, visible)) for part in requested]
    whole = tuple({project.id for part, project in planned if project and part.whole})
    if len(whole) > 1:
        # One more request, for a bar that knows its end.
        load.progress.start(load.spec.name, load.client.issues_count(IssueFilter(project_id=whole)))
    for part, project in planned:
        if project is None:
            load.failed(part.project_key, LookupError("no visible project has or had this key: deleted, or access lost?"))
        else:
            load.lock_projects([project.id])
            attempt(load, "backfill", [project], partial(_read_window, load, project, part, visible, changes_until or {}))
            load.unlock_projects([project.id])


def load_changes(load: TableLoad, covered: Sequence[Slice]) -> None:
    """Read what changed since the watermarks of the projects that the run covers; a project without one is read whole.

    Archived projects are read too: in one pass with the others they cost nothing, and the last change before a project was archived
    is not lost. Issues of a project that has got another key are read again by id.
    """
    visible = visible_projects(load)
    keys = {part.project_key for part in covered}
    projects = [project for project in visible.values() if project.key in keys]
    load.lock_projects([project.id for project in projects])
    retry_rejected(load, visible)
    with load.engine.connect() as connection:
        watermarks = state.get_watermarks(connection, load.space_key, SCOPE)
    known = [project for project in projects if project.id in watermarks]
    # A project that was being read again whole was found wrong: that its number of issues may be right now proves nothing. And an
    # issue in quarantine that nothing tells how to ask for is found by reading all of its project.
    begun, unplaced = checkpoints(load, "created"), unplaced_rejections(load)
    whole = [project for project in projects if project.id not in watermarks or {project.id, None} & {*begun, *unplaced}]
    until: dict[int, datetime] = {}
    for group in passes(known, watermarks, checkpoints(load, "updated"), partial(known_rows, load)):
        if not attempt(load, "incremental", group, partial(_read_changes, load, group, visible, watermarks, whole, until)):
            # One of them has spoilt the pass for all: read each by itself to find out which.
            for project in group:
                attempt(load, "incremental", [project], partial(_read_changes, load, [project], visible, watermarks, whole, until))
    read_renamed(load, visible, [project for project in known if project not in whole])
    parts = slices_of(partition_key(project.key, month) for project in whole for month in month_keys())
    load_windows(load, parts, until)


def _read_window(
    load: TableLoad, project: Project, part: Slice, visible: dict[int, Project], changes_until: Mapping[int, datetime]
) -> None:
    """Read one slice whole, mark what has vanished from it, and move the watermark when the slice reaches from it to now."""
    with load.engine.connect() as connection:
        watermark = state.get_watermarks(connection, load.space_key, SCOPE).get(project.id)
    if part.whole and (watermark is None or project.id in changes_until):
        _read_whole(load, project, part, visible, changes_until.get(project.id))
        return
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    tally, requested = Tally(part.months, {project.id}), requested_before(load, {project.id})
    scan = scan_window(load.client, Window((project.id,), part.since, part.until))
    stored, nameless = store(load, scan, tally, [project], sort=None)
    acknowledge_met(load, requested, stored)
    mark_vanished(load, project, part, scan.seen_ids, visible, tally)
    if part.whole:
        acknowledge_nameless(load, project, nameless)
    if part.until is None and (part.since is None or (watermark is not None and part.since <= watermark)):
        complete(load, [project], scan.started_at)
    span = Span(part.since, part.until or scan.started_at)
    report_partitions(load, [(project.id, part.project_key)], tally, span, load.client.stats - before, began, scan.proof)


def _read_whole(
    load: TableLoad, project: Project, part: Slice, visible: dict[int, Project], changes_until: datetime | None
) -> None:
    """Read a project whole, from where an earlier try was broken off, if one was.

    Issues come in the order of their creation, so a checkpoint says how far the read has come. What changed in the part that
    was read before is then read as changes since the first try began, unless this load has read them already, until
    `changes_until`. The number of issues is compared: when it differs and neither the deletions that the activity feed tells nor
    later changes explain it, all is read again.
    """
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    tally = Tally(part.months, {project.id})
    resume = broken_off(load, [project], "created")
    scan = _store_whole(load, project, part, visible, tally, resume)
    started = scan.started_at
    if resume is not None and scan.proof.resumed:
        if changes_until is None:
            with load.writing() as connection:
                # From here on a load that dies is gone on with by a load of changes.
                reached(connection, load, [project], resume.started_at)
            changes, unequal = _store_changes(load, [project], resume.started_at, resume.started_at, visible, tally)
            started = changes.started_at
        else:
            unequal = unequal_projects(load, [project], visible, tally, changes_until, changes_until)
            started = changes_until
        if unequal:
            load.context.log.warning(f"{project.key}: not as many issues as at the source after an earlier read; reading all again")
            scan = _store_whole(load, project, part, visible, tally, None)
            started = scan.started_at
    complete(load, [project], started)
    report_partitions(
        load, [(project.id, part.project_key)], tally, Span(None, started), load.client.stats - before, began, scan.proof
    )


def _read_changes(
    load: TableLoad,
    projects: Sequence[Project],
    visible: dict[int, Project],
    watermarks: dict[int, datetime],
    whole: list[Project],
    until: dict[int, datetime],
) -> None:
    """Read what changed in several projects in one pass, from the oldest of their watermarks on.

    A pass that was broken off is gone on with first: it ends as one that began when that one did, and what changed since then is
    read after it. A project that has not as many issues as at the source in the end, and stays so, is added to `whole`, to be read
    again; it counts as read up to now when that is done. `until` is told before when all changes of each are stored.
    """
    before, began = load.client.stats.snapshot(), datetime.now(UTC)
    since = start = min(watermarks[project.id] for project in projects)
    months = month_keys()
    tally = Tally(months[months.index(month_of(since)) :], {project.id for project in projects})
    proof: WindowProof | None = None
    if resume := broken_off(load, projects, "updated"):
        rest = scan_changes(load.client, [project.id for project in projects], since, resume=resume)
        store(load, rest, tally, projects)
        start, proof = rest.next_watermark, rest.proof
    scan, unequal = _store_changes(load, projects, start, since, visible, tally)
    proof = proof + scan.proof if proof else scan.proof
    whole += [project for project in unequal if project not in whole]
    until.update({project.id: scan.next_watermark for project in projects})
    complete(load, [project for project in projects if project not in whole], scan.next_watermark)
    named = [(project.id, project.key) for project in projects]
    report_partitions(load, named, tally, Span(since, scan.started_at, tally.newest), load.client.stats - before, began, proof)


def _store_changes(
    load: TableLoad,
    projects: Sequence[Project],
    start: datetime,
    deleted_since: datetime,
    visible: dict[int, Project],
    tally: Tally,
) -> tuple[Scan, list[Project]]:
    """Store what changed since `start` and what else is requested, and compare the number of issues; one request when all is well.

    Return the scan and the projects that stay unequal.
    """
    ids = [project.id for project in projects]
    requested = requested_before(load, ids)
    scan = scan_changes(load.client, ids, start)
    stored, _ = store(load, scan, tally, projects)
    read_others(load, acknowledge_met(load, requested, stored), visible, tally)
    unequal = unequal_projects(load, projects, visible, tally, deleted_since, scan.next_watermark)
    # What was just marked deleted has left children alone.
    read_others(load, requested_before(load, ids), visible, tally)
    return scan, unequal


def _store_whole(
    load: TableLoad, project: Project, part: Slice, visible: dict[int, Project], tally: Tally, resume: Resume | None
) -> Scan:
    """Read and store a project whole, or what is left of it, oldest first; mark what was stored, is not met and is gone.

    That is done before a checkpoint covers it, since the next try does not know what this one has met.
    """
    since = resume.position.known_before if resume else None
    with load.engine.connect() as connection:
        waiting = deque(ids_by_creation(connection, load.spec, project.id, space_key=load.space_key, since=since))
    scan = scan_window(load.client, Window((project.id,)), resume=resume)
    met, nameless = set[int](), set[str]()
    for batch in scan:
        met.update(batch.ids)
        at, passed = scan.checkpoint, set()
        while at is not None and waiting and waiting[0][0] < at.position.moment:
            passed.add(waiting.popleft()[1])
        mark_missed(load, project, passed - met, visible, tally)
        nameless.update(store_batch(load, batch, tally, [project], "created", at).nameless)
    if scan.proof.resumed:
        mark_missed(load, project, {issue for _, issue in waiting} - scan.seen_ids, visible, tally)
    else:
        mark_vanished(load, project, part, scan.seen_ids, visible, tally)
        acknowledge_nameless(load, project, nameless)
    return scan

"""What a load of issues reads, in which order, and what each end leads to: decided from values
alone.

A load works through a queue of reads. `plan` fills it. `bind` says of the next one, once its locks
are held, where it begins. `follow` says what the same pass reads then, `after` what the queue gets
more, `split` what is read instead of a pass that one of its projects has spoiled.

    incremental  Changes (projects that fit one pass), Lookup (renamed projects), Snapshot
    backfill     Months (the same of several projects), Snapshot (all months of one project)
    targeted     Lookup (what is requested)
    refresh      Lookup (tonight's share)
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from resources.backlog.position import Position, Resume
from resources.backlog.scan import LOOKBACK, LOOKS, PROJECTS_PER_REQUEST
from resources.backlog.window import CompletenessProof
from resources.warehouse.state.refetch_requests import RequestedIssue
from resources.warehouse.state.sync_state import Checkpoint
from sync.month_windows import Slice
from sync.reads import Changes, End, Lookup, Months, Pass, Read, Request, Snapshot, State
from sync.visible_projects import Project

#: A project joins a pass when no more than these rows of it come again: a pass of its own costs a
#: request, which brings as many.
FEW_ROWS = LOOKS[0][1]


def plan(request: Request, state: State) -> list[Read]:
    """Return what a load reads, in this order; `after` may add to it."""
    match request.mode:
        case "incremental":
            return _incremental(request, state)
        case "backfill":
            return _windows(request.parts)
        case "targeted":
            return [requested_lookup(state.requested)]
        case _:
            return [_share(state.requested)]


def requested_lookup(requested: Sequence[RequestedIssue]) -> Lookup:
    """Return the read of requested issues; what other loads work on is left to the next one."""
    return Lookup("targeted", (tuple(requested),))


def locked_for(read: Read) -> frozenset[int]:
    """Return the projects that are locked for a pass alone, and given back after it. An incremental
    load holds all of them from its beginning until they are read whole, or to its end.
    """
    if isinstance(read, Snapshot | Months):
        return frozenset(read.keys)
    return frozenset()


def bind(read: Read, state: State, ends: Mapping[int, End]) -> Read | None:
    """Return a read with where it begins, None where there is nothing to read.

    Args:
        read: as it was planned.
        state: read while the locks of the read are held.
        ends: how the pass over its changes ended, of each project that had one in this load.
    """
    match read:
        case Snapshot(project=project):
            changes = ends.get(project.id)
            if changes is None and project.id in state.watermarks:
                # It was complete once: a backfill reads everything now, not the rest.
                return replace(read, keeps_cursor=False)
            return replace(
                read,
                resume=_interrupted(read.projects, state.begun),
                changes_until=changes.as_of if changes else None,
                expected=state.stored,
            )
        case Changes():
            return _since_watermarks(read, state)
        case Months():
            return replace(read, moves=_reached(read, state))
        case Lookup(renamed=projects) if projects:
            return _renamed(read, state.requested, ends)
    return read


def follow(read: Pass, end: End) -> Pass | None:
    """Return what the pass goes on with after a read, None: it is over.

    The rest of a snapshot proves only the rest. So the changes since its first try are read, and
    the number of issues is compared; where it differs, all is read anew.
    """
    match read:
        case Changes(resume=Resume()):
            return replace(read, start=end.as_of, resume=None)
        case Changes(rest_of=Snapshot() as snapshot) if end.differing:
            return snapshot.anew
        case Snapshot() if end.differing:
            return read.anew
        case Snapshot() if end.resumed and read.changes_until is None:
            return Changes(
                read.projects, read.months, since=end.as_of, start=end.as_of, rest_of=read
            )
    return None


def proof_of(steps: Sequence[tuple[Pass, End]]) -> CompletenessProof:
    """Return why a pass is complete: all reads of changes together, the last snapshot alone."""
    kind = type(steps[0][0])
    proofs = [end.proof for read, end in steps if isinstance(read, kind)]
    return proofs[-1] if kind is Snapshot else reduce(add, proofs)


def after(read: Pass, end: End) -> list[Read]:
    """Return what a load reads last because of how a pass ended: projects whose number differs."""
    if not isinstance(read, Changes):
        return []
    return [
        Snapshot(project, project.key, read.months)
        for project in read.projects
        if project.id in end.differing - read.later
    ]


def split(read: Pass) -> list[Read]:
    """Return a read of several projects as one of each; bind them anew."""
    match read:
        case Changes(projects=projects):
            return [replace(read, projects=(project,)) for project in projects]
        case Months(parts=parts):
            return [replace(read, parts=(part,)) for part in parts]
    return [read]


def _incremental(request: Request, state: State) -> list[Read]:
    """Plan to read the changes of all projects that were once read whole, and whole what was not,
    or what needs it.

    Archived projects are read too: in one pass with the others they cost nothing, and the last
    change before a project was archived is not lost. A project whose whole read was broken off was
    found wrong: that its number of issues may be right now proves nothing.
    """
    known = [project for project in request.projects if project.id in state.watermarks]
    wanted = {*state.begun, *state.unplaced}
    whole = [
        project
        for project in request.projects
        if project.id not in state.watermarks or {project.id, None} & wanted
    ]
    later = frozenset(project.id for project in whole)
    others = tuple(project for project in known if project.id not in later)
    reads: list[Read] = [
        Changes(together, request.months, later) for together in _passes(known, state)
    ]
    if others:
        reads.append(Lookup("incremental", locks="held", acknowledge=False, renamed=others))
    return reads + [Snapshot(project, project.key, request.months) for project in whole]


def _passes(projects: Sequence[Project], state: State) -> list[tuple[Project, ...]]:
    """Group projects so that a pass that was broken off can continue, and that few rows are read
    again for the sake of one pass, which begins at the oldest watermark of its projects.
    """

    def place(project: Project) -> str:
        return repr(state.interrupted.get(project.id))

    groups: list[list[Project]] = []
    for project in sorted(projects, key=lambda one: (place(one), state.watermarks[one.id])):
        first = groups[-1][0] if groups else None
        if first is not None and place(first) == place(project) and _joins(project, first, state):
            groups[-1].append(project)
        else:
            groups.append([project])
    return [tuple(group) for group in groups]


def _joins(project: Project, first: Project, state: State) -> bool:
    """Say whether a project is read from the watermark of another one on, though it is known for
    longer: at most FEW_ROWS come again.
    """
    since = state.watermarks[first.id]
    if first.id in state.interrupted or since == state.watermarks[project.id]:
        return True
    one_too_many = state.crowded.get(project.id)
    return one_too_many is None or one_too_many < since - LOOKBACK


def _windows(parts: Sequence[tuple[Slice, Project]]) -> list[Read]:
    """Plan windows: the same months of several projects in one pass, as many as fit a request.

    A project that is read whole has a pass of its own, since such a read can be continued; so has
    an archived one, where an empty list proves nothing. And a renamed project may be there under
    both of its keys.
    """
    groups: list[list[tuple[Slice, Project]]] = []
    open_groups: dict[tuple[str, ...], list[tuple[Slice, Project]]] = {}
    for part, project in parts:
        alone = part.whole or project.archived
        group = [] if alone else open_groups.get(part.months, [])
        twice = any(project.id == other.id for _, other in group)
        if not group or len(group) == PROJECTS_PER_REQUEST or twice:
            group = []
            groups.append(group)
            if not alone:
                open_groups[part.months] = group
        group.append((part, project))
    return [_window(tuple(group)) for group in groups]


def _window(parts: tuple[tuple[Slice, Project], ...]) -> Snapshot | Months:
    part, project = parts[0]
    return Snapshot(project, part.project_key, part.months) if part.whole else Months(parts)


def _share(issues: Sequence[RequestedIssue]) -> Lookup:
    """Return the read of tonight's share, a project at a time."""
    found = _by_project(issues)
    parts = tuple(found[project] for project in sorted(found))
    return Lookup("refresh", parts, locks="wait", acknowledge=False)


def _renamed(
    read: Lookup, issues: Sequence[RequestedIssue], ends: Mapping[int, End]
) -> Lookup | None:
    """Return the read of issues that are stored under a former key of their project, but for
    projects that are read whole because their number differs.
    """
    differing = {project for end in ends.values() for project in end.differing}
    found = _by_project(issues)
    renamed = [one for one in read.renamed if one.id in found and one.id not in differing]
    parts = tuple(found[project.id] for project in renamed)
    return replace(read, parts=parts, renamed=tuple(renamed)) if parts else None


def _by_project(issues: Sequence[RequestedIssue]) -> dict[int, tuple[RequestedIssue, ...]]:
    of_project: dict[int, list[RequestedIssue]] = defaultdict(list)
    for issue in issues:
        of_project[issue.project_id].append(issue)
    return {project: tuple(some) for project, some in of_project.items()}


def _since_watermarks(read: Changes, state: State) -> Changes | None:
    """Return the read of changes since the oldest watermark of its projects. One that has none any
    more was joined meanwhile, by the feed: the next load reads it whole.
    """
    projects = tuple(one for one in read.projects if one.id in state.watermarks)
    if not projects:
        return None
    since = min(state.watermarks[one.id] for one in projects)
    resume = _interrupted(projects, state.interrupted)
    return replace(read, projects=projects, since=since, start=since, resume=resume)


def _interrupted(
    projects: Sequence[Project], checkpoints: Mapping[int, Checkpoint]
) -> Resume | None:
    """Return where a read of projects was broken off, None when it was not, or not that of all of
    them.
    """
    found = checkpoints.get(projects[0].id)
    if found is None or any(checkpoints.get(project.id) != found for project in projects):
        return None
    return Resume(Position.from_dict(found.position), found.started_at)


def _reached(read: Months, state: State) -> frozenset[int]:
    """Return the projects whose watermark months move: those that reach from it to now.

    A project that is being read whole was found wrong: a part of it does not make it right.
    """
    since = read.since
    if read.until is not None or since is None:
        return frozenset()
    return frozenset(
        project.id
        for project in read.projects
        if project.id not in state.begun
        and project.id in state.watermarks
        and since <= state.watermarks[project.id] - LOOKBACK
    )

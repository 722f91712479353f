"""Reads, states and ends in short, for the tables of cases of the plan."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from resources.backlog.position import Position, Resume
from resources.backlog.window import ONE_PAGE, CompletenessProof
from resources.warehouse.state.refetch_requests import RequestedIssue
from resources.warehouse.state.sync_state import Checkpoint
from sync.month_windows import Slice
from sync.reads import Changes, End, Lookup, Request, Snapshot
from sync.visible_projects import Project

A, B, C, D = (Project(number, name, archived=False) for number, name in enumerate("ABCD", start=1))
OLD = Project(5, "OLD", archived=True)
MONTHS = ("2026-04", "2026-05", "2026-06")
#: Watermarks an hour apart, A's the oldest.
TIMES = [datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(6)]
BEHIND = dict(zip((1, 2, 3, 4, 5), TIMES, strict=False))
LEVEL = dict.fromkeys((1, 2, 3, 4, 5), TIMES[0])


def checkpoint(order: str = "updated", offset: int = 100) -> Checkpoint:
    return Checkpoint(order, Position(offset, TIMES[0]).as_dict(), TIMES[1])


def resume(offset: int = 100) -> Resume:
    return Resume(Position(offset, TIMES[0]), TIMES[1])


def proof(pages: int = 1, how: str = ONE_PAGE) -> CompletenessProof:
    return CompletenessProof(how, 1, pages, 0, None, 0)


def end(
    *differing: Project, as_of: datetime = TIMES[4], resumed: bool = False, pages: int = 1
) -> End:
    return End(as_of, proof(pages), frozenset(one.id for one in differing), resumed)


def changes(*projects: Project, later: Sequence[Project] = ()) -> Changes:
    return Changes(projects, MONTHS, frozenset(one.id for one in later))


def snapshot(project: Project, key: str = "") -> Snapshot:
    return Snapshot(project, key or project.key, MONTHS)


def renamed(*projects: Project) -> Lookup:
    return Lookup("incremental", locks="held", acknowledge=False, renamed=projects)


def incremental(*projects: Project) -> Request:
    return Request("incremental", MONTHS, projects)


def part(project: Project, first: int = 0, last: int = 2, key: str = "") -> tuple[Slice, Project]:
    """Return adjacent months of a project, of which the first and the last are open ends."""
    since = TIMES[first] if first else None
    until = TIMES[last + 1] if last < 2 else None
    return Slice(key or project.key, MONTHS[first : last + 1], since, until), project


def issue(number: int, project: int, by: str = "activity 7") -> RequestedIssue:
    return RequestedIssue(number, project, 1, by)

"""Which projects a load of issues is about, and which of them are read together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from resources.backlog.scan import LOOKBACK, LOOKS
from resources.warehouse import state
from resources.warehouse.state import Checkpoint
from sync.session import TableLoad

#: Scope of the watermarks of issues in `ops.sync_state`.
SCOPE = "issues"
#: A project joins a pass when no more than these rows of it come again: a pass of its own costs a request, which brings as many.
FEW_ROWS = LOOKS[0][1]


@dataclass(frozen=True)
class Project:
    """A project that the key can see."""

    id: int
    key: str
    archived: bool


def visible_projects(load: TableLoad) -> dict[int, Project]:
    """Return the projects that the key can see, archived ones included, by id."""
    return {
        int(project["id"]): Project(int(project["id"]), str(project["projectKey"]), bool(project.get("archived")))
        for project in load.client.visible_projects()
    }


def project_of(load: TableLoad, key: str, visible: dict[int, Project]) -> Project | None:
    """Return the visible project that has the key now, or else had it before it was renamed."""
    current = next((project for project in visible.values() if project.key == key), None)
    if current:
        return current
    with load.engine.connect() as connection:
        former = state.project_id_for_key(connection, load.space_key, key)
    return visible.get(former) if former is not None else None


def covered_projects(load: TableLoad, projects: Collection[Project]) -> list[str] | None:
    """Return the keys of the projects that a sync covers, for the history; None when these are all of several: the whole space."""
    ids = {project.id for project in projects}
    whole = len(ids) > 1 and ids >= {int(project["id"]) for project in load.client.visible_projects()}
    return None if whole else sorted({project.key for project in projects})


def passes(
    projects: Sequence[Project],
    watermarks: Mapping[int, datetime],
    checkpoints: Mapping[int, Checkpoint],
    known_rows: Callable[[Project, datetime, datetime], int],
) -> list[list[Project]]:
    """Group projects so that a pass that was broken off can go on, and that few rows are read again for the sake of one pass.

    A pass reads from the oldest watermark of its projects on. `known_rows(project, since, until)` tells how many issues of a
    project are stored that changed between two instants: as many come again when it joins one that began to be read earlier.
    """

    def before(project: Project) -> str:
        return repr(checkpoints.get(project.id))

    groups: list[list[Project]] = []
    for project in sorted(projects, key=lambda project: (before(project), watermarks[project.id])):
        first = groups[-1][0] if groups else None
        if first is not None and before(first) == before(project):
            since, until = watermarks[first.id], watermarks[project.id]
            together = first.id in checkpoints or since == until
            more = 0 if together else known_rows(project, since - LOOKBACK, until - LOOKBACK)
            if more <= FEW_ROWS:
                groups[-1].append(project)
                continue
        groups.append([project])
    return groups


def known_rows(load: TableLoad, project: Project, since: datetime, until: datetime) -> int:
    """Return how many issues of a project are stored that changed at or after an instant and before another, or more than few."""
    issues = load.spec.table.c
    chosen = select(issues.id).where(
        issues.space_key == load.space_key,
        issues.project_id == project.id,
        issues.updated_at >= since,
        issues.updated_at < until,
        issues.deleted_at.is_(None),
    )
    with load.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(chosen.limit(FEW_ROWS + 1).subquery())).scalar_one())


def renamed(load: TableLoad, projects: Sequence[Project]) -> dict[int, int]:
    """Return the issues of projects that are stored under another project key than theirs: issue -> project.

    A new project key changes the key of every issue, and nobody documents that it moves their `updated`.
    """
    issues = load.spec.table.c
    keys = {project.id: project.key for project in projects}
    stored = select(issues.id, issues.project_id, func.split_part(issues.issue_key, "-", 1)).where(
        issues.space_key == load.space_key, issues.project_id.in_(keys), issues.deleted_at.is_(None)
    )
    with load.engine.connect() as connection:
        return {int(issue): int(project) for issue, project, key in connection.execute(stored) if key != keys[project]}

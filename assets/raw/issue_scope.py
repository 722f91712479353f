"""Which projects a load of issues is about, and which of them are read together.

Add here: another way to choose or group projects. Keep out: reading and storing their issues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from assets.raw.table_load import TableLoad
from resources.warehouse import state
from resources.warehouse.state import Checkpoint

#: Scope of the watermarks of issues in `ops.sync_state`.
SCOPE = "issues"
#: Projects whose watermarks lie within this time of each other are read in one pass, from the oldest of them on.
ONE_PASS = timedelta(days=1)


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


def passes(
    projects: Sequence[Project], watermarks: Mapping[int, datetime], checkpoints: Mapping[int, Checkpoint]
) -> list[list[Project]]:
    """Group projects so that none is read from much further back than it needs, and a pass that was broken off can go on."""

    def before(project: Project) -> str:
        return repr(checkpoints.get(project.id))

    groups: list[list[Project]] = []
    for project in sorted(projects, key=lambda project: (before(project), watermarks[project.id])):
        first = groups[-1][0] if groups else project
        if groups and before(first) == before(project) and watermarks[project.id] - watermarks[first.id] <= ONE_PASS:
            groups[-1].append(project)
        else:
            groups.append([project])
    return groups


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

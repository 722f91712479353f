"""The census: how many issues each project has at the source and in the warehouse, and what explains a difference.

Add here: another reason why the numbers may differ without anything being wrong. Keep out: mending the difference.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from resources.backlog.client import BacklogClient
from resources.backlog.errors import NotFound, PermissionDenied
from resources.backlog.feed import deleted_issues
from resources.backlog.models import IssueFilter
from resources.backlog.walk import instant, is_sound
from resources.warehouse.schema import SPECS
from resources.warehouse.state import get_watermarks

#: Created and deleted issues are looked for from this long before the watermark on: an answer may be a little old.
LOOKBACK = timedelta(minutes=1)


@dataclass(frozen=True)
class ProjectCount:
    """The issues of one project on both sides; `created` and `deleted` at the source since the last load, where it was asked."""

    project: str
    source: int
    warehouse: int
    created: int = 0
    deleted: int = 0
    project_id: int = 0

    @property
    def difference(self) -> int:
        """Issues that the warehouse has too many (or too few, below zero), apart from what has happened since the last load."""
        return self.warehouse + self.created - self.deleted - self.source


def census(client: BacklogClient, engine: Engine, space_key: str, only: Collection[str] | None = None) -> list[ProjectCount]:
    """Count the issues of each visible project on both sides, or `only` of those with these keys.

    One request a project, two more for one that differs.

    An archived project that lists no issues is left out: whether archived issues are still listed is not documented.

    Raises:
        BacklogError: a project refuses to be counted.
        WarehouseError: the warehouse cannot be read.
    """
    stored = _stored_counts(engine, space_key)
    with engine.connect() as connection:
        watermarks = get_watermarks(connection, space_key, "issues")
    counts = []
    for project in client.visible_projects():
        project_id, key = int(project["id"]), str(project["projectKey"])
        if only is not None and key not in only:
            continue
        try:
            source = client.issues_count(IssueFilter(project_id=(project_id,)))
        except (NotFound, PermissionDenied):
            if project.get("archived"):
                continue
            raise
        if not source and project.get("archived"):
            continue
        count = ProjectCount(key, source, stored.get(project_id, 0), project_id=project_id)
        if count.difference and project_id in watermarks:
            since = watermarks[project_id] - LOOKBACK
            created = _created(client, project_id, since)
            deleted = deleted_issues(client, since, project_id)
            present = _present(engine, space_key, created | deleted)
            count = replace(count, created=len(created - present), deleted=len(deleted & present))
        counts.append(count)
    return counts


def _stored_counts(engine: Engine, space_key: str) -> dict[int, int]:
    issues = SPECS["issues"].table.c
    query = (
        select(issues.project_id, func.count())
        .where(issues.space_key == space_key, issues.deleted_at.is_(None))
        .group_by(issues.project_id)
    )
    with engine.connect() as connection:
        return {int(project): int(count) for project, count in connection.execute(query)}


def _created(client: BacklogClient, project_id: int, since: datetime) -> set[int]:
    """Return the ids of the issues of a project that were created since an instant, newest first; one request as a rule."""
    ids: set[int] = set()
    for page in client.issues(IssueFilter(project_id=(project_id,), sort="created", order="desc")):
        recent = [issue for issue in page if is_sound(issue) and instant(issue, "created") >= since]
        ids.update(int(issue["id"]) for issue in recent)
        if len(recent) < len(page):
            break
    return ids


def _present(engine: Engine, space_key: str, ids: Collection[int]) -> set[int]:
    """Return those of the ids that the warehouse has, not marked deleted."""
    issues = SPECS["issues"].table.c
    query = select(issues.id).where(issues.space_key == space_key, issues.id.in_(ids), issues.deleted_at.is_(None))
    with engine.connect() as connection:
        return set(connection.execute(query).scalars())

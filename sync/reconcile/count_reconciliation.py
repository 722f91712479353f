"""Count reconciliation: the number of issues of each project on both sides.

`sync/numbers.py` counts and explains; here is which projects are counted, and what is said of each.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import NotFound, PermissionDenied
from resources.backlog.scan import LOOKBACK, PROJECTS_PER_REQUEST
from resources.warehouse.state.reconciliations import latest
from resources.warehouse.state.sync_state import get_watermarks
from sync.by_id import chunks
from sync.holdings import holdings
from sync.numbers import ProjectCount, ProjectCounter
from sync.reconcile.verdict import TOO_FAST, ProjectReconciliation, Reconciliation


def reconcile_counts(
    client: BacklogClient, engine: Engine, space_key: str, only: Collection[str] | None = None
) -> Reconciliation:
    """Count the issues of each visible project, or `only` of those with these keys, on both sides.

    Raises:
        BacklogError: a project refuses to be counted.
        WarehouseError: the warehouse cannot be read.
    """
    with engine.connect() as connection:
        watermarks = get_watermarks(connection, space_key, "issues")
    projects = [
        compared(count, watermarks.get(count.project_id))
        for count in count_projects(client, engine, space_key, only)
    ]
    totals = (
        sum(project.source for project in projects),
        sum(project.warehouse for project in projects),
    )
    errors = [f"{project.key}: {TOO_FAST}" for project in projects if not project.conclusive]
    return Reconciliation("count", projects, {"issues": totals}, errors=errors)


def compared(count: ProjectCount, loaded_until: datetime | None) -> ProjectReconciliation:
    """Return what was found, for a project that was read up to an instant (None: never whole)."""
    notes = [] if count.conclusive else [TOO_FAST]
    notes += [f"{count.quarantined} in quarantine"] if count.quarantined else []
    return ProjectReconciliation(
        count.project_id,
        count.project,
        count.source,
        count.warehouse,
        abs(count.difference) if count.conclusive else 0,
        count.happened,
        loaded_until.isoformat() if loaded_until else None,
        "; ".join(notes) or None,
        count.quarantined,
        count.conclusive,
    )


def count_projects(
    client: BacklogClient, engine: Engine, space_key: str, only: Collection[str] | None = None
) -> list[ProjectCount]:
    """Compare the issues of each visible project, or `only` of those with these keys, with the
    warehouse as of their last load.

    An archived project that lists no issues is left out: whether archived issues are still listed
    is not documented.

    Raises:
        BacklogError: a project refuses to be counted.
        WarehouseError: the warehouse cannot be read.
    """
    with engine.connect() as connection:
        watermarks = get_watermarks(connection, space_key, "issues")
    since = {project: watermark - LOOKBACK for project, watermark in watermarks.items()}
    counter = ProjectCounter(client, engine, space_key, since)
    counts: list[ProjectCount] = []
    for project in client.visible_projects():
        project_id, key = int(project["id"]), str(project["projectKey"])
        if only is not None and key not in only:
            continue
        try:
            count = counter.count(project_id, key)
        except (NotFound, PermissionDenied):
            if project.get("archived"):
                continue
            raise
        if count.source or not project.get("archived"):
            counts.append(count)
    return counter.explained(counts)


def doubtful_projects(
    client: BacklogClient, engine: Engine, space_key: str, keys: Collection[str]
) -> set[str]:
    """Return those of projects (by key) that have to be counted one by one to know whether they
    equal the source.

    Not the others: each was equal when it was compared last, and all together have as many issues
    as at the source, which is one request for a hundred of them.

    Raises:
        BacklogError: projects refuse to be counted.
        WarehouseError: the warehouse cannot be read.
    """
    with engine.connect() as connection:
        statuses = latest(connection, space_key)
    chosen = [project for project in client.visible_projects() if project["projectKey"] in keys]
    # An archived project may refuse to be counted.
    equal = [
        project
        for project in chosen
        if not project.get("archived")
        and project["id"] in statuses
        and statuses[project["id"]].equal
    ]
    held, doubted = (
        holdings(engine, space_key),
        [project for project in chosen if project not in equal],
    )
    for some in chunks(equal, PROJECTS_PER_REQUEST):
        ids = tuple(int(project["id"]) for project in some)
        if len(ids) == 1 or client.issues_count(IssueFilter(project_id=ids)) != held.total(ids):
            doubted += some
    return {str(project["projectKey"]) for project in doubted}

"""The quick comparison: the number of issues of each project on both sides, one request each. It is the nightly count, by hand.

Issues that were changed are not seen by a number; the deep comparison sees them.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.warehouse.state import get_watermarks
from sync.reconcile.counts import TOO_FAST, ProjectCount, count_projects
from sync.reconcile.result import ProjectVerdict, Verification


def quick(client: BacklogClient, engine: Engine, chosen: Collection[str]) -> Verification:
    """Count the issues of the chosen projects (keys) on both sides.

    Raises:
        BacklogError: a project refuses to be counted, or the source is not available.
        WarehouseError: the warehouse cannot be used.
    """
    space_key = str(client.space_info()["spaceKey"])
    with engine.connect() as connection:
        watermarks = get_watermarks(connection, space_key, "issues")
    counts = count_projects(client, engine, space_key, chosen)
    verdicts = [_verdict(count, watermarks.get(count.project_id)) for count in counts]
    totals = (sum(verdict.source for verdict in verdicts), sum(verdict.warehouse for verdict in verdicts))
    errors = [f"{count.project}: {TOO_FAST}" for count in counts if not count.conclusive]
    return Verification("count", verdicts, {"issues": totals}, errors=errors)


def _verdict(count: ProjectCount, watermark: datetime | None) -> ProjectVerdict:
    return ProjectVerdict(
        count.project_id,
        count.project,
        count.source,
        count.warehouse,
        abs(count.difference) if count.conclusive else 0,
        count.behind,
        watermark.isoformat() if watermark else None,
        count.remark or None,
        count.quarantined,
        count.conclusive,
    )

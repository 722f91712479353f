"""What a load of comments reports: one materialization a partition for `raw/comments` and one for `raw/issue_changes`.

Add here: another figure of a partition of these two. Keep out: deciding what is read (`comments.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import dagster as dg
from sqlalchemy import func, select

from assets.metadata import Counts, Window, load_metadata
from assets.partitions import SETTINGS
from assets.raw.table_load import TableLoad
from resources.backlog.models import RequestStats
from resources.warehouse.schema import SPECS

Cell = tuple[int, str]


@dataclass
class CommentTally:
    """Issues read and rows of both tables, by project and month of the issue's last change."""

    issues: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    comments: dict[Cell, Counts] = field(default_factory=lambda: defaultdict(Counts))
    changes: dict[Cell, Counts] = field(default_factory=lambda: defaultdict(Counts))


def report_comments(
    load: TableLoad,
    changes: TableLoad,
    cells: Iterable[tuple[int, str, str]],
    tally: CommentTally,
    window: Window,
    spent: RequestStats,
) -> None:
    """Record one materialization for each cell (project id, project key, month) and table, all read by one pass.

    Rows are those of the cell; requests, waits and duration are those of the pass that covered it.
    """
    wanted = list(cells)
    projects = {project_id for project_id, _, _ in wanted}
    for one, counted in ((load, tally.comments), (changes, tally.changes)):
        stored = _rows(one, projects)
        for project_id, project_key, month in wanted:
            cell = (project_id, month)
            load.context.log_event(
                dg.AssetMaterialization(
                    dg.AssetKey(["raw", one.spec.name]),
                    partition=dg.MultiPartitionKey({"project": project_key, "updated_month": month}),
                    metadata={
                        "dagster/partition_row_count": stored.get(cell, 0),
                        **load_metadata(counted.get(cell, Counts()), spent, started_at=load.started_at, window=window),
                        "load/issues_read": tally.issues.get(cell, 0),
                    },
                )
            )


def report_totals(load: TableLoad, *others: TableLoad) -> None:
    """Record what the whole run did for each of the tables, as an observation of its asset."""
    for one in (load, *others):
        load.context.log_event(
            dg.AssetObservation(
                dg.AssetKey(["raw", one.spec.name]),
                description="the run as a whole",
                metadata={
                    **load_metadata(one.counts, load.requests, started_at=load.started_at),
                    "dagster/row_count": one.row_count(),
                    "load/failures": len(load.failures),
                },
            )
        )


def _rows(load: TableLoad, project_ids: Iterable[int]) -> Mapping[Cell, int]:
    """Count the stored rows by project and month of the issue's last change."""
    issues, rows = SPECS["issues"].table.c, load.spec.table.c
    month = func.to_char(func.timezone(SETTINGS.timezone, func.coalesce(issues.updated_at, issues.created_at)), "YYYY-MM")
    query = (
        select(issues.project_id, month, func.count())
        .select_from(
            SPECS["issues"].table.join(load.spec.table, (rows.space_key == issues.space_key) & (rows.issue_id == issues.id))
        )
        .where(issues.space_key == load.space_key, issues.project_id.in_(sorted(project_ids)), rows.deleted_at.is_(None))
        .group_by(issues.project_id, month)
    )
    counted: dict[Cell, int] = defaultdict(int)
    with load.engine.connect() as connection:
        for project_id, text, count in connection.execute(query):
            counted[project_id, max(text or SETTINGS.history_start, SETTINGS.history_start)] += count
    return counted

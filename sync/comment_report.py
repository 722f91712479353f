"""What a load of comments reports: one materialization a partition for `raw/comments` and one for `raw/issue_changes`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from sqlalchemy import func, select

from assets.data_versions import inputs_of
from assets.location import SETTINGS, raw_key
from assets.metadata import Counts, durations, load_metadata, preview
from assets.partitions import span_of
from resources.backlog.models import RequestStats
from resources.warehouse.schema import SPECS
from sync.session import TableLoad

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
    spent: RequestStats,
    began: datetime,
) -> None:
    """Record one materialization for each cell (project id, project key, month) and table, all read by one pass.

    Rows are those of the cell, and the duration is the part of the pass that its issues took; requests and waits are those of the
    pass. The last one shows some rows: it is what the UI shows of the table.
    """
    requested = list(cells)
    if not requested:
        return
    ended_at = datetime.now(UTC)
    seconds = durations(began, ended_at, {cell: tally.issues.get((cell[0], cell[2]), 0) for cell in requested})
    for one, counted in ((load, tally.comments), (changes, tally.changes)):
        inputs = inputs_of(one)
        stored = _rows(one, {(project_id, month) for project_id, _, month in requested})
        for project_id, project_key, month in requested:
            cell = (project_id, month)
            load.context.log_event(
                dg.AssetMaterialization(
                    raw_key(one.spec.name),
                    partition=dg.MultiPartitionKey({"project": project_key, "updated_month": month}),
                    metadata={
                        **({"preview": preview(one.newest_rows())} if (project_id, project_key, month) == requested[-1] else {}),
                        "dagster/partition_row_count": stored.get(cell, 0),
                        **load_metadata(counted.get(cell, Counts()), spent, started_at=began, ended_at=ended_at),
                        "load/duration_seconds": seconds[project_id, project_key, month],
                        "load/issues_read": tally.issues.get(cell, 0),
                    },
                    tags=inputs,
                )
            )


def report_totals(load: TableLoad, *others: TableLoad) -> None:
    """Record what the whole run did for each of the tables, as an observation of its asset."""
    for one in (load, *others):
        load.context.log_event(
            dg.AssetObservation(
                raw_key(one.spec.name),
                description="the run as a whole",
                metadata={
                    **load_metadata(one.counts, load.requests, started_at=load.started_at),
                    "dagster/row_count": one.row_count(),
                    "load/failures": len(load.failures),
                    **one.notes,
                },
            )
        )


def _rows(load: TableLoad, cells: Collection[Cell]) -> Mapping[Cell, int]:
    """Count the stored rows of cells, by project and month of the issue's last change; other months are not looked at."""
    issues, rows = SPECS["issues"].table.c, load.spec.table.c
    changed = func.coalesce(issues.updated_at, issues.created_at)
    month = func.to_char(func.timezone(SETTINGS.timezone, changed), "YYYY-MM")
    since, until = span_of(month for _, month in cells)
    query = (
        select(issues.project_id, month, func.count())
        .select_from(
            SPECS["issues"].table.join(load.spec.table, (rows.space_key == issues.space_key) & (rows.issue_id == issues.id))
        )
        .where(
            issues.space_key == load.space_key,
            issues.project_id.in_(sorted({project_id for project_id, _ in cells})),
            rows.deleted_at.is_(None),
        )
        .group_by(issues.project_id, month)
    )
    if since is not None:
        query = query.where(changed >= since)
    if until is not None:
        query = query.where(changed < until)
    counted: dict[Cell, int] = defaultdict(int)
    with load.engine.connect() as connection:
        for project_id, text, count in connection.execute(query):
            counted[project_id, max(text or SETTINGS.history_start, SETTINGS.history_start)] += count
    return counted

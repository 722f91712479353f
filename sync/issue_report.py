"""What a load of issues reports: one materialization a partition as it is committed, one observation for the run."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from sqlalchemy import func, select

from assets.data_versions import inputs_of
from assets.location import SETTINGS, raw_key
from assets.metadata import Counts, Window, durations, load_metadata, preview
from assets.partitions import month_of
from resources.backlog.models import Record, RequestStats
from resources.backlog.window import WindowProof
from resources.odd import odd_of
from resources.warehouse.loader import MergeResult
from sync.session import TableLoad

ASSET_KEY = raw_key("issues")


@dataclass
class Tally:
    """Rows by project and month, and the newest change, of one read.

    `months` and `projects` are the ones that the read covers. A row that has moved out of them meanwhile counts where it was looked
    for (of months at the nearer end), so that the numbers of the partitions add up to those of the run.
    """

    months: Sequence[str]
    projects: Collection[int]
    counts: dict[tuple[int, str], Counts] = field(default_factory=lambda: defaultdict(Counts))
    newest: datetime | None = None

    def add(self, batch: Sequence[Record], result: MergeResult, fallback_project: int) -> None:
        """Count the records of a batch by what the merge did with each."""
        outcome = (
            dict.fromkeys(result.inserted_ids, "inserted")
            | dict.fromkeys(result.updated_ids, "updated")
            | dict.fromkeys(result.rejected_ids, "rejected")
        )
        for odd in odd_of(batch):
            project = odd.record.get("projectId") if isinstance(odd.record, dict) else None
            at_home = project if isinstance(project, int) and project in self.projects else fallback_project
            self.counts[at_home, self._month(None)] += Counts(read=1, rejected=1)
        for record in batch:
            moment = changed_at(record)
            what = outcome.pop(record["id"], "unchanged")
            project = record.get("projectId")
            at_home = project if isinstance(project, int) and project in self.projects else fallback_project
            cell = (at_home, self._month(moment))
            self.counts[cell] += Counts(read=1, **{what: 1})
            if moment and (self.newest is None or moment > self.newest) and what in {"inserted", "updated"}:
                self.newest = moment

    def add_deleted(self, fallback_project: int, rows: Iterable[tuple[int, datetime | None]]) -> None:
        """Count rows marked deleted, each given as project id and time of last change, where they were last seen."""
        for project, moment in rows:
            cell = (project if project in self.projects else fallback_project, self._month(moment))
            self.counts[cell] += Counts(deleted=1)

    def _month(self, moment: datetime | None) -> str:
        month = month_of(moment) if moment else self.months[-1]
        return min(max(month, self.months[0]), self.months[-1])


def changed_at(record: Record) -> datetime | None:
    """Return when a record was last changed, None when it does not say so in a form that can be read."""
    for name in ("updated", "created"):
        value = record.get(name)
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return None
    return None


def report_partitions(
    load: TableLoad,
    projects: Sequence[tuple[int, str]],
    tally: Tally,
    window: Window,
    requests: RequestStats,
    started_at: datetime,
    proof: WindowProof | Mapping[str, object],
) -> None:
    """Record one materialization for each month of `tally` and each of `projects` (id, key), all read by one pass.

    Rows are those of the partition, and the duration is the part of the pass that they took; requests and waits are those of the
    pass. The last one shows some rows: it is what the UI shows of the table.
    """
    ended_at, inputs = datetime.now(UTC), inputs_of(load)
    stored = _rows_by_month(load, [project_id for project_id, _ in projects])
    cells = [(project_id, month) for project_id, _ in projects for month in tally.months]
    counted = {cell: tally.counts.get(cell, Counts()) for cell in cells}
    seconds = durations(started_at, ended_at, {cell: counts.read for cell, counts in counted.items()})
    facts = proof.as_dict() if isinstance(proof, WindowProof) else dict(proof)
    words = str(proof) if isinstance(proof, WindowProof) else ", ".join(f"{name}: {fact}" for name, fact in proof.items())
    for project_id, project_key in projects:
        for month in tally.months:
            cell = (project_id, month)
            load.context.log_event(
                dg.AssetMaterialization(
                    ASSET_KEY,
                    partition=dg.MultiPartitionKey({"project": project_key, "updated_month": month}),
                    metadata={
                        **({"preview": preview(load.newest_rows())} if cell == cells[-1] else {}),
                        "dagster/partition_row_count": stored.get(cell, 0),
                        **load_metadata(counted[cell], requests, started_at=started_at, ended_at=ended_at, window=window),
                        "load/duration_seconds": seconds[cell],
                        "load/completeness_proof": dg.MetadataValue.json(facts),
                    },
                    tags=inputs,
                )
            )
        total = sum((counted[project_id, month] for month in tally.months), Counts())
        load.context.log.info(
            f"{project_key}: {total.read} read, {total.inserted} inserted, {total.updated} updated, "
            f"{total.deleted} deleted ({words})"
        )


def report_run(load: TableLoad) -> None:
    """Record what the whole run did, as an observation of the asset; the UI takes the number of rows from the newest one."""
    load.context.log_event(
        dg.AssetObservation(
            ASSET_KEY,
            description="the run as a whole",
            metadata={
                **load_metadata(load.counts, load.requests, started_at=load.started_at),
                "dagster/row_count": load.row_count(),
                "load/failures": len(load.failures),
            },
        )
    )


def _rows_by_month(load: TableLoad, project_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    issues = load.spec.table.c
    month = func.to_char(func.timezone(SETTINGS.timezone, func.coalesce(issues.updated_at, issues.created_at)), "YYYY-MM")
    query = (
        select(issues.project_id, month, func.count())
        .where(issues.space_key == load.space_key, issues.project_id.in_(project_ids), issues.deleted_at.is_(None))
        .group_by(issues.project_id, month)
    )
    rows: dict[tuple[int, str], int] = defaultdict(int)
    with load.engine.connect() as connection:
        for project_id, text, count in connection.execute(query):
            rows[project_id, max(text or SETTINGS.history_start, SETTINGS.history_start)] += count
    return rows

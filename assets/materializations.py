"""What Dagster records of a load: partitions as they are committed, the load as a whole, and tables
that are read whole.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from assets.data_versions import inputs_of, version_of
from assets.location import raw_key
from assets.metadata import load_metadata, preview
from resources.warehouse.state.row_counts import row_count
from sync.observer import LoadedPartitions, TableTotals
from sync.session import Session
from sync.stored_rows import first_rows, last_written


class DagsterObserver:
    """Records what a load does as events of its step, at the time when it does it."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context

    def partitions_loaded(self, loaded: LoadedPartitions) -> None:
        """Record one materialization for each partition; the last one shows some rows: it is what
        the UI shows of the table.
        """
        inputs = inputs_of(self._context, loaded.table)
        for one in loaded.partitions:
            metadata: dict[str, Any] = {
                **({"preview": preview(loaded.sample)} if one is loaded.partitions[-1] else {}),
                "dagster/partition_row_count": one.stored,
                **load_metadata(
                    one.counts,
                    loaded.requests,
                    started_at=loaded.began,
                    ended_at=loaded.ended,
                    window=loaded.window,
                ),
                "load/duration_seconds": one.seconds,
            }
            if loaded.proof is not None:
                metadata["load/completeness_proof"] = dg.MetadataValue.json(dict(loaded.proof))
            if one.issues_read is not None:
                metadata["load/issues_read"] = one.issues_read
            partition = dg.MultiPartitionKey(
                {"project": one.project_key, "updated_month": one.month}
            )
            self._context.log_event(
                dg.AssetMaterialization(
                    raw_key(loaded.table), partition=partition, metadata=metadata, tags=inputs
                )
            )

    def table_loaded(self, totals: TableTotals) -> None:
        """Record the load as an observation; the UI takes the number of rows from the
        newest one.
        """
        metadata = {
            **load_metadata(totals.counts, totals.requests, started_at=totals.began),
            "dagster/row_count": totals.stored,
            "load/failures": totals.failures,
            **totals.notes,
        }
        self._observe(totals.table, "the run as a whole", metadata)

    def rows_changed(self, table: str, stored: int, by: str) -> None:
        """Record the number of rows as an observation."""
        self._observe(table, f"rows as the load of {by} left them", {"dagster/row_count": stored})

    def _observe(self, table: str, description: str, metadata: dict[str, Any]) -> None:
        self._context.log_event(
            dg.AssetObservation(raw_key(table), description=description, metadata=metadata)
        )


def whole_table(
    session: Session,
    checks: Iterable[dg.AssetCheckResult] = (),
    version: dg.DataVersion | None = None,
) -> "dg.MaterializeResult[None]":
    """Return what the UI shows of a table that is always read whole, and of the checks that its
    asset evaluates itself.
    """
    where = session.engine, session.spec, session.space_key
    load, counts = session.reporter.whole_load, session.writer.counts
    return dg.MaterializeResult(
        check_results=list(checks),
        data_version=version or version_of(last_written(*where)),
        metadata={
            "preview": preview(first_rows(*where)),
            "dagster/row_count": row_count(*where),
            **load_metadata(counts, load.requests, started_at=load.began),
            **session.reporter.notes,
        },
    )

"""One load of one table: the lock, the history row, the merge, the counters and what Dagster is told.

Every raw asset works inside a `TableLoad`. Add here: what is true of the load of any table. Keep out: what a single table needs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from sqlalchemy import Connection, Engine, func, select

from assets.metadata import Counts, by_bucket
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.backlog.models import Record, RequestStats
from resources.backlog.resource import BacklogResource
from resources.progress import Progress
from resources.warehouse import history
from resources.warehouse.deletes import mark_missing
from resources.warehouse.errors import WarehouseError
from resources.warehouse.loader import MergeResult, merge
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import SPECS
from resources.warehouse.spec import TableSpec
from resources.warehouse.state import sync_lock

#: Somebody else's load of the same table is waited for this long, since it may be a first load.
LOCK_WAIT_SECONDS = 6 * 3600.0


@dataclass
class TableLoad:
    """The load of one table as it goes on: where it reads, where it writes, what it has counted."""

    spec: TableSpec
    client: BacklogClient
    engine: Engine
    progress: Progress
    context: dg.AssetExecutionContext
    requests_before: RequestStats
    space: Record
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    counts: Counts = field(default_factory=Counts)
    failures: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def space_key(self) -> str:
        """The key of the space that is loaded."""
        return str(self.space["spaceKey"])

    @property
    def requests(self) -> RequestStats:
        """Requests made by this load so far."""
        return self.client.stats - self.requests_before

    def store(self, records: Sequence[Record], also: Callable[[Connection], None] | None = None) -> MergeResult:
        """Merge records in a transaction of their own, and do in it what else must not be done without them."""
        with self.engine.begin() as connection:
            result = self.merge(connection, records, {})
            if also is not None:
                also(connection)
        self._count(result)
        return result

    def store_listing(self, records: Sequence[Record], *, reason: str = "no longer listed", **scope: int) -> None:
        """Merge a whole listing and mark what has vanished from it, in one transaction.

        Args:
            records: all that the source lists.
            reason: why a row that is missing is marked, for `deleted_reason`.
            scope: columns that say what was listed whole, e.g. `project_id=300`; none for the whole space.
        """
        gone: tuple[int, ...] = ()
        with self.engine.begin() as connection:
            result = self.merge(connection, records, scope)
            # A record without a key may be any row, so that nothing is known to be missing.
            if not result.unidentified:
                gone = mark_missing(
                    connection,
                    self.spec,
                    scope,
                    result.present_ids,
                    space_key=self.space_key,
                    reason=reason,
                    run_id=self.context.run.run_id,
                )
        self._count(result)
        self.counts += Counts(deleted=len(gone))

    def merge(self, connection: Connection, records: Sequence[Record], extra: Mapping[str, int]) -> MergeResult:
        """Merge records inside the caller's transaction, uncounted."""
        return merge(
            connection,
            self.spec,
            records,
            space_key=self.space_key,
            timezone=str(self.space["timezone"]),
            run_id=self.context.run.run_id,
            extra=extra,
        )

    def _count(self, result: MergeResult) -> None:
        self.counts += Counts.of(result)
        self.progress.advance(self.spec.name, result.read)
        for name in result.unexpected_fields:
            self.context.log.warning(f"{self.spec.name}: the source sends a field {name!r} that no column knows; it is in payload")

    def note_deleted(self, rows: int) -> None:
        """Count rows that were marked deleted."""
        self.counts += Counts(deleted=rows)

    def failed(self, what: str, error: Exception) -> None:
        """Note that a part failed; the other parts go on, and the run fails at the end."""
        self.failures.append(f"{what}: {error}")
        self.context.log.error(f"{what}: {error}")

    def row_count(self) -> int:
        """Return the rows of this space in the table, deleted ones left out."""
        table = self.spec.table
        query = select(func.count()).select_from(table).where(table.c.space_key == self.space_key)
        if self.spec.vanishes:
            query = query.where(table.c.deleted_at.is_(None))
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def first_rows(self) -> list[dict[str, Any]]:
        """Return a few rows without their payload, to be shown in the UI."""
        columns = [column for column in self.spec.table.c if column.name not in {"space_key", "payload", "content_hash", "run_id"}]
        query = (
            select(*columns).where(self.spec.table.c.space_key == self.space_key).order_by(*self.spec.table.primary_key).limit(10)
        )
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


@contextmanager
def table_load(
    context: dg.AssetExecutionContext,
    table: str,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: Progress,
) -> Iterator[TableLoad]:
    """Run the load of a table: alone of its kind, and with a clear end.

    Raises:
        dg.Failure: the source or the warehouse refused, or parts failed; the description says what and what to do.
    """
    try:
        client = backlog.client
        client.on_wait = lambda bucket, seconds, until: progress.wait(f"{bucket} rate limit of Backlog", seconds, until)
        load = TableLoad(SPECS[table], client, warehouse.engine, progress, context, client.stats.snapshot(), client.space_info())
        with _alone(load):
            progress.start(table, None)
            try:
                yield load
            finally:
                progress.done(table, asdict(load.counts), by_bucket(load.requests))
    except (BacklogError, WarehouseError) as error:
        raise dg.Failure(f"{table}: {error}", allow_retries=False) from None
    if load.failures:
        raise dg.Failure("; ".join(f"{table}: {failure}" for failure in load.failures), allow_retries=False)


@contextmanager
def _alone(load: TableLoad) -> Iterator[None]:
    """Hold the lock of the table; whoever holds it knows that every other load of it has ended, however it ended."""

    def say() -> None:
        until = datetime.now(UTC) + timedelta(seconds=LOCK_WAIT_SECONDS)
        load.context.log.info(f"{load.spec.name}: another load of this table is running; waiting for it to end")
        load.progress.wait(f"other load of {load.spec.name} to end", LOCK_WAIT_SECONDS, until)

    with sync_lock(load.engine, load.space_key, load.spec.name, wait_seconds=LOCK_WAIT_SECONDS, on_wait=say):
        history.abandon(load.engine, load.space_key, load.spec.name)
        yield


@contextmanager
def in_history(load: TableLoad, mode: str, project_key: str | None = None) -> Iterator[None]:
    """Write a row of `ops.sync_history` for what is done inside: its start at once, its end and figures afterwards."""
    counts_before, requests_before, failures_before = load.counts, load.client.stats.snapshot(), len(load.failures)
    number = history.start_sync(
        load.engine,
        space_key=load.space_key,
        sync_type=load.spec.name,
        mode=mode,
        run_id=load.context.run.run_id,
        project_key=project_key,
    )
    error: str | None = "ended before it was done"
    try:
        yield
        error = "; ".join(load.failures[failures_before:]) or None
    except Exception as caught:
        error = " ".join(str(caught).split())
        raise
    finally:
        counts = load.counts - counts_before
        requests = (load.client.stats - requests_before).total
        figures = {"items_synced": counts.read - counts.rejected, "items_failed": counts.rejected, "requests": requests}
        if error is None:
            history.finish_sync(load.engine, number, **figures)
        else:
            history.fail_sync(load.engine, number, error, **figures)

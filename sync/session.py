"""One load of one table: its locks, the history row, the merge, the counters and what Dagster is told.

Every raw asset works inside a `TableLoad`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import dagster as dg
from sqlalchemy import ColumnElement, Connection, Engine, func, select

from assets.location import raw_key
from assets.metadata import Counts, by_bucket
from assets.partitions import covered_by
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.backlog.models import Record, RequestStats
from resources.backlog.resource import BacklogResource
from resources.logs import about
from resources.odd import AHEAD, Page, odd_of
from resources.privacy import Mask
from resources.progress import Progress
from resources.warehouse import history
from resources.warehouse.deletes import mark_missing
from resources.warehouse.errors import WarehouseError
from resources.warehouse.loader import MergeResult, merge
from resources.warehouse.locks import Locks
from resources.warehouse.people import hold, learn
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.run_log import one_line, projects_of
from resources.warehouse.schema import SPECS
from resources.warehouse.spec import TableSpec
from resources.warehouse.sync_log import place_of
from sync.locks import SyncLocks
from sync.name_history import note_names
from sync.noted_progress import NotedProgress
from sync.people import load_forgotten

#: Tables whose loads cover the partitions of the run; the others are of the whole space, whatever a run covers.
PARTITIONED = frozenset({"issues", "comments"})


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
    sync_locks: SyncLocks
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    counts: Counts = field(default_factory=Counts)
    failures: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def space_key(self) -> str:
        """The key of the space that is loaded."""
        return str(self.space["spaceKey"])

    @property
    def latest(self) -> datetime | None:
        """The last time that can be meant now, by the source's clock; None while it has not told the time."""
        now = self.client.server_time
        return None if now is None else now + AHEAD

    @property
    def requests(self) -> RequestStats:
        """Requests made by this load so far."""
        return self.client.stats - self.requests_before

    def store(
        self,
        records: Sequence[Record],
        also: Callable[[Connection, MergeResult], None] | None = None,
        *,
        read_in: int | None = None,
    ) -> MergeResult:
        """Merge records in a transaction of their own, and do in it what else must not be done without them.

        Args:
            records: a page as it came, odd records included.
            also: what else is done.
            read_in: the project that they were read from, where it was one.

        Raises:
            WarehouseError: the server refused, or the locks of the load are lost; then nothing was written.
        """
        with self.writing() as connection:
            result = self.merge(connection, records, {}, read_in=read_in)
            if also is not None:
                also(connection, result)
        self.count(result)
        return result

    def store_listing(
        self, records: Sequence[Record], *, reason: str = "no longer listed", evidence: str | None = None, **scope: int
    ) -> None:
        """Merge a whole listing and mark what has vanished from it, in one transaction.

        Args:
            records: all that the source lists.
            reason: why a row that is missing is marked, for `deleted_reason`.
            evidence: how that is known, for `ops.deletions`; None: the endpoint of the table no longer lists it.
            scope: columns that say what was listed whole, e.g. `project_id=300`; none for the whole space.

        Raises:
            WarehouseError: the server refused, or the locks of the load are lost; then nothing was written.
        """
        gone: tuple[int, ...] = ()
        with self.writing() as connection:
            result = self.merge(connection, records, scope)
            self.note_names(connection, records, scope.get("project_id", 0))
            # A record without a key may be any row, so that nothing is known to be missing.
            if not result.nameless:
                gone = mark_missing(
                    connection,
                    self.spec,
                    scope,
                    result.present_ids,
                    space_key=self.space_key,
                    reason=reason,
                    evidence=evidence,
                    run_id=self.context.run.run_id,
                )
        self.count(result)
        self.counts += Counts(deleted=len(gone))

    def note_names(self, connection: Connection, records: Sequence[Record], project_id: int = 0) -> None:
        """Remember what a listing calls things, for the change log of later times."""
        note_names(connection, self.space_key, self.spec.name, records, project_id, self.client.server_time)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction, and commit it only if the load still holds its locks: no other load has begun meanwhile.

        Raises:
            WarehouseError: the server refused, somebody was forgotten, or the locks are lost; then nothing was written.
        """
        self.sync_locks.go_on()
        self.learn_names()
        with self.engine.begin() as connection:
            mask = self.client.mask
            self.client.mask = mask.but(hold(connection, self.space_key, mask.forgotten))
            yield connection
            self.sync_locks.locks.verify()

    def learn_names(self) -> None:
        """Note the names that the source has shown of people who are forgotten, and erase them where they are stored already.

        Raises:
            WarehouseError: the server refused, or a build of the marts does not end.
        """
        if self.client.mask.forgotten.met:
            self.client.mask, changed = learn(self.engine, self.space_key, self.client.mask)
            self.context.log.info(f"a new name of somebody who is forgotten: {sum(changed.values())} rows were rewritten")

    def lock_projects(self, project_ids: Collection[int], *, wait: bool = True) -> set[int]:
        """Lock projects against other loads of this table, until `unlock_projects` or the end; return those that are locked now.

        They are waited for in the order of their ids only, so that two loads never wait for each other: a load that holds projects
        gets a lower id if it is free, and else the error of one that has waited for too long.

        Args:
            project_ids: the projects; those that are locked already stay so.
            wait: wait for projects that another load has; otherwise leave them out.

        Raises:
            WarehouseBusyError: another load still had one of them after LOCK_WAIT_SECONDS, or had a lower one at all.
        """
        return self.sync_locks.lock_projects(project_ids, wait=wait)

    def unlock_projects(self, project_ids: Collection[int]) -> None:
        """Let other loads have projects; those that are not locked are left alone."""
        self.sync_locks.unlock_projects(project_ids)

    def merge(
        self, connection: Connection, records: Sequence[Record], extra: Mapping[str, int], *, read_in: int | None = None
    ) -> MergeResult:
        """Merge records inside the caller's transaction, which `writing` has opened, uncounted."""
        mask = self.client.mask
        return merge(
            connection,
            self.spec,
            # They may have been read before a name was known.
            _masked(mask, records) if mask.forgotten.grown else records,
            space_key=self.space_key,
            timezone=str(self.space["timezone"]),
            run_id=self.context.run.run_id,
            extra=extra,
            read_in=read_in,
            latest=self.latest,
        )

    def count(self, result: MergeResult) -> None:
        """Count what a merge did, once it is committed, and show it as progress."""
        self.note(result)
        self.progress.advance(self.spec.name, result.read)

    def note(self, result: MergeResult) -> None:
        """Count what a merge did, once it is committed; the progress is counted in something else."""
        self.counts += Counts.of(result)
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
        return self._count(self.spec)

    def observe_rows(self, tables: Collection[str]) -> None:
        """Record how many rows other tables have now that this load has written to them, as observations of their assets."""
        for table in sorted(tables):
            rows = {"dagster/row_count": self._count(SPECS[table])}
            said = f"rows as the load of {self.spec.name} left them"
            self.context.log_event(dg.AssetObservation(raw_key(table), description=said, metadata=rows))

    def _count(self, spec: TableSpec) -> int:
        table = spec.table
        query = select(func.count()).select_from(table).where(table.c.space_key == self.space_key)
        if spec.vanishes:
            query = query.where(table.c.deleted_at.is_(None))
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def first_rows(self) -> list[dict[str, Any]]:
        """Return a few rows without their payload, to be shown in the UI."""
        return self._rows(10, list(self.spec.table.primary_key))

    def newest_rows(self) -> list[dict[str, Any]]:
        """Return the rows with the highest keys, a few, to be shown with a partition: that stands beside many others."""
        return self._rows(5, [column.desc() for column in self.spec.table.primary_key])

    def _rows(self, limit: int, order: Sequence[ColumnElement[Any]]) -> list[dict[str, Any]]:
        columns = [column for column in self.spec.table.c if column.name not in {"space_key", "payload", "content_hash", "run_id"}]
        query = select(*columns).where(self.spec.table.c.space_key == self.space_key).order_by(*order).limit(limit)
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


def _masked(mask: Mask, records: Sequence[Record]) -> Page:
    return Page(mask(list(records)), (replace(one, record=mask(one.record)) for one in odd_of(records)))


class PartsFailed(dg.Failure):
    """Parts of a load failed, a project or a few, and the others are stored."""


@contextmanager
def table_load(
    context: dg.AssetExecutionContext,
    table: str,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: Progress,
    *,
    mode: str = "full",
    locks: Literal["table", "projects"] = "table",
) -> Iterator[TableLoad]:
    """Run the load of a table: with a clear end, and alone of its kind on what it has locked.

    Args:
        context: of the step.
        table: the raw table.
        backlog: where it reads.
        warehouse: where it writes.
        progress: whom it tells.
        mode: how it reads, for the history.
        locks: `table`: the whole table, from here to the end. `projects`: nothing yet, the load locks projects itself.

    Raises:
        dg.Failure: the source or the warehouse refused, or parts failed; the description says what and what to do.
    """
    began, load, client, before = datetime.now(UTC), None, None, RequestStats()
    try:
        client, engine = backlog.client, warehouse.engine
        before = client.stats.snapshot()
        space = client.space_info()
        history.know_space(engine, str(space["spaceKey"]), backlog.url)
        load_forgotten(client, engine)
        about_it = about(run=context.run.run_id, asset=f"raw/{table}", partition=covered_by(context.run) or None)
        with about_it, Locks(engine, str(space["spaceKey"]), f"run {context.run.run_id[:8]}") as held:
            sync_locks = SyncLocks(held, engine, str(space["spaceKey"]), table, context.run.run_id, progress, context.log.info)
            load = TableLoad(SPECS[table], client, engine, NotedProgress(progress, sync_locks), context, before, space, sync_locks)
            with _shown(load):
                sync_locks.begin()
                if locks == "table":
                    sync_locks.lock_table()
                load.progress.start(table, None)
                yield load
                load.learn_names()
    except (BacklogError, WarehouseError) as error:
        if load is None or not load.sync_locks.failed:
            # Before it had a row: the source or the warehouse was not there. A warehouse that is gone cannot be told.
            with suppress(WarehouseError):
                history.record_failure(
                    warehouse.engine,
                    one_line(str(error)),
                    space_key=place_of(warehouse.engine, backlog.url),
                    sync_type=table,
                    mode=mode,
                    run_id=context.run.run_id,
                    seconds=(datetime.now(UTC) - began).total_seconds(),
                    requests=(client.stats - before).total if client else 0,
                    projects=projects_of(context.run.tags) if table in PARTITIONED else None,
                )
        raise dg.Failure(f"{table}: {error}", allow_retries=False) from None
    if load.failures:
        raise PartsFailed("; ".join(f"{table}: {failure}" for failure in load.failures), allow_retries=False)


@contextmanager
def _shown(load: TableLoad) -> Iterator[None]:
    """Tell the progress of waits, and at the end what was done."""
    before, load.client.on_wait = load.client.on_wait, load.sync_locks.wait_for_limit
    try:
        yield
    finally:
        load.client.on_wait = before
        load.progress.done(load.spec.name, asdict(load.counts), by_bucket(load.requests))


@contextmanager
def in_history(load: TableLoad, mode: str, projects: Sequence[str] | None = None) -> Iterator[None]:
    """Write a row of `ops.sync_history` for what is done inside: its start at once, its end and figures afterwards.

    `projects` are the keys of those that it covers; None: the whole space.
    """
    counts_before, requests_before, failures_before = load.counts, load.client.stats.snapshot(), len(load.failures)
    outer = load.sync_locks.row
    load.sync_locks.row = number = history.start_sync(
        load.engine,
        space_key=load.space_key,
        sync_type=load.spec.name,
        mode=mode,
        run_id=load.context.run.run_id,
        projects=projects,
    )
    error: str | None = "ended before it was done"
    try:
        yield
        error = "; ".join(load.failures[failures_before:]) or None
    except Exception as caught:
        error = " ".join(str(caught).split())
        raise
    finally:
        load.sync_locks.row = outer
        counts = load.counts - counts_before
        requests = (load.client.stats - requests_before).total
        figures = {"items_synced": counts.read - counts.rejected, "items_failed": counts.rejected, "requests": requests}
        if error is None:
            history.finish_sync(load.engine, number, **figures)
        else:
            load.sync_locks.failed = True
            # A server that is gone cannot be told; the next load ends the row.
            with suppress(WarehouseError):
                history.fail_sync(load.engine, number, error, **figures)

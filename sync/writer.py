"""How rows of one table are merged, and the counts of the results."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from logging import Logger

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.masking import Mask
from resources.records import AHEAD, Page, odd_of
from resources.warehouse.raw.loader import MergeResult, merge
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.tombstones import mark_missing
from resources.warehouse.server.conflicts import retried_on_conflict
from sync.counts import Counts
from sync.events import Events
from sync.name_history import note_names
from sync.store import Commit, Store


@dataclass
class Writer:
    """Writes the rows of one table, with people masked, and counts the results."""

    spec: TableSpec
    client: BacklogClient
    store: Store
    space: Record
    run_id: str
    events: Events
    log: Logger
    counts: Counts = field(default_factory=Counts)

    @property
    def space_key(self) -> str:
        """The key of the space that is loaded."""
        return self.store.space_key

    @property
    def latest(self) -> datetime | None:
        """The last time that can be meant now, by the source's clock; None before its first
        answer.
        """
        now = self.client.server_time
        return None if now is None else now + AHEAD

    def for_table(self, table: str) -> "Writer":
        """Return a writer for another table that is written together with this one, under the same
        locks.
        """
        return replace(self, spec=SPECS[table], counts=Counts())

    def merge(
        self,
        commit: Commit,
        records: Sequence[Record],
        extra: Mapping[str, int] | None = None,
        *,
        read_in: int | None = None,
    ) -> MergeResult:
        """Merge records, odd ones included, inside a transaction of the store; `count` them
        once it is committed.

        Args:
            commit: the transaction, which was opened for these records or for those that they are
                made of.
            records: a page as it came.
            extra: columns that the records do not say themselves.
            read_in: the project that they were read from, where it was one.
        """
        return merge(
            commit.connection,
            self.spec,
            _masked(commit.mask, records),
            space_key=self.space_key,
            timezone=str(self.space["timezone"]),
            run_id=self.run_id,
            extra=extra or {},
            read_in=read_in,
            latest=self.latest,
        )

    @contextmanager
    def storing(
        self,
        records: Sequence[Record],
        extra: Mapping[str, int] | None = None,
        *,
        read_in: int | None = None,
    ) -> Iterator[tuple[Commit, MergeResult]]:
        """Merge records as `merge` does, in one transaction with what is written inside, and count
        them once it is committed.

        Raises:
            WarehouseError: the server refused, or the locks of the load are lost; then nothing was
                written.
        """
        with self.store.commit(records) as commit:
            result = self.merge(commit, records, extra, read_in=read_in)
            yield commit, result
        self.count(result, records)

    @retried_on_conflict
    def write(self, records: Sequence[Record]) -> MergeResult:
        """Merge records in a transaction of their own.

        Raises:
            WarehouseError: as `storing`.
        """
        with self.storing(records) as (_, result):
            return result

    @retried_on_conflict
    def store_listing(
        self,
        records: Sequence[Record],
        *,
        evidence: str | None = None,
        **scope: int,
    ) -> None:
        """Merge a whole listing and mark what has vanished from it, in one transaction.

        Args:
            records: all that the source lists.
            evidence: how a deletion is known, for `ops.deletions`; None: the endpoint of the table
                no longer lists the row.
            scope: columns that say what was listed whole, e.g. `project_id=300`; none for the whole
                space.

        Raises:
            WarehouseError: as `storing`.
        """
        gone: tuple[int, ...] = ()
        with self.storing(records, scope) as (commit, result):
            self.note_names(commit, records, scope.get("project_id", 0))
            # A record without a key may be any row, so that nothing is known to be missing.
            if not result.without_id:
                gone = mark_missing(
                    commit.connection,
                    self.spec,
                    scope,
                    result.present_ids,
                    space_key=self.space_key,
                    reason="no longer listed",
                    evidence=evidence,
                    run_id=self.run_id,
                )
        self.count_deleted(len(gone))

    def note_names(self, commit: Commit, records: Sequence[Record], project_id: int = 0) -> None:
        """Remember the names in a listing, for the change log of later times."""
        note_names(
            commit.connection,
            self.space_key,
            self.spec.name,
            _masked(commit.mask, records),
            project_id,
            self.client.server_time,
        )

    def count(
        self, result: MergeResult, records: Sequence[Record] = (), *, as_progress: bool = True
    ) -> None:
        """Count what a merge did, once it is committed.

        Args:
            result: of the merge.
            records: those that were merged, where they are issues: their months are reported.
            as_progress: the progress is counted in these rows, not otherwise.
        """
        self.counts += Counts.of(result)
        self.events.merged(self.spec.name, records, result)
        for name in result.unexpected_fields:
            self.log.warning(
                f"{self.spec.name}: the source sends a field {name!r} that the schema does not "
                "know; it is kept in payload"
            )
        if as_progress:
            self.events.advanced(result.read)

    def count_deleted(self, rows: int) -> None:
        """Count rows that were marked deleted."""
        self.counts += Counts(deleted=rows)


def _masked(mask: Mask, records: Sequence[Record]) -> Sequence[Record]:
    if mask.idle:
        return records
    return Page(
        mask(list(records)), (replace(one, record=mask(one.record)) for one in odd_of(records))
    )

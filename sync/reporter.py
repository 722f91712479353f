"""What a load says of itself: its rows of `ops.sync_history`, its failures and notes, and what its
observer records.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import Logger
from typing import Any

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import RequestStats
from resources.redact import plain_line
from resources.warehouse.history import history_writer
from resources.warehouse.history.run_kinds import UNFINISHED
from resources.warehouse.schema import SPECS
from resources.warehouse.warehouse_errors import WarehouseError
from sync.observer import Observer, TableTotals
from sync.stored_rows import row_count
from sync.sync_locks import SyncLocks
from sync.writer import Writer


class Measurement:
    """A measurement of a load, or of a part of it: when it began, and how many requests were made
    since.

    `before`: the requests made before it, where it began earlier than this object.
    """

    def __init__(self, client: BacklogClient, before: RequestStats | None = None) -> None:
        self.began = datetime.now(UTC)
        self._client, self._before = client, before or client.stats.snapshot()

    @property
    def requests(self) -> RequestStats:
        """Requests made since the measurement began."""
        return self._client.stats - self._before


@dataclass
class Reporter:
    """Keeps what a load has to say, and says it."""

    writer: Writer
    locks: SyncLocks
    observer: Observer
    log: Logger
    whole_load: Measurement
    failures: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def failed(self, what: str, error: Exception) -> None:
        """Note that a part failed; the other parts go on, and the load fails at the end."""
        self.failures.append(f"{what}: {error}")
        self.log.error(f"{what}: {error}")

    def measure(self) -> Measurement:
        """Begin to measure a part of the load."""
        return Measurement(self.writer.store.client)

    @contextmanager
    def history(self, mode: str, projects: Sequence[str] | None = None) -> Iterator[None]:
        """Write a row of `ops.sync_history` for what is done inside: its start at once, its end and
        figures afterwards.

        `projects` are the keys of those that it covers; None: the whole space.
        """
        writer, measured = self.writer, self.measure()
        counts_before, failures_before, outer = writer.counts, len(self.failures), self.locks.row
        self.locks.row = number = history_writer.start_sync(
            writer.store.engine,
            space_key=writer.space_key,
            sync_type=writer.spec.name,
            mode=mode,
            run_id=writer.run_id,
            projects=projects,
        )
        error: str | None = UNFINISHED
        try:
            yield
            error = "; ".join(self.failures[failures_before:]) or None
        except Exception as caught:
            error = plain_line(caught)
            raise
        finally:
            self.locks.row = outer
            counts = writer.counts - counts_before
            figures = {
                "items_synced": counts.read - counts.rejected,
                "items_failed": counts.rejected,
                "requests": measured.requests.total,
            }
            if error is None:
                history_writer.finish_sync(writer.store.engine, number, **figures)
            else:
                self.locks.failed = True
                # A server that is gone takes no note; the next load ends the row.
                with suppress(WarehouseError):
                    history_writer.fail_sync(writer.store.engine, number, error, **figures)

    def table_loaded(self, *more: Writer) -> None:
        """Let the observer record what the whole load did to its table, and to those of `more`
        writers.
        """
        for writer in (self.writer, *more):
            self.observer.table_loaded(
                TableTotals(
                    writer.spec.name,
                    writer.counts,
                    self.whole_load.requests,
                    self.whole_load.began,
                    row_count(writer.store.engine, writer.spec, writer.space_key),
                    len(self.failures),
                    # What a load notes is of its own table.
                    self.notes if writer is self.writer else {},
                )
            )

    def rows_changed(self, tables: Collection[str]) -> None:
        """Let the observer record how many rows other tables have, now that this load has written
        to them.
        """
        writer = self.writer
        for table in sorted(tables):
            rows = row_count(writer.store.engine, SPECS[table], writer.space_key)
            self.observer.rows_changed(table, rows, by=writer.spec.name)

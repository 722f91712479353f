"""What a load has to say in the end: its failures and notes, and what its observer records."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import Logger
from typing import Any

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import RequestStats
from resources.problems.causes import Failure
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.row_counts import row_count
from sync.events import Events
from sync.observer import Observer, TableTotals
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
    events: Events
    observer: Observer
    log: Logger
    whole_load: Measurement
    failures: list[Failure] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def failed(self, what: str, error: Exception) -> None:
        """Note that a part failed; the other parts go on, and the load fails at the end."""
        failure = Failure.of(error, what)
        self.failures.append(failure)
        self.events.failed(failure)
        self.log.error(failure.line)

    def measure(self) -> Measurement:
        """Begin to measure a part of the load."""
        return Measurement(self.writer.client)

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

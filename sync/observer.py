"""What a load reports while it goes on, and to whom. `assets/materializations.py` makes Dagster's
events of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from resources.backlog.client_values import RequestStats
from sync.counts import Counts, Span


@dataclass(frozen=True)
class LoadedPartition:
    """One partition of a table as a pass has left it: what the pass did to it, the rows in it now,
    its part of the seconds.
    """

    project_key: str
    month: str
    counts: Counts
    stored: int
    seconds: float
    issues_read: int | None = None


@dataclass(frozen=True)
class LoadedPartitions:
    """The partitions of a table that one pass has loaded and committed.

    Requests are those of the whole pass. `sample` holds a few rows. `proof` says why the pass is
    complete.
    """

    table: str
    partitions: Sequence[LoadedPartition]
    requests: RequestStats
    began: datetime
    ended: datetime
    sample: Sequence[Mapping[str, Any]]
    window: Span | None = None
    proof: Mapping[str, object] | None = None


@dataclass(frozen=True)
class TableTotals:
    """What a whole load did to a table; `stored` are the rows in it now, `failures` the parts that
    failed.
    """

    table: str
    counts: Counts
    requests: RequestStats
    began: datetime
    stored: int
    failures: int
    notes: Mapping[str, Any]


class Observer(Protocol):
    """Records what a load does when it does it: people watch long loads."""

    def partitions_loaded(self, loaded: LoadedPartitions) -> None:
        """Record partitions that are committed."""

    def table_loaded(self, totals: TableTotals) -> None:
        """Record what the load as a whole did to a partitioned table, also when it was
        broken off.
        """

    def rows_changed(self, table: str, stored: int, by: str) -> None:
        """Record how many rows another table has, now that the load of the table `by` has written
        to it.
        """


class Unobserved(Observer):
    """Records nothing."""

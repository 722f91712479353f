"""The figures of a load: rows by what became of them, requests by bucket, the span of source time,
seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import add
from operator import sub as subtract
from typing import TypeVar

from resources.backlog.client_values import RequestStats
from resources.warehouse.raw.loader import MergeResult

Part = TypeVar("Part")


@dataclass(frozen=True)
class Counts:
    """Rows of one table: read from the source, and what became of them in the warehouse."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(add, vars(self).values(), vars(other).values()))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*map(subtract, vars(self).values(), vars(other).values()))

    @classmethod
    def of(cls, result: MergeResult) -> "Counts":
        """Return the counts of one merge."""
        return cls(
            read=result.read,
            inserted=len(result.inserted),
            updated=len(result.updated),
            unchanged=result.unchanged,
            rejected=result.rejected,
        )


@dataclass(frozen=True)
class Span:
    """The span of source time that a load covers, and the newest change it brought; None is an open
    end or nothing new.
    """

    start: datetime | None
    end: datetime | None
    newest_change: datetime | None = None


def by_bucket(stats: RequestStats) -> dict[str, int]:
    """Return the requests of each bucket, with retries and refusals for the rate limit, as a
    `Progress` takes them.
    """
    return {**stats.requests, "retries": stats.retries, "rate_limited": stats.rate_limited}


def durations(began: datetime, ended: datetime, rows: Mapping[Part, int]) -> dict[Part, float]:
    """Divide the seconds of a pass among its parts by the rows that each has read; evenly where
    none has read any.
    """
    seconds, total = (ended - began).total_seconds(), sum(rows.values())
    return {
        part: round(seconds * (read / total if total else 1 / len(rows)), 3)
        for part, read in rows.items()
    }

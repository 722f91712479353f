"""What a load says of itself in Dagster: counters, windows, previews and the column schema of its table.

Dagster's standard keys are used where there is one; ours begin with `load/`. Numbers are numbers, so that the UI plots them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

import dagster as dg
from sqlalchemy import Table, make_url

from resources.backlog.models import RequestStats
from resources.warehouse.loader import MergeResult
from resources.warehouse.spec import TableSpec

Part = TypeVar("Part")

PREVIEW_ROWS = 10
_DIALECT = make_url("postgresql+psycopg2://").get_dialect()()


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
        return Counts(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(**{field.name: getattr(self, field.name) - getattr(other, field.name) for field in fields(self)})

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

    def metadata(self) -> dict[str, int]:
        """Return `load/rows_read` … `load/rows_rejected`."""
        return {f"load/rows_{field.name}": getattr(self, field.name) for field in fields(self)}


def by_bucket(stats: RequestStats) -> dict[str, int]:
    """Return the requests of each bucket, with retries and refusals for the rate limit, as a `Progress` takes them."""
    return {**stats.requests, "retries": stats.retries, "rate_limited": stats.rate_limited}


@dataclass(frozen=True)
class Window:
    """The span of source time that a load covers, and the newest change it brought; None is an open end or nothing new."""

    start: datetime | None
    end: datetime | None
    newest_change: datetime | None = None


def load_metadata(
    counts: Counts, stats: RequestStats, *, started_at: datetime, window: Window | None = None, ended_at: datetime | None = None
) -> dict[str, Any]:
    """Return the `load/` entries of a run or of one partition.

    Args:
        counts: rows of the table.
        stats: requests made for it.
        started_at: when the load began, for `load/duration_seconds`.
        window: for tables read by window, for `load/window_start`, `load/window_end` and `load/lag_seconds` (seconds from the
            newest change at the source to its row in the warehouse).
        ended_at: when the load ended; None: now.
    """
    now = ended_at or datetime.now(UTC)
    found: dict[str, Any] = {
        **counts.metadata(),
        "load/api_requests": stats.total,
        "load/api_retries": stats.retries,
        "load/rate_limit_wait_seconds": round(stats.wait_seconds, 3),
        "load/duration_seconds": round((now - started_at).total_seconds(), 3),
    }
    if stats.remaining:
        found["load/rate_limit_remaining"] = min(stats.remaining.values())
    if window is not None:
        found |= {
            f"load/window_{name}": dg.MetadataValue.timestamp(moment)
            for name, moment in (("start", window.start), ("end", window.end))
            if moment is not None
        }
        if window.newest_change is not None:
            found["load/lag_seconds"] = round(max(0.0, (now - window.newest_change).total_seconds()), 3)
    return found


def durations(began: datetime, ended: datetime, rows: Mapping[Part, int]) -> dict[Part, float]:
    """Divide the seconds of a pass among its parts by the rows that each has read; evenly where none has read any."""
    seconds, total = (ended - began).total_seconds(), sum(rows.values())
    return {part: round(seconds * (read / total if total else 1 / len(rows)), 3) for part, read in rows.items()}


def table_metadata(table: Table) -> dict[str, Any]:
    """Return the name of a table and its columns with types and descriptions."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=str(column.type.compile(_DIALECT)).lower(),
            description=column.comment,
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable), unique=False),
        )
        for column in table.columns
    ]
    return {"dagster/table_name": f"{table.schema}.{table.name}", "dagster/column_schema": dg.TableSchema(columns=columns)}


def definition_metadata(spec: TableSpec) -> dict[str, Any]:
    """Return what is known of a raw table before any load: its name, its columns, and where its rows come from."""
    return {**table_metadata(spec.table), "source": spec.endpoint}


def preview(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Return the first rows as a table for the UI; long texts are cut."""
    if not rows:
        return dg.MetadataValue.md("(no rows)")
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_short(value) for value in row.values()] for row in rows[:PREVIEW_ROWS])]
    # No spaces for looks: an event keeps it for weeks.
    return dg.MetadataValue.md("\n".join(f"|{'|'.join(line)}|" for line in lines))


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    text = " ".join(text.replace("|", "¦").split())
    return text if len(text) <= 40 else text[:39] + "…"

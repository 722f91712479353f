"""What a load says of itself in Dagster: counters, windows, previews and the column schema of its
table.

Dagster's standard keys are used where there is one; ours begin with `load/`. Numbers are numbers,
so that the UI plots them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from sqlalchemy import Table, make_url

from assets.location import SETTINGS
from resources.backlog.client_values import RequestStats
from resources.redact import plain_line, unmarked, without_links
from resources.warehouse.raw.spec import TableSpec
from sync.counts import Counts, Span

PREVIEW_ROWS = 10
_DIALECT = make_url("postgresql+psycopg2://").get_dialect()()


def load_metadata(
    counts: Counts,
    stats: RequestStats,
    *,
    started_at: datetime,
    window: Span | None = None,
    ended_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the `load/` entries of a run or of one partition.

    Args:
        counts: rows of the table.
        stats: requests made for it.
        started_at: when the load began, for `load/duration_seconds`.
        window: for tables read by window, for `load/window_start`, `load/window_end` and
            `load/lag_seconds` (seconds from the newest change at the source to its row in the
            warehouse).
        ended_at: when the load ended; None: now.
    """
    now = ended_at or datetime.now(UTC)
    found: dict[str, Any] = {
        **{f"load/rows_{name}": rows for name, rows in asdict(counts).items()},
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
            found["load/lag_seconds"] = round(
                max(0.0, (now - window.newest_change).total_seconds()), 3
            )
    return found


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
    return {
        "dagster/table_name": f"{table.schema}.{table.name}",
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def definition_metadata(spec: TableSpec) -> dict[str, Any]:
    """Return what is known of a raw table before any load: its name, its columns, and where its
    rows come from.
    """
    return {**table_metadata(spec.table), "source": spec.endpoint}


def preview(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Return the first rows as a table for the UI; long texts are cut."""
    if not rows:
        return dg.MetadataValue.md("(no rows)")
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([_cell_text(value) for value in row.values()] for row in rows[:PREVIEW_ROWS]),
    ]
    # No spaces for looks: an event keeps it for weeks.
    return dg.MetadataValue.md("\n".join(f"|{'|'.join(line)}|" for line in lines))


def _cell_text(value: Any) -> str:
    text = _plain_text(value).replace("|", "¦")
    return unmarked(text if len(text) <= 40 else text[:39] + "…")


def rows_table(rows: tuple[dict[str, Any], ...] | list[dict[str, Any]]) -> dg.MetadataValue:
    """Return rows as a table for the UI; every value as text."""
    return dg.MetadataValue.table(
        [dg.TableRecord({name: _plain_text(row[name]) for name in row}) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name) for name in rows[0]]),
    )


def _plain_text(value: Any) -> str:
    return "" if value is None else plain_line(value)


def zoned_moment(value: datetime) -> str:
    """Write an instant in the zone of the schedules, which the table's description names."""
    return f"{value.astimezone(SETTINGS.zone):%Y-%m-%d %H:%M}"


def as_markdown(said: str) -> str:
    """Return what a check says of keys of the source; the UI reads it as Markdown."""
    return without_links(plain_line(said))

"""What a test of dbt objects to, as a table in its check: the rows, not only their number.

Columns that say who somebody is are left out: Dagster keeps what a check shows.
"""

from collections.abc import Collection, Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any, TypeGuard

import dagster as dg
from sqlalchemy import Engine, RowMapping, text

from assets.marts.people import shown_by
from assets.marts.project import beside
from resources.redact import plain_line

#: Rows and characters of a value that are shown.
ROWS, CHARACTERS = 20, 120


def is_failing(event: Any) -> TypeGuard[dg.AssetCheckResult]:
    """Whether an event of dbt is a check that found something."""
    return isinstance(event, dg.AssetCheckResult) and not event.passed


def with_rows(
    event: dg.AssetCheckResult,
    engine: Engine,
    manifest: Mapping[str, Any],
    target: Path,
    log: Logger,
) -> dg.AssetCheckResult:
    """Return the check with its first rows in the metadata `rows`; `target` is where dbt has put
    the test as it was run.

    Rows that cannot be read are left out, and the log says why: dbt may have failed for the same
    reason.
    """
    identifier = event.metadata["unique_id"].value if "unique_id" in event.metadata else ""
    node = manifest["nodes"].get(identifier, {})
    compiled = next(target.glob(f"compiled/**/{node['path']}"), None) if node else None
    people = shown_by(node, manifest["nodes"]) if node else frozenset()
    if compiled is None or node.get("column_name") in people:
        return event
    # A colon is no parameter here.
    query = text(compiled.read_text(encoding="utf-8").replace(":", "\\:"))
    try:
        with beside(engine) as connection:
            found = connection.execute(query).mappings().fetchmany(ROWS)
    except Exception as error:  # such as a date that Python does not know
        log.warning(f"{node['name']}: its rows were left out: {first_line(error)}")
        return event
    return event._replace(metadata={**event.metadata, **rows_shown(found, people)})


def rows_shown(
    rows: Sequence[RowMapping],
    left_out: Collection[str] = (),
) -> dict[str, dg.MetadataValue[Any]]:
    """Return rows as the metadata `rows`, some columns `left_out`; nothing where there are none."""
    texts = [
        {name: plain_line(row[name])[:CHARACTERS] for name in row if name not in left_out}
        for row in rows
    ]
    records = [dg.TableRecord(row) for row in texts]
    return {"rows": dg.MetadataValue.table(records)} if records else {}


def first_line(error: Exception) -> str:
    """Return what a log says of an error: its class and the first line of its message."""
    return plain_line(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")

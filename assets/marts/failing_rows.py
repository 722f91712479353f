"""The rows to which a test of dbt objects, as a table in its check, not only their number.

Columns that say who somebody is are left out: Dagster keeps what a check shows.
"""

from collections.abc import Mapping
from logging import Logger
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import Engine, text

from assets.marts.people import shown_by
from resources.redact import plain_line

#: Rows and characters of a value that are shown.
ROWS, CHARACTERS = 20, 120


def with_rows(
    event: dg.AssetCheckResult,
    engine: Engine,
    manifest: Mapping[str, Any],
    target: Path,
    log: Logger,
) -> dg.AssetCheckResult:
    """Return a check that failed with its first rows in the metadata `rows`.

    `target` is where dbt has put the test as it was run. Rows that cannot be read are left out,
    and the log says why: dbt may have failed for the same reason.
    """
    node = manifest["nodes"][event.metadata["unique_id"].value]
    people = shown_by(node, manifest["nodes"])
    compiled = next(target.glob(f"compiled/**/{node['path']}"), None)
    if compiled is None or node.get("column_name") in people:
        return event
    # A colon is no parameter here.
    query = text(compiled.read_text(encoding="utf-8").replace(":", "\\:"))
    try:
        with engine.connect() as connection:
            found = connection.execute(query).mappings().fetchmany(ROWS)
    except Exception as error:  # such as a date that Python does not know
        log.warning(f"{node['name']}: its rows were left out: {error_line(error)}")
        return event
    shown = [
        {name: plain_line(row[name])[:CHARACTERS] for name in row if name not in people}
        for row in found
    ]
    rows = dg.MetadataValue.table([dg.TableRecord(row) for row in shown])
    return event.with_metadata({**event.metadata, **({"rows": rows} if any(shown) else {})})


def error_line(error: Exception) -> str:
    """Return what a log says of an error: its class and the first line of its message."""
    return plain_line(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")

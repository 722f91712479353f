"""What Dagster shows of a mart once it is built: its chart, its number of rows, and its columns."""

from collections.abc import Mapping
from logging import Logger
from typing import Any
from urllib.parse import quote

import dagster as dg
from sqlalchemy import Connection, Engine, text

from assets.marts.failing_rows import first_line
from assets.marts.project import beside
from resources.warehouse.warehouse_errors import WarehouseError

#: A view is worked out for each look at it: rows that take longer than this are not counted.
LOOK_MILLISECONDS = 200

#: Tables of more rows, as the server knows them from its last look, are not counted in each build:
#: 0.1 s a million.
MOST_COUNTED = 1_000_000

_COLUMNS = text("""
    SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, c.reltuples::bigint AS estimate
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped
    WHERE c.oid = to_regclass(:relation) ORDER BY a.attnum
""")


def shown(
    event: dg.Output[Any], nodes: Mapping[str, Any], engine: Engine, log: Logger, read: float
) -> dict[str, Any]:
    """Return the metadata of the model, seed or snapshot that an event of dbt says is built, what
    people look for first.

    What cannot be shown is left out, and the log says why: the rows are built. `read` is the share
    of histories that are read.
    """
    name = str(event.metadata["unique_id"].value)
    found = chart_for(event, engine, log, read)
    try:
        with beside(engine) as connection:
            found |= _facts(connection, nodes[name])
    except Exception as error:
        log.warning(
            f"{name.rsplit('.', 1)[-1]}: its rows and columns were left out: {first_line(error)}"
        )
    took = event.metadata.get("Execution Duration")
    return found | ({"build/duration_seconds": took} if took else {})


def _facts(connection: Connection, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a table or view; of staging, which is looked at where it is used, only
    the number of rows.
    """
    relation = f'"{node["schema"]}"."{node["alias"]}"'
    view, staged = node["config"]["materialized"] == "view", node["schema"] != "mart"
    if staged and view:
        return {}
    columns = connection.execute(_COLUMNS, {"relation": relation}).all()
    estimate = columns[0].estimate
    found: dict[str, Any] = {}
    if estimate > MOST_COUNTED:
        found["build/estimated_rows"] = estimate
    else:
        found["dagster/row_count"] = _count_in_time(connection, relation, view=view)
    if not staged:
        found["dagster/column_schema"] = dg.TableSchema(
            [dg.TableColumn(column.attname, type=column.type) for column in columns]
        )
    return {name: value for name, value in found.items() if value is not None}


def _count_in_time(connection: Connection, relation: str, *, view: bool) -> int | None:
    """Count the rows of a table; of a view only if that does not take long, None otherwise."""
    if not view:
        return _count(connection, relation)
    try:
        with connection.begin_nested():
            connection.execute(text(f"SET LOCAL statement_timeout = {LOOK_MILLISECONDS}"))
            return _count(connection, relation)
    except WarehouseError:
        return None


def _count(connection: Connection, relation: str) -> int:
    # a name of the project
    return int(connection.execute(text(f"SELECT count(*) FROM {relation}")).scalar_one())  # noqa: S608


def without_dbt_entries(event: dg.AssetCheckResult) -> dg.AssetCheckResult:
    """Return a check without what dbt says of each: its name, how it went, and the number of the
    build.
    """
    kept = {
        name: value
        for name, value in event.metadata.items()
        if name not in {"unique_id", "invocation_id", "status"}
    }
    return event._replace(metadata=kept)


def chart_for(event: Any, engine: Engine, log: Logger, read: float) -> dict[str, Any]:
    """Return the chart that belongs to the mart of an event, as metadata; nothing for other events.

    A chart never fails a build: one that cannot be drawn is left out, and the log says why.
    """
    from assets.marts.charts.catalogue import CHARTS  # matplotlib takes half a second to import

    if (
        not isinstance(event, dg.Output | dg.AssetMaterialization)
        or "unique_id" not in event.metadata
    ):
        return {}
    mart = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
    for chart in (one for one in CHARTS if one.mart == mart):
        try:
            with beside(engine) as connection:
                # Percent-encoded it takes less of Dagster's storage than in base64: PostgreSQL
                # compresses it better.
                picture = quote(chart.svg(connection, read))
        except Exception as error:  # whatever it is, the rows are built
            log.warning(f"{mart}: its chart was left out: {first_line(error)}")
            continue
        return {"chart": dg.MetadataValue.md(f"![{chart.title}](data:image/svg+xml,{picture})")}
    return {}

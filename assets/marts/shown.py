"""What Dagster shows of a mart once it is built: its chart, some rows, how many there are, and its columns with their types."""

from collections.abc import Callable, Mapping
from logging import Logger
from typing import Any
from urllib.parse import quote

import dagster as dg
from sqlalchemy import Connection, Engine, text

from assets.marts.failing_rows import first_line
from assets.marts.project import beside
from assets.metadata import preview
from resources.warehouse.errors import WarehouseError

ROWS = 5
#: A view is worked out for each look at it: rows that take longer than this are not shown, and not counted.
LOOK_MILLISECONDS = 200

_COLUMNS = text("""
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = to_regclass(:relation) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")


def shown(event: dg.Output[Any], nodes: Mapping[str, Any], engine: Engine, log: Logger, read: float) -> dict[str, Any]:
    """Return the metadata of the model, seed or snapshot that an event of dbt says is built, what people look for first.

    What cannot be shown is left out, and the log says why: the rows are built. `read` is the share of histories that are read.
    """
    node = nodes[str(event.metadata["unique_id"].value)]
    found = chart_for(event, engine, log, read)
    try:
        with beside(engine) as connection:
            found |= _facts(connection, node)
    except Exception as error:
        log.warning(f"{node['name']}: its rows and columns were left out: {first_line(error)}")
    took = event.metadata.get("Execution Duration")
    return found | ({"build/duration_seconds": took} if took else {})


def _facts(connection: Connection, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a table or view; of staging, which is looked at where it is used, only the number of rows."""
    relation, view = f'"{node["schema"]}"."{node["alias"]}"', node["config"]["materialized"] == "view"
    if node["schema"] != "mart":
        return {} if view else {"dagster/row_count": _count(connection, relation)}
    columns = connection.execute(_COLUMNS, {"relation": relation}).all()
    schema = dg.TableSchema([dg.TableColumn(name, type=kind) for name, kind in columns])
    looks = {"preview": _preview, "dagster/row_count": _count}
    found = {name: value for name, look in looks.items() if (value := _in_time(connection, relation, look, view=view)) is not None}
    return {**found, "dagster/column_schema": schema}


def _in_time(connection: Connection, relation: str, look: Callable[[Connection, str], Any], *, view: bool) -> Any:
    """Look at a table; at a view only if that does not take long, None otherwise."""
    if not view:
        return look(connection, relation)
    try:
        with connection.begin_nested():
            connection.execute(text(f"SET LOCAL statement_timeout = {LOOK_MILLISECONDS}"))
            return look(connection, relation)
    except WarehouseError:
        return None


def _preview(connection: Connection, relation: str) -> dg.MetadataValue[Any]:
    rows = connection.execute(text(f"SELECT * FROM {relation} LIMIT {ROWS}")).mappings().all()  # noqa: S608 - a name of the project
    return preview([{name: row[name] for name in row if name != "space_key"} for row in rows])


def _count(connection: Connection, relation: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {relation}")).scalar_one())  # noqa: S608 - a name of the project


def without_dbt_entries(event: dg.AssetCheckResult) -> dg.AssetCheckResult:
    """Return a check without what dbt says of each: its name, how it went, and the number of the build."""
    kept = {name: value for name, value in event.metadata.items() if name not in {"unique_id", "invocation_id", "status"}}
    return event._replace(metadata=kept)


def chart_for(event: Any, engine: Engine, log: Logger, read: float) -> dict[str, Any]:
    """Return the chart that belongs to the mart of an event, as metadata; nothing for other events.

    A chart never fails a build: one that cannot be drawn is left out, and the log says why.
    """
    from assets.marts.charts.catalogue import CHARTS  # matplotlib takes half a second to import

    if not isinstance(event, dg.Output | dg.AssetMaterialization) or "unique_id" not in event.metadata:
        return {}
    mart = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
    for chart in (one for one in CHARTS if one.mart == mart):
        try:
            with beside(engine) as connection:
                # Percent-encoded it takes less of Dagster's storage than in base64: PostgreSQL compresses it better.
                picture = quote(chart.svg(connection, read))
        except Exception as error:  # whatever it is, the rows are built
            log.warning(f"{mart}: its chart was left out: {first_line(error)}")
            continue
        return {"chart": dg.MetadataValue.md(f"![{chart.title}](data:image/svg+xml,{picture})")}
    return {}

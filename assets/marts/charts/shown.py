"""The chart of a mart in Dagster, drawn when the mart is built."""

from logging import Logger
from typing import Any
from urllib.parse import quote

import dagster as dg
from sqlalchemy import Engine

from assets.marts.charts.catalogue import CHARTS
from assets.marts.failing_rows import error_line
from resources.warehouse.issue_sync_state import history_share


def chart_for(event: dg.Output[Any], engine: Engine, log: Logger) -> dict[str, Any]:
    """Return the chart of the mart that an event says is built, as metadata; of most there is none.

    A chart never fails a build: one that cannot be drawn is left out, and the log says why.
    """
    mart = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
    chart = next((one for one in CHARTS if one.mart == mart), None)
    if chart is None:
        return {}
    try:
        with engine.connect() as connection:
            picture = chart.svg(connection, history_share(connection))
    except Exception as error:  # whatever it is, the rows are built
        log.warning(f"{mart}: its chart was left out: {error_line(error)}")
        return {}
    # Percent-encoded it takes less of Dagster's storage than in base64: PostgreSQL compresses it.
    # What separates numbers in a path is good in an address as it is.
    link = f"![{chart.title}](data:image/svg+xml,{quote(picture, safe='/,:;=')})"
    return {"chart": dg.MetadataValue.md(link)}

"""The chart of a mart in Dagster, drawn when the mart is built."""

from logging import Logger
from typing import Any
from urllib.parse import quote

import dagster as dg
from sqlalchemy import Engine

from assets.marts.charts.catalogue import CHARTS
from resources.redact import first_line
from resources.warehouse.state.issue_sync_state import history_share


def with_chart(event: dg.Output[Any], engine: Engine, log: Logger) -> dg.Output[Any]:
    """Return an event that says that a mart is built with the mart's chart; most have none.

    A chart never fails a build: one that cannot be drawn is left out, and the log says why.
    """
    mart = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
    chart = next((one for one in CHARTS if one.mart == mart), None)
    if chart is None:
        return event
    try:
        with engine.connect() as connection:
            picture = chart.svg(connection, history_share(connection))
    except Exception as error:  # whatever it is, the rows are built
        why = first_line(f"{type(error).__name__}: {error}")
        log.warning(f"{mart}: its chart was left out: {why}")
        return event
    # Percent-encoded it takes less of Dagster's storage than in base64: PostgreSQL compresses it.
    # What separates numbers in a path is good in an address as it is.
    link = f"![{chart.title}](data:image/svg+xml,{quote(picture, safe='/,:;=')})"
    return event.with_metadata({"chart": dg.MetadataValue.md(link), **event.metadata})

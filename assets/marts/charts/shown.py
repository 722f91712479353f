"""The chart of a mart in Dagster: its address, and the picture that is drawn with each build."""

from logging import Logger
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from assets.marts.charts.catalogue import CHARTS
from assets.marts.charts.chart_markdown import CHART, CHART_NOW, newest_markdown, picture_markdown
from resources.redact import first_line
from resources.warehouse.state.issue_sync_state import history_share

_BY_MART = {chart.mart: chart for chart in CHARTS}


def chart_metadata(key: dg.AssetKey) -> dict[str, Any]:
    """Return the entry that shows the newest chart of a mart on its page; most have none."""
    chart = _BY_MART.get(key.path[-1])
    if chart is None:
        return {}
    return {CHART_NOW: dg.MetadataValue.md(newest_markdown(chart.title, "/".join(key.path)))}


def with_chart(event: dg.Output[Any], engine: Engine, log: Logger) -> dg.Output[Any]:
    """Return an event that says that a mart is built with the mart's chart; most have none.

    A chart never fails a build: one that cannot be drawn is left out, and the log says why.
    """
    mart = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
    chart = _BY_MART.get(mart)
    if chart is None:
        return event
    try:
        with engine.connect() as connection:
            picture = chart.svg(connection, history_share(connection))
    except Exception as error:  # whatever it is, the rows are built
        why = first_line(f"{type(error).__name__}: {error}")
        log.warning(f"{mart}: its chart was left out: {why}")
        return event
    shown = dg.MetadataValue.md(picture_markdown(chart.title, picture))
    return event.with_metadata({CHART: shown, **event.metadata})

"""The newest chart of a mart as a picture: `/charts/mart/flow_daily.svg` in Dagster's webserver.

The picture comes from the newest materialization in Dagster's storage, where a build records it.
Here it is smaller, so that a window of a usual width shows it whole.
"""

import asyncio
import re

import dagster as dg
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assets.marts.charts.chart_markdown import ADDRESSES, CHART, svg_of

#: Pixels that the column of values of the page has in a window of 1,440; height follows.
WIDTH_ON_PAGE = 520
_SIZE = re.compile(r'(<svg [^>]*?)width="[\d.]+" height="[\d.]+"')
#: Opened by itself, a picture is a page of Dagster's address: it may do nothing there.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}


class ChartPictures:
    """Middleware for Dagster's webserver: answers addresses of pictures, passes on all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a picture, 404 where there is none yet, or pass a request on."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(ADDRESSES) or not path.endswith(".svg"):
            await self._app(scope, receive, send)
            return
        key = path.removeprefix(ADDRESSES).removesuffix(".svg")
        svg = await asyncio.to_thread(newest_picture, dg.AssetKey(key.split("/")))
        status = 404 if svg is None else 200
        await Response(svg, status, _HEADERS, "image/svg+xml")(scope, receive, send)


def newest_picture(key: dg.AssetKey) -> str | None:
    """Return the chart of the newest build of an asset; None: there is none."""
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(key)
    built = event and event.asset_materialization
    svg = svg_of(built.metadata[CHART].value) if built and CHART in built.metadata else None
    return svg and _SIZE.sub(rf'\1width="{WIDTH_ON_PAGE}"', svg, count=1)

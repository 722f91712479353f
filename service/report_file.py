"""The report of `backlog-elt report`, as the file in the home stands: `backlog-elt up` writes it
after each build of the marts.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.error_answers import ApiError
from service.routes import PlainRoute

#: It runs scripts that stand in it, and asks nobody for anything; its own policy names them by
#: their hashes.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


#: Its name in the home.
FILE = "report.html"


def written_at(home: Path) -> datetime | None:
    """Return when the report was written; None: there is none."""
    try:
        return datetime.fromtimestamp((home / FILE).stat().st_mtime, UTC)
    except OSError:
        return None


def report_router(home: Path) -> APIRouter:
    """Return the address of the report."""
    pages = APIRouter(route_class=PlainRoute)
    file = home / FILE

    @pages.get("/report", include_in_schema=False)
    async def report(request: Request) -> Response:
        """The report."""
        try:
            found = file.stat()
            etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
            headers = {
                "ETag": etag,
                "Cache-Control": "private, no-cache",
                "Content-Security-Policy": POLICY,
            }
            if request.headers.get("if-none-match") == etag:
                return Response(None, 304, headers)
            return Response(
                await asyncio.to_thread(file.read_bytes), 200, headers, "text/html; charset=utf-8"
            )
        except FileNotFoundError:
            raise ApiError(
                404,
                "no_report",
                "There is no report yet.",
                "backlog-elt up writes it after each build of the marts, backlog-elt report "
                "--out to that file at any time.",
            ) from None

    return pages

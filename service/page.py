"""The page: static files of this package, held in memory; all that they show comes from the API."""

from hashlib import blake2b
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.cache import Body

STATIC = Path(__file__).parent / "static"
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/static/page.css": ("page.css", "text/css; charset=utf-8"),
    **{f"/static/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in ("page", "draw", "say", "words")},
    "/static/icon.svg": ("icon.svg", "image/svg+xml"),
}


def routes() -> list[Route]:
    """Return the routes of the page."""
    return [_route(path, name, kind) for path, (name, kind) in FILES.items()]


def _route(path: str, name: str, kind: str) -> Route:
    content = (STATIC / name).read_bytes()
    body = Body(content, f'"{blake2b(content, digest_size=12).hexdigest()}"')

    async def send(request: Request) -> Response:
        headers = {"ETag": body.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == body.etag:
            return Response(None, 304, headers)
        return Response(body.content, 200, {**headers, "Content-Type": kind})

    return Route(path, send)

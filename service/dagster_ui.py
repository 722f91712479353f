"""The guard of Dagster's webserver: `Host`, `Origin`, and no query in a URL or a form.

Dagster has no login and no such checks. It takes a change from any page that a browser has open: by
an image tag (`/graphql?query=mutation…`), a form or a websocket.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Scope

from service.error_answers import ApiError
from service.origins import Names, OwnPages

#: What a page of another site cannot send without being asked first whether it may.
_QUERIES = frozenset({"application/json", "application/graphql"})
_HINT = "Set BACKLOG_DAGSTER_PUBLIC_URL to where browsers reach it, or use http://127.0.0.1."


class DagsterPages(OwnPages):
    """Middleware for Dagster's webserver: its own pages, and queries by POST as JSON only."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        super().__init__(app, names, "Dagster", _HINT)

    async def refusal(self, scope: Scope, headers: Headers) -> ApiError | None:
        """Return the error to answer with, None for a request to pass on."""
        refusal = self.refusal_by_origin(scope, headers)
        if refusal is None and scope["type"] == "http" and scope["path"].endswith("/graphql"):
            return _refusal_of_query(scope["method"], headers)
        return refusal


def _refusal_of_query(method: str, headers: Headers) -> ApiError | None:
    if method == "POST":
        if headers.get("content-type", "").partition(";")[0].strip().lower() in _QUERIES:
            return None
        hint = "Send Content-Type: application/json."
        return ApiError(415, "unsupported_media_type", "A query is sent as JSON.", hint)
    if "text/html" in headers.get("accept", ""):
        return None  # the page for writing a query
    hint = "Send it by POST, as JSON."
    refusal = ApiError(405, "method_not_allowed", "A query in the URL is not accepted.", hint)
    refusal.headers["Allow"] = "POST"
    return refusal

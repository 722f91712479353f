"""A guard in front of Dagster's webserver, which has no login and no such checks: only its own names and pages are answered.

Dagster itself takes a change from any page that a browser has open: by an image tag (`/graphql?query=mutation…`), a form or a
websocket.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ApiError, error_response
from service.origins import Names, is_foreign

#: What a page of another site cannot send without being asked first whether it may.
_QUERIES = frozenset({"application/json", "application/graphql"})
_POLICY_VIOLATION = 1008


class OwnPages:
    """Lets through Dagster's own pages and what is no browser, and answers the others itself."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or a websocket on, or refuse it."""
        refusal = self._refusal(scope, Headers(scope=scope)) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await error_response(refusal)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> ApiError | None:
        if not self._names.knows(headers.get("host", "")):
            hint = "Set BACKLOG_DAGSTER_PUBLIC_URL to where browsers reach it, or use http://127.0.0.1."
            return ApiError(421, "wrong_host", "Dagster does not answer to this name.", hint)
        if is_foreign(scope, headers, self._names):
            return ApiError(
                403, "cross_site", "A page of another site sent this request.", "Use the pages of Dagster, or no browser."
            )
        if scope["type"] == "http" and scope["path"].endswith("/graphql"):
            return _refusal_of_query(scope["method"], headers)
        return None


def _refusal_of_query(method: str, headers: Headers) -> ApiError | None:
    if method == "POST":
        if headers.get("content-type", "").partition(";")[0].strip().lower() in _QUERIES:
            return None
        return ApiError(415, "unsupported_media_type", "A query is sent as JSON.", "Send Content-Type: application/json.")
    if "text/html" in headers.get("accept", ""):
        return None  # the page for writing a query
    refusal = ApiError(405, "method_not_allowed", "A query in the URL is not accepted.", "Send it by POST, as JSON.")
    refusal.headers["Allow"] = "POST"
    return refusal

"""Ways to sign a request.

Holds: API key by query or by header, bearer token. Add here: another `httpx.Auth` (OAuth with refresh).
Keep out: where the secret is configured. No class here shows its secret in `repr`.
"""

from collections.abc import Generator

import httpx

from resources.backlog.errors import AuthenticationError
from resources.backlog.redact import remember

_Flow = Generator[httpx.Request, httpx.Response, None]


class _Secret(httpx.Auth):
    """An `httpx.Auth` with one secret that is never shown."""

    def __init__(self, secret: str) -> None:
        # A control character would make httpx quote the value in its own exception.
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            msg = "BACKLOG_API_KEY is empty, or holds spaces or characters that no key has; copy the key again"
            raise AuthenticationError(msg)
        remember(secret)
        self._secret = secret

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class ApiKeyQuery(_Secret):
    """Sends the API key as `?apiKey=`, the form that every Backlog host has taken from the start."""

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Add the key to the URL."""
        request.url = request.url.copy_set_param("apiKey", self._secret)
        yield request


class ApiKeyHeader(_Secret):
    """Sends the API key as `Backlog-API-Key`, which keeps it out of URLs; known since August 2026 only."""

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Add the key to the headers."""
        request.headers["Backlog-API-Key"] = self._secret
        yield request


class BearerToken(_Secret):
    """Sends an OAuth 2.0 access token."""

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Add the token to the headers."""
        request.headers["Authorization"] = f"Bearer {self._secret}"
        yield request

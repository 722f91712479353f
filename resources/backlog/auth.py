"""Ways to sign a request.

Holds: API key by query, bearer token, bearer token that is renewed.
"""

from collections.abc import Generator
from typing import Protocol

import httpx

from resources.backlog.errors import AuthenticationError
from resources.secret import Secret

_Flow = Generator[httpx.Request, httpx.Response, None]


class _Secret(httpx.Auth):
    """An `httpx.Auth` with one secret that is never shown."""

    def __init__(self, secret: str | Secret) -> None:
        self._secret = Secret(secret)
        held = self._secret.reveal()
        # A control character would make httpx quote the value in its own exception.
        if not held or not held.isascii() or not held.isprintable() or " " in held:
            msg = (
                "BACKLOG_API_KEY is empty, or holds spaces or characters that no "
                "key has; copy the key again"
            )
            raise AuthenticationError(msg)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class ApiKeyQuery(_Secret):
    """Sends the API key as `?apiKey=`, the form that every Backlog host accepts."""

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Add the key to the URL."""
        request.url = request.url.copy_set_param("apiKey", self._secret.reveal())
        yield request


class BearerToken(_Secret):
    """Sends an OAuth 2.0 access token."""

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Add the token to the headers."""
        request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        yield request


class TokenSource(Protocol):
    """Provides the current access token."""

    def access_token(self) -> Secret:
        """Return an access token that is valid as far as is known; raises BacklogError."""

    def renew(self, refused: Secret) -> Secret:
        """Return a new token in place of one that the space refused; raises BacklogError."""


class RenewedBearer(httpx.Auth):
    """Sends the access token of a source. When it is refused, the token is renewed and the request
    sent again, once.

    The status 401 alone decides: the reason is in `WWW-Authenticate`, with or without a body.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Add the token to the headers.

        Raises:
            AuthenticationError: the space refuses the renewed token too.
            BacklogError: there is no token.
        """
        token = self._source.access_token()
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        response = yield request
        if response.status_code != 401:
            return
        request.headers["Authorization"] = f"Bearer {self._source.renew(token).reveal()}"
        response = yield request
        if response.status_code == 401:
            attempted = f"{request.method} {request.url.path.removeprefix('/api/v2')}"
            raise AuthenticationError(
                f"{attempted}: 401 with an access token that was just "
                "renewed; run `backlog-elt login`",
                status=401,
                cause="login_ended",
            )

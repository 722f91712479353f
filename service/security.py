"""Access control: a bearer token, a header of the reverse proxy, or this machine only; and what a
browser may do with the answers.

Without a token and without a proxy the service is for this machine only: it listens on loopback,
and answers to loopback names. Behind a proxy it answers to its public names too. A request with the
token may use any name, since no page has the token by itself.
"""

from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resources.settings import Settings
from resources.variables import SettingsError
from service.error_answers import ApiError
from service.failed_tokens import FailedTokens
from service.origins import Names, OwnPages, address_in, is_loopback

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
    "'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
#: Paths that need a token. The page itself holds no data, and /healthz only says that the service
#: lives.
REPORT = "/report"
PROTECTED = ("/api/", "/metrics", REPORT)
#: Backlog comes by whatever name the proxy has, and shows the secret in the path.
WEBHOOKS = "/webhooks/"
_THIS_MACHINE = "Use http://127.0.0.1, or set BACKLOG_SERVICE_TOKEN for other names."
_PUBLIC_NAME = "Set BACKLOG_SERVICE_PUBLIC_URL to where browsers reach the service."


def check_exposure(settings: Settings, host: str) -> None:
    """Check that a service that others can reach has access control.

    Raises:
        SettingsError: it would be open to everybody.
    """
    if not (is_loopback(host) or settings.service_token or settings.service_proxy_header):
        expected = (
            f"a secret of 16 characters or more, since others can reach {host} (or "
            "BACKLOG_SERVICE_PROXY_HEADER)"
        )
        raise SettingsError("BACKLOG_SERVICE_TOKEN", "", expected)


class Guard(OwnPages):
    """Middleware for the service: its own pages, and data only for who may see it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        token, self._proxy_header = settings.service_token, settings.service_proxy_header
        self._token = sha256(token.reveal().encode()).digest() if token else None
        self._proxies = settings.service_trusted_proxies
        self._failed = FailedTokens()
        self._for_this_machine_only = self._token is None and self._proxy_header is None
        # A proxy passes on the name that a browser has asked for, which may be that of Dagster.
        public = (settings.service_public_url, settings.dagster_public_url)
        names = Names.of(*public, addresses=True) if self._proxy_header else Names()
        hint = _THIS_MACHINE if self._for_this_machine_only else _PUBLIC_NAME
        super().__init__(app, names, "the service", hint)

    async def refusal(self, scope: Scope, headers: Headers) -> ApiError | None:
        """Return the error to answer with, None for a request to pass on."""
        given = _token_in(headers, by_password=scope["path"] == REPORT)
        shows_token = self._is_token(given)
        refusal = self._refusal(scope, headers, shows_token=shows_token)
        self._failed.log_minute()
        if refusal is not None and given and self._token and not shows_token:
            await self._failed.slow_down()
        return refusal

    def _refusal(self, scope: Scope, headers: Headers, *, shows_token: bool) -> ApiError | None:
        if scope["path"].startswith(WEBHOOKS):
            return None
        # Where only the token lets in, a page may have any name.
        any_name = shows_token or (self._token is not None and self._proxy_header is None)
        by_origin = self.refusal_by_origin(scope, headers, is_any_name_known=any_name)
        if by_origin is not None or not scope["path"].startswith(PROTECTED):
            return by_origin
        if self._for_this_machine_only or shows_token or self._comes_by_proxy(scope, headers):
            return None
        refusal = ApiError(
            401,
            "unauthorized",
            "The request has no valid token.",
            "Send Authorization: Bearer and the token.",
        )
        # The report is opened by an address, as a page of its own: a browser asks for the token as
        # a password.
        kind = "Basic" if scope["path"] == REPORT else "Bearer"
        refusal.headers["WWW-Authenticate"] = f'{kind} realm="backlog-elt"'
        return refusal

    def _is_token(self, given: str) -> bool:
        if self._token is None:
            return False
        shown = sha256(given.encode("utf-8", "surrogateescape")).digest()
        return compare_digest(shown, self._token)

    def _comes_by_proxy(self, scope: Scope, headers: Headers) -> bool:
        # Only from the proxy itself: anybody can send a header.
        address = address_in((scope.get("client") or ("",))[0])
        return (
            self._proxy_header is not None
            and bool(headers.get(self._proxy_header))
            and address is not None
            and any(address in network for network in self._proxies)
        )


def _token_in(headers: Headers, *, by_password: bool) -> str:
    """Return the token that a request shows, nothing where it shows none."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    if by_password and kind.lower() == "basic":
        return _password(given).strip()
    return given.strip() if kind.lower() == "bearer" else ""


def _password(given: str) -> str:
    """Return the password of a user, whatever the name, nothing where there is none."""
    try:
        return (
            b64decode(given.strip(), validate=True)
            .decode("utf-8", "surrogateescape")
            .partition(":")[2]
        )
    except ValueError:
        return ""


class SecureHeaders:
    """Forbids browsers what they should not do with any answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and put the headers on the answer."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                # Of these an answer sets at most the policy itself: the report has one of its own.
                own = {name for name, _ in headers}
                message["headers"] = [
                    *headers,
                    *((name, value) for name, value in _RAW_HEADERS if name not in own),
                ]
                if not any(name == b"cache-control" for name, _ in headers):
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, secured if scope["type"] == "http" else send)

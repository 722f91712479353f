"""OAuth 2.0 of Backlog: the page on which a user allows an application, and the token endpoint.

Holds: the authorization-code grant and the refresh.

Nulab documents that an access token is valid for an hour. A refresh may return the same access
token with the rest of its time, and a new refresh token. Source:
https://developer.nulab.com/docs/backlog/auth/
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    BadRequest,
    GrantRefused,
    MalformedResponse,
    TransientError,
    Unavailable,
    error_from_response,
)
from resources.backlog.logged_requests import log_request
from resources.backlog.ratelimit import http_date, retry_after
from resources.backlog.transport import BACKOFF
from resources.bounded_http import BoundedClient
from resources.network import network_advice
from resources.redact import mask_from_now_on, protect_logs, redact
from resources.secret import Secret
from resources.tokens import Tokens
from resources.variables import URL

ATTEMPTS = 4  # about four seconds; other processes wait for the tokens meanwhile
_LIFE = 3_600
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_TOTAL_SECONDS = 60.0
_PATH = "/api/v2/oauth2/token"
_LOGGED = "/oauth2/token"
_ATTEMPTED = f"POST {_LOGGED}"
_ERROR = re.compile(r'error="?([a-z_]+)')
_CHECK_APPLICATION = (
    "check BACKLOG_OAUTH_CLIENT_ID and BACKLOG_OAUTH_CLIENT_SECRET: the space does "
    "not know this application"
)


class OAuthApplication:
    """An application registered with Nulab, in one space. `sleep` and `clock` (epoch seconds) are
    for tests.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str | Secret,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        protect_logs()
        self.base_url = base_url
        self.client_id = client_id
        self.clock = clock
        self._secret = Secret(client_secret)
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"OAuthApplication({self.base_url!r}, {self.client_id!r}, ***)"

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return the page on which a user allows the application; it redirects to `redirect_uri`
        with `state`.
        """
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
        }
        return f"{self.base_url}/OAuth2AccessRequest.action?{urlencode(query)}"

    def exchange(self, code: str, redirect_uri: str) -> Tokens:
        """Return the tokens for a code that the browser brought.

        Raises:
            GrantRefused: the code is unknown, used, too old, or belongs to another redirect URI.
            BacklogError: no answer came, or it has no tokens.
        """
        mask_from_now_on(code)
        return self._grant(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        )

    def refresh(self, tokens: Tokens) -> Tokens:
        """Return new tokens. The old refresh token may be invalid from now on, so store them first.

        Raises:
            GrantRefused: the refresh token is used up, expired or revoked; a user must log in
                again.
            BacklogError: no answer came, or it has no tokens.
        """
        return self._grant(
            {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token.reveal()}
        )

    def _grant(self, form: Mapping[str, str]) -> Tokens:
        return Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=BACKOFF,
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._sleep,
            reraise=True,
        )(self._ask, {**form, "client_id": self.client_id, "client_secret": self._secret.reveal()})

    def _ask(self, form: Mapping[str, str]) -> Tokens:
        answer = self._post(form)
        if isinstance(answer, BacklogError):
            raise answer
        body = _object(answer)
        now = http_date(answer.headers.get("date")) or datetime.fromtimestamp(self.clock(), UTC)
        if "error" in body:
            raise _refusal(answer.status_code, body)
        error = error_from_response(answer, _ATTEMPTED)
        if isinstance(error, TransientError):
            error.retry_in = retry_after(answer.headers, now.timestamp())
        if isinstance(error, AuthenticationError):
            raise AuthenticationError(
                f"{_ATTEMPTED}: {answer.status_code}; {_CHECK_APPLICATION}",
                status=answer.status_code,
                cause="application_refused",
            )
        if error is not None:
            raise error
        access, refresh = (
            body.get("access_token"),
            body.get("refresh_token") or form.get("refresh_token"),
        )
        for token in (access, refresh):
            if (
                not isinstance(token, str)
                or not token.isascii()
                or not token.isprintable()
                or " " in token
                or not token
            ):
                raise MalformedResponse(
                    f"{_ATTEMPTED}: {answer.status_code}, but the answer has no tokens",
                    status=answer.status_code,
                )
        return Tokens(
            Secret(str(access)),
            Secret(str(refresh)),
            now,
            now + timedelta(seconds=_life(body.get("expires_in"))),
        )

    def _post(self, form: Mapping[str, str]) -> httpx.Response | Unavailable:
        """Send a form. The error is returned, not raised, so that it is not chained to httpx's
        error, which holds the form.
        """
        began = time.monotonic()
        try:
            with BoundedClient(_TOTAL_SECONDS, timeout=_TIMEOUT) as http:
                answer = http.request("POST", self.base_url + _PATH, data=dict(form))
        except httpx.RequestError as error:
            log_request("POST", _LOGGED, None, time.monotonic() - began)
            reason = redact(str(error)) or type(error).__name__
            check = network_advice(self.base_url, URL, error)
        else:
            log_request("POST", _LOGGED, answer, time.monotonic() - began)
            return answer
        host = httpx.URL(self.base_url).netloc.decode()
        said = f"{_ATTEMPTED}: no answer from {host}: {reason}; {check}"
        return Unavailable(said, cause="no_answer")


def _refusal(status: int, body: Mapping[str, object]) -> BacklogError:
    """Return the error for an error code of RFC 6749 (section 5.2), which comes with 400 or 401."""
    kind, more = str(body["error"]), body.get("error_description")
    reason = f"{kind}: {more}".rstrip(".") if more else kind
    said = f"{_ATTEMPTED}: {status}, {reason}"
    if kind == "invalid_grant":
        return GrantRefused(f"{said}; run `backlog-elt login`", reason=reason, status=status)
    if kind in {"invalid_client", "unauthorized_client"}:
        return AuthenticationError(
            f"{said}; {_CHECK_APPLICATION}", status=status, cause="application_refused"
        )
    if kind == "temporarily_unavailable" or status >= 500 or status == 429:
        return Unavailable(said, status=status)
    return BadRequest(said, status=status)


def _object(answer: httpx.Response) -> Mapping[str, object]:
    """Return the body, or the error in WWW-Authenticate when there is no JSON."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        found = _ERROR.search(answer.headers.get("www-authenticate", ""))
        return {"error": found[1]} if found else {}
    return body if isinstance(body, dict) else {}


def _life(expires_in: object) -> int:
    """Return the seconds that a token is valid; the documented hour when it is not a number."""
    text = str(expires_in)
    return min(int(text), 10 * 365 * 86_400) if text.isascii() and text.isdigit() else _LIFE

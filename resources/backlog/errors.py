"""The errors of the Backlog client, and the one place that maps an answer to one of them.

    BacklogError
      TransientError        may go away by itself: the transport retries it before raising
        RateLimited         429
        Unavailable         no connection, time-out, 408, 5xx
      PermanentError        the same request would fail again
        AuthenticationError 401, a redirect to a login page, two-factor demanded (code 12)
          GrantRefused      the token endpoint says invalid_grant: somebody must log in again
        PermissionDenied    403
        NotInPlan           codes 2 and 3: the space's plan lacks the feature, or has expired
        NotFound            404 with Backlog's own error body; a proxy's 404 is MalformedResponse
        BadRequest          any other 4xx
        MalformedResponse   not what the API promises: HTML, a redirect, a broken or unexpected
                            JSON value
      IncompleteScan        a window could not be proven to be read completely

Holds: the tree and `error_from_response`.
"""

# ruff: noqa: N818 - the names are the public contract, and the base class says that they are errors

import json
from urllib.parse import urlsplit

import httpx

from resources.problems.causes import KnownError
from resources.redact import plain_line

_KEY = "check BACKLOG_API_KEY: the key is wrong, expired or of another space"
_LOGIN = "refused with an access token: run `backlog-elt login`"
_NOT_A_SPACE = "is BACKLOG_URL the root of a Backlog space, like https://acme.backlog.com?"


class BacklogError(KnownError):
    """Any failure to get an answer from Backlog; `status` and `code` are None without an answer.

    `code` is Backlog's own error code (https://developer.nulab.com/docs/backlog/error-response/),
    `cause` ours.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(message, cause=cause)
        self.status = status
        self.code = code
        self.attempts = 1

    def __str__(self) -> str:
        text = super().__str__()
        return text if self.attempts == 1 else f"{text} (gave up after {self.attempts} attempts)"


class TransientError(BacklogError):
    """A failure that may go away by itself; `retry_in` is the wait in seconds that the server asked
    for.
    """

    retry_in: float | None = None


class RateLimited(TransientError):
    """The user's requests of this minute are used up (429)."""

    cause = "rate_limited"


class Unavailable(TransientError):
    """One that asks to try later, or no answer: then its cause is `no_answer`, and `no_connection`
    says whether no connection was made.
    """

    cause = "unavailable"
    no_connection = False


class PermanentError(BacklogError):
    """A failure that would happen again for the same request."""


class AuthenticationError(PermanentError):
    """The key or token is not accepted."""

    cause = "key_refused"


class GrantRefused(AuthenticationError):
    """A code or refresh token is used up, expired or revoked; `reason` is what the space says."""

    cause = "login_ended"

    def __init__(self, message: str, *, reason: str, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.reason = plain_line(reason)


class PermissionDenied(PermanentError):
    """The key's user may not see this."""

    cause = "not_allowed"


class NotInPlan(PermanentError):
    """The plan of the space lacks this feature, or has expired."""

    cause = "not_in_plan"


class NotFound(PermanentError):
    """It does not exist, or the key's user cannot see it: Backlog does not tell which."""

    cause = "not_found"


class BadRequest(PermanentError):
    """Backlog refuses the request as it was sent."""

    cause = "bad_request"


class MalformedResponse(PermanentError):
    """The answer is not what the API promises."""

    cause = "odd_answer"


class IncompleteScan(BacklogError):
    """A window kept changing, so that no pass over it could be proven complete."""

    cause = "changes_too_fast"


def error_from_response(
    response: httpx.Response, attempted: str, *, by_key: bool = True
) -> BacklogError | None:
    """Return the error that an answer means, or None for a 2xx; `attempted` is like "GET
    /projects", `by_key` says whether it was with an API key or with an access token.
    """
    status, refused = response.status_code, _KEY if by_key else _LOGIN
    if response.is_success:
        return None
    if response.has_redirect_location or 300 <= status < 400:
        return _redirected(response, attempted, refused)
    code, message = _error_body(response)
    said = f"{attempted}: {status}" + (f", code {code}" if code is not None else "")
    said += f", {message.rstrip('.')}" if message else ""
    kind, cause, hint = _classify(status, code, attempted, refused, json_body=message is not None)
    return kind(f"{said}; {hint}" if hint else said, status=status, code=code, cause=cause)


def _classify(
    status: int, code: int | None, attempted: str, refused: str, *, json_body: bool
) -> tuple[type[BacklogError], str | None, str]:
    """Return the class of a 4xx or 5xx, its cause if not that of the class, and advice; `refused`
    is that for a wrong key.
    """
    if status == 429:
        return RateLimited, None, "other programs of the same user share this limit"
    if status >= 500 or status == 408:
        return Unavailable, None, "Backlog or a proxy on the way is not available"
    if status == 401 or code == 11:
        return AuthenticationError, None, refused
    if code == 12:
        hint = "the space demands two-factor authentication of the key's user"
        return AuthenticationError, "two_factor", hint
    if not json_body:
        hint = f"the body is not Backlog's JSON: {_NOT_A_SPACE}"
        return MalformedResponse, "not_a_space", hint
    if code in (2, 3):
        return NotInPlan, None, "the plan of the space does not include this, or has expired"
    if code == 4:
        hint = "the space accepts requests from certain IP addresses only"
        return PermissionDenied, "address_refused", hint
    if status == 403 or code == 5:
        hint = (
            "the key's user may not do this: use the key of an administrator or of a project member"
        )
        return PermissionDenied, None, hint
    if status == 404:
        if attempted == "GET /space":
            return NotFound, "not_a_space", _NOT_A_SPACE
        return NotFound, None, "it was deleted, or the key's user cannot see it"
    return BadRequest, None, ""


def _redirected(response: httpx.Response, attempted: str, refused: str) -> BacklogError:
    try:
        target = urlsplit(response.headers.get("location", ""))
    except ValueError:
        target = urlsplit("a malformed address")
    where = f"{target.netloc}{target.path}" or "nowhere"
    said = f"{attempted}: {response.status_code}, redirected to {where}"
    if "login" in target.path.lower():
        return AuthenticationError(f"{said}, a login page; {refused}", status=response.status_code)
    return MalformedResponse(
        f"{said}; {_NOT_A_SPACE}", status=response.status_code, cause="not_a_space"
    )


def _error_body(response: httpx.Response) -> tuple[int | None, str | None]:
    """Return code and message of the first of `errors[]`; the message is None when the body is not
    JSON.

    The reason of a 401 to a bearer token is in WWW-Authenticate (developer.nulab.com,
    authentication).
    """
    challenge = response.headers.get("www-authenticate")
    try:
        body = json.loads(response.content)
    except (RecursionError, ValueError):
        return None, challenge or None
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return None, challenge or ("" if response.status_code != 404 else None)
    code = first.get("code")
    return (code if isinstance(code, int) else None), str(first.get("message") or "")

"""The token endpoint: what each of its answers means, and what is asked again.

They come from a small server of the test's own; how tokens of a simulated space are renewed is
tried in `test_tokens.py`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    BadRequest,
    GrantRefused,
    MalformedResponse,
    RateLimited,
    TransientError,
    Unavailable,
)
from resources.backlog.oauth import OAuthApplication
from resources.secret import Secret
from resources.tokens import Tokens
from tests.http_servers import Quiet, serving

SECRET = "s3cr3t-of-the-application"
OLD = Tokens(
    Secret("old-access-token"), Secret("old-refresh-token"), datetime.now(UTC), datetime.now(UTC)
)
URI = "http://127.0.0.1:8976/callback"
DATE = "Wed, 01 Jul 2026 09:00:00 GMT"


@dataclass
class Endpoint:
    """A server that answers every request in one way, and keeps the forms that it got."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def application(
        self, slept: Callable[[float], None] = lambda _seconds: None
    ) -> OAuthApplication:
        return OAuthApplication(self.url, "client-1", SECRET, sleep=slept)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Return a server whose answer is still to be set."""
    made = Endpoint()

    class Handler(Quiet):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            assert self.path == "/api/v2/oauth2/token"
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            made.forms.append(dict(parse_qsl(self.body())))
            self.send_response_only(made.status)
            for name, value in {
                **made.headers,
                "Content-Length": str(len(made.body.encode())),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body.encode())

    with serving(Handler) as made.url:
        yield made


def test_the_page_of_consent_is_asked_for_as_nulab_documents_it() -> None:
    application = OAuthApplication("https://acme.backlog.com", "client 1", SECRET)
    url = urlsplit(application.authorize_url(URI, "a&b"))
    assert (url.netloc, url.path) == ("acme.backlog.com", "/OAuth2AccessRequest.action")
    assert dict(parse_qsl(url.query)) == {
        "response_type": "code",
        "client_id": "client 1",
        "redirect_uri": URI,
        "state": "a&b",
    }


def test_the_form_of_each_grant_is_the_documented_one(endpoint: Endpoint) -> None:
    endpoint.body = (
        '{"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600, '
        '"refresh_token": "r-token"}'
    )
    endpoint.application().exchange("the-code", URI)
    endpoint.application().refresh(OLD)
    who = {"client_id": "client-1", "client_secret": SECRET}
    assert endpoint.forms == [
        {"grant_type": "authorization_code", "code": "the-code", "redirect_uri": URI, **who},
        {"grant_type": "refresh_token", "refresh_token": "old-refresh-token", **who},
    ]


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        ("3600", 3600),
        ("810", 810),
        ('"755"', 755),
        ("0", 0),
        ("-5", 3600),
        ("null", 3600),
        ('"soon"', 3600),
        ("1e3", 3600),
    ],
)
def test_the_life_of_a_token_counts_from_the_moment_that_the_server_names(
    endpoint: Endpoint, life: str, seconds: int
) -> None:
    endpoint.headers["Date"] = DATE
    endpoint.body = (
        f'{{"access_token": "a-token", "expires_in": {life}, "refresh_token": "r-token"}}'
    )
    tokens = endpoint.application().refresh(OLD)
    assert tokens.obtained_at == datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
    assert tokens.expires_at == tokens.obtained_at + timedelta(seconds=seconds)


def test_a_refresh_that_brings_no_refresh_token_leaves_the_old_one(endpoint: Endpoint) -> None:
    endpoint.body = '{"access_token": "a-token", "expires_in": 3600}'
    assert endpoint.application().refresh(OLD).refresh_token == OLD.refresh_token
    with pytest.raises(MalformedResponse, match="no tokens"):
        endpoint.application().exchange("the-code", URI)


CHALLENGE = 'Bearer realm="backlog", error="{}", error_description="said by the server"'


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "cause", "said"),
    [
        (
            400,
            {},
            '{"error": "invalid_grant"}',
            GrantRefused,
            "login_ended",
            "400, invalid_grant; run `backlog-elt login`",
        ),
        (
            401,
            {},
            '{"error": "invalid_grant", "error_description": "revoked"}',
            GrantRefused,
            "login_ended",
            "401, invalid_grant: revoked; run",
        ),
        (
            401,
            {"WWW-Authenticate": CHALLENGE.format("invalid_grant")},
            "",
            GrantRefused,
            "login_ended",
            "401, invalid_grant; run",
        ),
        (200, {}, '{"error": "invalid_grant"}', GrantRefused, "login_ended", "invalid_grant"),
        (
            401,
            {"WWW-Authenticate": CHALLENGE.format("invalid_client")},
            "",
            AuthenticationError,
            "application_refused",
            "BACKLOG_OAUTH_CLIENT_SECRET",
        ),
        (
            401,
            {"WWW-Authenticate": "Bearer"},
            "",
            AuthenticationError,
            "application_refused",
            "BACKLOG_OAUTH_CLIENT_SECRET",
        ),
        (
            400,
            {},
            '{"error": "unauthorized_client"}',
            AuthenticationError,
            "application_refused",
            "BACKLOG_OAUTH_CLIENT_ID",
        ),
        (
            400,
            {},
            '{"error": "invalid_request"}',
            BadRequest,
            "bad_request",
            "400, invalid_request",
        ),
        (
            404,
            {},
            "<html></html>",
            MalformedResponse,
            "not_a_space",
            "is BACKLOG_URL the root of a Backlog space",
        ),
        (
            301,
            {"Location": "https://elsewhere.test/"},
            "",
            MalformedResponse,
            "not_a_space",
            "redirected to elsewhere.test",
        ),
        (200, {}, "<html></html>", MalformedResponse, "odd_answer", "the answer has no tokens"),
        (200, {}, "[]", MalformedResponse, "odd_answer", "the answer has no tokens"),
        (
            200,
            {},
            '{"access_token": "two words", "refresh_token": "r-token"}',
            MalformedResponse,
            "odd_answer",
            "the answer has no tokens",
        ),
        (
            200,
            {},
            '{"access_token": 7, "refresh_token": "r-token"}',
            MalformedResponse,
            "odd_answer",
            "the answer has no tokens",
        ),
    ],
)
def test_an_answer_without_tokens_is_raised_at_once_and_says_what_to_do(
    endpoint: Endpoint,
    status: int,
    headers: dict[str, str],
    body: str,
    kind: type[BacklogError],
    cause: str,
    said: str,
) -> None:
    endpoint.status, endpoint.headers, endpoint.body = status, {**endpoint.headers, **headers}, body
    with pytest.raises(kind, match=re.escape(said)) as caught:
        endpoint.application().refresh(OLD)
    assert (type(caught.value), caught.value.cause, len(endpoint.forms)) == (kind, cause, 1)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert not [secret for secret in (SECRET, OLD.refresh_token.reveal()) if secret in shown]


@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimited), (503, Unavailable), (408, Unavailable)]
)
def test_a_server_that_is_busy_is_asked_a_few_times_within_seconds(
    endpoint: Endpoint, status: int, kind: type[TransientError]
) -> None:
    slept: list[float] = []
    endpoint.status, endpoint.headers["Retry-After"] = status, "7"
    with pytest.raises(kind) as caught:
        endpoint.application(slept.append).refresh(OLD)
    assert (len(endpoint.forms), caught.value.retry_in) == (4, 7)
    assert sum(slept) < 10


def test_a_host_that_is_not_there_is_named_and_nothing_of_the_form_is() -> None:
    application = OAuthApplication(
        "http://127.0.0.1:9", "client-1", SECRET, sleep=lambda _seconds: None
    )
    with pytest.raises(
        Unavailable, match=r"no answer from 127\.0\.0\.1:9.*check BACKLOG_URL"
    ) as caught:
        application.refresh(OLD)
    assert (caught.value.__cause__, caught.value.cause) == (None, "no_answer")
    assert SECRET not in repr(application)

"""Each answer becomes the error that says what to do about it."""

import httpx
import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    BadRequest,
    MalformedResponse,
    NotFound,
    NotInPlan,
    PermanentError,
    PermissionDenied,
)
from tests.resources.backlog.conftest import Wire, error
from tests.unsafe import EVIL, unsafe


@pytest.mark.parametrize(
    ("status", "code", "kind", "advice"),
    [
        (400, 7, BadRequest, "said by the server"),
        (401, 11, AuthenticationError, "check BACKLOG_API_KEY"),
        (403, 12, AuthenticationError, "two-factor"),
        (402, 2, NotInPlan, "plan"),
        (403, 3, NotInPlan, "plan"),
        (403, 4, PermissionDenied, "IP addresses"),
        (403, 5, PermissionDenied, "administrator"),
        (404, 6, NotFound, "deleted"),
    ],
)
def test_a_refusal_is_raised_at_once_as_the_error_that_says_what_to_do(
    client: BacklogClient, wire: Wire, status: int, code: int, kind: type[BacklogError], advice: str
) -> None:
    wire.answers = [error(status, code)]
    with pytest.raises(kind, match=advice) as caught:
        client.users()
    assert (caught.value.status, caught.value.code) == (status, code)
    assert str(caught.value).startswith(f"GET /users: {status}, code {code}, said by the server")
    assert len(wire.requests) == 1


CHALLENGE = 'Bearer error="invalid_token", error_description="The token has expired"'
LOGIN = "https://acme.backlog.test/LoginDisplay.action?url=x"
HTML = "<html>not here</html>"
#: What somebody meets -> the answer, and the error that it becomes.
ODD: dict[str, tuple[httpx.Response, type[BacklogError], str]] = {
    "a bad token, in the challenge": (
        httpx.Response(401, headers={"WWW-Authenticate": CHALLENGE}),
        AuthenticationError,
        "The token has expired",
    ),
    "a login page": (
        httpx.Response(302, headers={"Location": LOGIN}),
        AuthenticationError,
        "login page",
    ),
    "another redirect, which is not followed": (
        httpx.Response(301, headers={"Location": "https://elsewhere.test/"}),
        MalformedResponse,
        r"elsewhere.test.*BACKLOG_URL",
    ),
    "a page": (httpx.Response(200, html=HTML), MalformedResponse, "BACKLOG_URL"),
    "a page with a refusal": (httpx.Response(403, html=HTML), MalformedResponse, "BACKLOG_URL"),
    "a page that is not there": (httpx.Response(404, html=HTML), MalformedResponse, "BACKLOG_URL"),
    "a 404 that is not from Backlog": (
        httpx.Response(404, json={"detail": "Not Found"}),
        MalformedResponse,
        "404",
    ),
    "no such space": (error(404, 6), NotFound, "is BACKLOG_URL the root of a Backlog space"),
}


@pytest.mark.parametrize("met", ODD)
def test_an_answer_that_is_not_of_the_api_says_what_to_check(
    client: BacklogClient, wire: Wire, met: str
) -> None:
    answer, kind, advice = ODD[met]
    wire.answers = [answer]
    with pytest.raises(kind, match=advice):
        client.space()
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme.backlog.com",
        "https://",
        "ftp://acme",
        "https://user:secret@acme.backlog.com",
        "https://a b",
    ],
)
def test_a_url_that_is_no_root_of_a_space_is_refused_by_name(
    url: str, client: BacklogClient
) -> None:
    with pytest.raises(PermanentError, match="BACKLOG_URL must be the root") as caught:
        BacklogClient(url, httpx.Auth())
    assert "secret" not in str(caught.value)
    assert caught.value.cause == "not_a_space"


@pytest.mark.parametrize("suffix", ["", "/", "/api/v2", "/api/v2/"])
def test_the_root_may_end_in_the_path_of_the_api(suffix: str) -> None:
    with BacklogClient(f"https://acme.backlog.com{suffix}", httpx.Auth()) as client:
        assert client.base_url == "https://acme.backlog.com"


#: In a header a server may send any byte but an end of the line.
IN_A_HEADER = f"{EVIL} {'long ' * 4_000}".encode("latin-1", "ignore").translate(None, b"\r\n")


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (
            httpx.Response(
                403, json={"errors": [{"message": f"{EVIL} {'long ' * 200_000}", "code": 5}]}
            ),
            "of a project member",
        ),
        (httpx.Response(401, headers={b"WWW-Authenticate": IN_A_HEADER}), "of another space"),
    ],
)
def test_what_the_server_says_is_one_line_of_text_that_does_not_hide_what_to_do(
    client: BacklogClient, wire: Wire, answer: httpx.Response, advice: str
) -> None:
    wire.answers = [answer]
    with pytest.raises(PermanentError) as caught:
        client.users()
    message = str(caught.value)
    assert (unsafe(message), len(message.splitlines())) == ([], 1)
    assert len(message.encode()) <= 2_000
    assert message.startswith(f"GET /users: {answer.status_code}, ")
    assert "bytes left out" in message
    assert message.endswith(advice)

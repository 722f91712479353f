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


def test_a_bad_token_explains_itself_in_the_challenge_without_a_body(
    client: BacklogClient, wire: Wire
) -> None:
    challenge = 'Bearer error="invalid_token", error_description="The token has expired"'
    wire.answers = [httpx.Response(401, headers={"WWW-Authenticate": challenge})]
    with pytest.raises(AuthenticationError, match="The token has expired"):
        client.myself()


def test_a_redirect_to_a_login_page_is_an_authentication_error(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [
        httpx.Response(
            302, headers={"Location": "https://acme.backlog.test/LoginDisplay.action?url=x"}
        )
    ]
    with pytest.raises(AuthenticationError, match="login page"):
        client.space()


def test_another_redirect_is_not_followed(client: BacklogClient, wire: Wire) -> None:
    wire.answers = [httpx.Response(301, headers={"Location": "https://elsewhere.test/"})]
    with pytest.raises(MalformedResponse, match=r"elsewhere.test.*BACKLOG_URL"):
        client.space()
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [200, 403, 404])
def test_html_instead_of_json_is_a_malformed_response(
    client: BacklogClient, wire: Wire, status: int
) -> None:
    wire.answers = [httpx.Response(status, html="<html>not here</html>")]
    with pytest.raises(MalformedResponse, match="BACKLOG_URL"):
        client.projects()


def test_a_404_that_is_not_from_backlog_does_not_say_that_an_issue_is_gone(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [httpx.Response(404, json={"detail": "Not Found"})]
    with pytest.raises(MalformedResponse):
        client.issue(1)


def test_no_such_space_says_to_check_the_url(client: BacklogClient, wire: Wire) -> None:
    wire.answers = [error(404, 6)]
    with pytest.raises(NotFound, match="is BACKLOG_URL the root of a Backlog space"):
        client.space()


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
    assert unsafe(message) == []
    assert "\n" not in message
    assert len(message.encode()) <= 2_000
    assert message.startswith(f"GET /users: {answer.status_code}, ")
    assert "bytes left out" in message
    assert message.endswith(advice)

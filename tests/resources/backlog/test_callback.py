"""The way back from the browser: which answers count, which do not, and what the person at the
browser reads.
"""

import socket
import struct
from collections.abc import Iterator

import httpx
import pytest

from resources.backlog.callback import Callback
from resources.backlog.errors import AuthenticationError, PermanentError
from tests.ports import free_port

STRANGE = "This is not an answer to the current login"


@pytest.fixture
def port() -> int:
    """Return a port on which nobody listens."""
    return free_port()


@pytest.fixture
def reported() -> list[str]:
    """Return what the terminal shows."""
    return []


@pytest.fixture
def callback(port: int, reported: list[str]) -> Iterator[Callback]:
    """Return a server that waits for an answer."""
    with Callback(port, reported.append) as made:
        yield made


def bring(callback: Callback, **query: str) -> httpx.Response:
    return httpx.get(callback.uri, params=query, trust_env=False)


def test_the_code_of_a_user_who_allows_it_comes_back_with_a_page_in_two_languages(
    callback: Callback, reported: list[str]
) -> None:
    page = bring(callback, code="the-code", state=callback.state)
    assert (page.status_code, callback.wait(5), reported) == (200, "the-code", [])
    assert "アクセスが許可されました" in page.text
    assert "Access is allowed" in page.text
    assert "the-code" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == (
        "no-store",
        "no-referrer",
    )


def test_a_wrong_or_used_state_is_refused_and_the_login_keeps_waiting(
    callback: Callback, reported: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    right = {"code": "the-code", "state": callback.state}
    wrong = [{"state": "another"}, {}, {"state": "ステート"}, {"state": callback.state[:-1]}]
    for query in wrong:
        page = bring(callback, code="of-somebody-else", **query)
        assert (page.status_code, STRANGE in page.text) == (400, True)
    assert bring(callback, state=callback.state).status_code == 400  # neither a code nor a refusal
    assert bring(callback, **right).status_code == 200
    again = bring(callback, **right | {"code": "of-somebody-else"})
    assert (again.status_code, STRANGE in again.text) == (400, True)
    assert callback.wait(5) == "the-code"
    assert (len(reported), capfd.readouterr()) == (6, ("", "")), "no code is on the terminal"
    with pytest.raises(AuthenticationError, match=r"access was not allowed within 0\.01 s") as late:
        callback.wait(0.01)
    assert late.value.cause == "login_ended"


def test_the_users_refusal_ends_the_login_and_an_answer_without_its_state_does_not(
    callback: Callback,
) -> None:
    assert bring(callback, error="access_denied", state="another").status_code == 400
    page = bring(callback, error="access_denied<script>", state=callback.state)
    assert "Access was not allowed" in page.text
    assert "script" not in page.text
    with pytest.raises(
        AuthenticationError,
        match=r"denied \(access_deniedscript\); run `backlog-elt login` to try again",
    ) as denied:
        callback.wait(5)
    assert denied.value.cause == "login_ended"


def test_other_pages_do_not_exist_and_a_connection_that_says_nothing_holds_nobody_up(
    callback: Callback, port: int
) -> None:
    icon = callback.uri.replace("/callback", "/favicon.ico")
    with socket.create_connection(("127.0.0.1", port)):  # as browsers open them in advance
        assert httpx.get(icon, trust_env=False).status_code == 404
        assert httpx.post(callback.uri, trust_env=False).status_code == 501
        bring(callback, code="the-code", state=callback.state)
        assert callback.wait(5) == "the-code"


def test_a_code_counts_though_the_browser_is_gone_before_it_has_its_page(
    callback: Callback, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", port)) as browser:
        browser.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # a reset, not a polite end
        browser.sendall(
            (
                f"GET /callback?code=the-code&state={callback.state} HTTP/1.1\r\nHost: x\r\n\r\n"
            ).encode()
        )
    assert callback.wait(5) == "the-code"
    assert capfd.readouterr() == ("", "")


def test_each_login_has_a_state_of_its_own_and_a_replayed_one_is_strange(port: int) -> None:
    with Callback(port) as first:
        bring(first, code="the-code", state=first.state)
    with Callback(port) as second:
        assert bring(second, code="the-code", state=first.state).status_code == 400
        assert len(second.state) >= 32


def test_a_port_in_use_is_named(callback: Callback, port: int) -> None:
    with pytest.raises(PermanentError, match=rf"port {port} on 127\.0\.0\.1 is in use.*--port"):
        Callback(port)

"""Requests to a server that never stops answering: each ends, in time at any stage, and in
bytes.
"""

import gzip
import os
import signal
import threading
import time
from collections.abc import Generator
from threading import Timer

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import MalformedResponse, Unavailable
from resources.bounded_http import AnswerTooLargeError, BoundedClient
from tests.dripping import HEAD, DrippingServer
from tests.flooding import FLOODS, MEGABYTE, Flood, flooding
from tests.http_servers import Quiet, serving

#: Far less than a minute, far more than the seconds that are given.
SOON = 50.0
#: First what comes at once, then what comes byte by byte.
SLOW = {
    "status line": (b"HTTP/1.1 2", b"0"),
    "headers": (HEAD, b"X-More: x\r\n"),
    "body": (HEAD.replace(b"Length: 2", b"Length: 999999") + b"\r\n[", b" "),
    "chunks": (
        HEAD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"\r\n",
        b"1\r\n \r\n",
    ),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("where", SLOW)
def test_an_answer_that_never_ends_is_given_up_and_tried_again(where: str) -> None:
    began = time.monotonic()
    with DrippingServer(*SLOW[where]) as server:
        client = BacklogClient(
            server.url, ApiKeyQuery("the-key-of-nobody"), total=0.3, sleep=lambda _seconds: None
        )
        with (
            client,
            pytest.raises(
                Unavailable,
                match=r"not answered whole within 0.3 seconds; check .* "
                r"\(gave up after 5 attempts\)",
            ),
        ):
            client.space()
        assert server.connections == 5
    assert time.monotonic() - began < SOON


def test_an_agreement_on_tls_that_never_ends_is_given_up() -> None:
    began = time.monotonic()
    # A record of a handshake as long as one can be, of which a byte comes now and then.
    with DrippingServer(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00") as server:
        url = server.url.replace("http:", "https:")
        client = BacklogClient(
            url,
            ApiKeyQuery("the-key-of-nobody"),
            total=10,
            timeout=0.3,
            sleep=lambda _seconds: None,
        )
        with client, pytest.raises(Unavailable, match=r"no answer from .*Timeout|timed out"):
            client.space()
    assert time.monotonic() - began < SOON


def test_the_time_begins_anew_with_each_request_and_timely_answers_pass() -> None:
    class Slowly(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            for byte in (b"a", b"b", b"c"):
                threading.Event().wait(0.1)
                self.wfile.write(byte)
                self.wfile.flush()

    with serving(Slowly) as url:
        # Each byte comes after a tenth of a second, and three requests take longer than one may.
        with BoundedClient(60, timeout=30) as http:
            assert [http.request("GET", url).text for _ in range(3)] == ["abc"] * 3
        with (
            BoundedClient(0.15, timeout=30) as http,
            pytest.raises(httpx.ReadTimeout, match="whole"),
        ):
            http.request("GET", url)


def test_a_timeout_of_its_own_stays_what_it_is() -> None:
    with (
        DrippingServer(b"", b"") as server,
        BoundedClient(60, timeout=0.2) as http,
        pytest.raises(httpx.ReadTimeout) as raised,
    ):
        http.request("GET", server.url)
    assert "whole" not in str(raised.value)


def test_requests_go_through_the_proxy_of_the_environment_and_end_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with DrippingServer(*SLOW["headers"]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with (
            BoundedClient(0.3, timeout=30) as http,
            pytest.raises(httpx.ReadTimeout, match="whole"),
        ):
            http.request("GET", "http://backlog.example")
        assert proxy.connections == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("plain", r"larger than 3 MB; .* BACKLOG_ANSWER_MEGABYTES"),
        ("gzip", r"larger than 3 MB; .* BACKLOG_ANSWER_MEGABYTES"),
        # It is not inflated.
        ("gzip in gzip", "compressed more than once; check BACKLOG_URL$"),
    ],
)
def test_an_answer_without_end_or_packed_twice_is_given_up_and_not_asked_for_again(
    kind: str, said: str
) -> None:
    with (
        flooding(FLOODS[kind]) as url,
        BacklogClient(url, ApiKeyQuery("the-key-of-nobody"), megabytes=3) as client,
        pytest.raises(MalformedResponse, match=f"^GET /users: .*{said}") as raised,
    ):
        client.users()
    assert client.stats.total == 1
    assert "\n" not in str(raised.value)


def test_an_answer_of_just_the_bound_is_read_and_a_byte_more_is_not() -> None:
    body = gzip.compress(b"7" * MEGABYTE)
    with flooding(Flood(lambda: iter([body]), "gzip")) as url:
        with BoundedClient(60, timeout=30, megabytes=1) as http:
            answer = http.request("GET", url)
        assert answer.content == b"7" * MEGABYTE
        assert "content-encoding" not in answer.headers  # it is inflated
        with (
            BoundedClient(60, timeout=30, megabytes=0.999_999) as http,
            pytest.raises(AnswerTooLargeError),
        ):
            http.request("GET", url)


def test_what_is_signed_anew_has_its_time_anew_and_keeps_the_answer_before_it() -> None:
    class Twice(httpx.Auth):
        def auth_flow(
            self, request: httpx.Request
        ) -> Generator[httpx.Request, httpx.Response, None]:
            threading.Event().wait(0.4)
            yield request
            threading.Event().wait(0.4)
            yield request

    with flooding(Flood(lambda: iter([b"{}"]))) as url, BoundedClient(0.5, timeout=30) as http:
        answer = http.request("GET", url, auth=Twice())
    assert [one.content for one in [*answer.history, answer]] == [b"{}", b"{}"]


def test_a_signal_whose_handler_raises_ends_the_request_and_the_next_one_works() -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(_number: int, _frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with (
            flooding(Flood(lambda: iter([b"{}"]))) as url,
            DrippingServer(*SLOW["body"]) as slow,
            BoundedClient(60, timeout=30) as http,
        ):
            for _ in range(8):
                Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1)).start()
                with pytest.raises(Interrupted):
                    http.request("GET", slow.url)
                assert http.request("GET", url).content == b"{}"
    finally:
        signal.signal(signal.SIGUSR1, before)

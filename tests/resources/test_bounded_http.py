"""Requests to a server that never stops answering: each ends, in time at any stage, and in
bytes.
"""

import gzip
import os
import signal
import threading
import time
import tracemalloc
import zlib
from collections.abc import Generator
from dataclasses import replace
from threading import Timer

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import MalformedResponse, Unavailable
from resources.bounded_http import AnswerRefusedError, AnswerTooLargeError, BoundedClient
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
    ("kind", "cause", "said"),
    [
        ("plain", "answer_too_large", r"larger than 3 MB; .* BACKLOG_ANSWER_MEGABYTES"),
        ("gzip", "answer_too_large", r"larger than 3 MB; .* BACKLOG_ANSWER_MEGABYTES"),
        # It is not inflated.
        (
            "gzip in gzip",
            "odd_answer",
            "compressed as 'gzip, gzip', and not with gzip as asked; .* BACKLOG_URL$",
        ),
    ],
)
def test_an_answer_without_end_or_packed_twice_is_given_up_and_not_asked_for_again(
    kind: str, cause: str, said: str
) -> None:
    with (
        flooding(FLOODS[kind]) as url,
        BacklogClient(url, ApiKeyQuery("the-key-of-nobody"), megabytes=3) as client,
        pytest.raises(MalformedResponse, match=f"^GET /users: .*{said}") as raised,
    ):
        client.users()
    assert (client.stats.total, raised.value.cause) == (1, cause)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("kind", "megabytes", "most"), [("gzip", 4, 10), ("bytes", 0.15, 1.2)])
def test_an_answer_takes_little_more_memory_than_its_bound(
    kind: str, megabytes: float, most: float
) -> None:
    next(FLOODS[kind].parts())  # it is in the memory of this process, too
    with (
        flooding(Flood(lambda: iter([b"{}"]))) as small,
        flooding(FLOODS[kind]) as large,
        BoundedClient(60, timeout=30, megabytes=megabytes) as http,
    ):
        http.request("GET", small)
        tracemalloc.start()
        with pytest.raises(AnswerTooLargeError):
            http.request("GET", large)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < most * MEGABYTE


TEXT = b"[1, 2, 3]" * 1_000
RAW = zlib.compressobj(wbits=-15)
HALF = gzip.compress(TEXT)[:-12]
#: What stands in the head, and comes -> what it is.
ENCODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "gzip, by its old name": ("X-GZIP", gzip.compress(TEXT)),
    "gzip of several members": ("gzip", gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:])),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "nothing": ("identity", TEXT),
}


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("kind", ENCODED)
def test_each_encoding_is_read_in_whatever_parts_it_comes(kind: str, parts: int) -> None:
    encoding, packed = ENCODED[kind]
    size = -(-len(packed) // parts)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    flood = Flood(lambda: iter(pieces), encoding)
    with flooding(flood) as url, BoundedClient(60, timeout=30) as http:
        answer = http.request("GET", url)
    assert (answer.content, answer.request.headers["accept-encoding"]) == (TEXT, "gzip")


@pytest.mark.parametrize(
    ("encoding", "packed", "kind", "said"),
    [
        ("br", b"odd", AnswerRefusedError, "compressed as 'br', and not with gzip as asked"),
        ("gzip", HALF, httpx.DecodingError, "damaged: it is cut off"),
        ("gzip", gzip.compress(TEXT) + HALF, httpx.DecodingError, "damaged: it is cut off"),
        ("gzip", TEXT, httpx.DecodingError, "damaged: Error -3"),
        ("deflate", RAW.compress(TEXT) + RAW.flush(), httpx.DecodingError, "damaged: Error -3"),
    ],
    ids=["another", "cut off", "cut off in the second member", "no gzip", "bare deflate"],
)
def test_an_answer_that_cannot_be_unpacked_whole_is_an_error(
    encoding: str, packed: bytes, kind: type[httpx.DecodingError], said: str
) -> None:
    with (
        flooding(Flood(lambda: iter([packed]), encoding)) as url,
        BoundedClient(60, timeout=30) as http,
        pytest.raises(kind, match=said) as refused,
    ):
        http.request("GET", url)
    assert type(refused.value) is kind  # the first is not tried again


@pytest.mark.parametrize("kind", ["plain", "gzip"])
def test_of_a_refusal_without_end_a_megabyte_is_read_and_its_status_counts(kind: str) -> None:
    with flooding(replace(FLOODS[kind], status=503)) as url, BoundedClient(60, timeout=30) as http:
        answer = http.request("GET", url)
    assert (answer.status_code, answer.content) == (503, b" " * MEGABYTE)


@pytest.mark.parametrize(
    "location",
    ["http://[", "https://a:port/", "http://a\x7fb/", "https://" + "x" * 70_000 + ".test"],
)
def test_a_redirect_to_a_malformed_address_is_refused_at_once(location: str) -> None:
    class Elsewhere(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            self.send_response(302)
            self.send_header("Location", location)
            self.end_headers()

    with (
        serving(Elsewhere) as url,
        BacklogClient(url, ApiKeyQuery("the-key-of-nobody")) as client,
        pytest.raises(MalformedResponse, match=r"GET /users: 302, redirected to .*BACKLOG_URL"),
    ):
        client.users()
    assert client.stats.total == 1


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

"""Requests to a server that never stops answering: each ends in time, at any stage."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import Unavailable
from resources.deadline import limited_client
from tests.dripping import HEAD, DrippingServer

#: Far less than a minute, far more than the seconds that are given.
SOON = 50.0
#: First what comes at once, then what comes byte by byte.
SLOW = {
    "status line": (b"HTTP/1.1 2", b"0"),
    "headers": (HEAD, b"X-More: x\r\n"),
    "body": (HEAD.replace(b"Length: 2", b"Length: 999999") + b"\r\n[", b" "),
    "chunks": (HEAD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"\r\n", b"1\r\n \r\n"),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("where", SLOW)
def test_an_answer_that_never_ends_is_given_up_and_tried_again(where: str) -> None:
    began = time.monotonic()
    with DrippingServer(*SLOW[where]) as server:
        client = BacklogClient(server.url, ApiKeyQuery("the-key-of-nobody"), total=0.3, sleep=lambda _seconds: None)
        with (
            client,
            pytest.raises(Unavailable, match=r"not answered whole within 0.3 seconds; check .* \(gave up after 5 attempts\)"),
        ):
            client.space()
        assert server.connections == 5
    assert time.monotonic() - began < SOON


def test_an_agreement_on_tls_that_never_ends_is_given_up() -> None:
    began = time.monotonic()
    # A record of a handshake as long as one can be, of which a byte comes now and then.
    with DrippingServer(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00") as server:
        url = server.url.replace("http:", "https:")
        client = BacklogClient(url, ApiKeyQuery("the-key-of-nobody"), total=0.3, sleep=lambda _seconds: None)
        with client, pytest.raises(Unavailable, match=r"not answered whole within 0.3 seconds|timed out"):
            client.space()
    assert time.monotonic() - began < SOON


def test_the_time_begins_anew_with_each_request_and_an_answer_that_ends_in_time_passes() -> None:
    class Slowly(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            for byte in (b"a", b"b", b"c"):
                threading.Event().wait(0.1)
                self.wfile.write(byte)
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slowly)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        # Each byte comes after a tenth of a second, and three requests take longer than one may.
        with limited_client(60, timeout=30) as http:
            assert [http.get(f"http://127.0.0.1:{server.server_port}").text for _ in range(3)] == ["abc"] * 3
        with limited_client(0.15, timeout=30) as http, pytest.raises(httpx.ReadTimeout, match="whole"):
            http.get(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def test_a_timeout_of_its_own_stays_what_it_is() -> None:
    with DrippingServer(b"", b"") as server, limited_client(60, timeout=0.2) as http, pytest.raises(httpx.ReadTimeout) as raised:
        http.get(server.url)
    assert "whole" not in str(raised.value)


def test_requests_go_through_the_proxy_of_the_environment_and_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with DrippingServer(*SLOW["headers"]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with limited_client(0.3, timeout=30) as http, pytest.raises(httpx.ReadTimeout, match="whole"):
            http.get("http://backlog.example")
        assert proxy.connections == 1

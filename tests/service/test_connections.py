"""The bounds of a real service: heads that are too large, and too many connections at once."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.ports import free_port
from tests.service.conftest import a_process
from tests.waiting import eventually

#: Bytes of a head and open connections, as `docs/service.md` says.
LARGEST_HEAD, MOST_OPEN = 32_768, 512
PATIENCE_SECONDS = 120.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(shared_warehouse_url: str) -> Iterator[int]:
    """Start a service, and return where it listens."""
    port = free_port()
    with a_process(shared_warehouse_url, port):
        yield port


def connected(port: int, sent: bytes) -> socket.socket:
    """Open a connection and send something."""
    made = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    made.sendall(sent)
    return made


def status(port: int) -> int:
    """Return the status of the answer on a new connection."""
    url = f"http://127.0.0.1:{port}/healthz"
    return httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False).status_code


def test_a_head_as_large_as_those_of_logins_is_accepted_and_an_endless_one_is_not(
    port: int,
) -> None:
    for rest, answered in (
        (b"c" * (LARGEST_HEAD // 2) + b"\r\n\r\n", b"200"),
        (b"c" * 2 * LARGEST_HEAD, b"400"),
    ):
        with connected(port, HEAD + b"Cookie: " + rest) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 " + answered)


def test_one_connection_too_many_is_refused_until_another_ends(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_OPEN):
            stack.enter_context(connected(port, HEAD))
        assert status(port) == 503
    eventually(lambda: status(port) == 200, PATIENCE_SECONDS)

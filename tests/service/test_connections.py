"""The bounds of a real service: heads that are too large, and too many connections at once."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests.ports import free_port
from tests.service.conftest import a_process
from tests.waiting import eventually

#: Bytes of a head and open connections, as `docs/service.md` says.
LARGEST_HEAD, MOST_OPEN = 32_768, 512
PATIENCE_SECONDS = 120.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@dataclass(frozen=True)
class Service:
    port: int

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection and send something."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        made.sendall(sent)
        return made

    def status(self) -> int:
        """Return the status of the answer on a new connection."""
        url = f"http://127.0.0.1:{self.port}/healthz"
        return httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False).status_code

    def is_well(self) -> bool:
        """Say whether it answers a new connection."""
        return self.status() == 200


@pytest.fixture(scope="module")
def service(shared_warehouse_url: str) -> Iterator[Service]:
    port = free_port()
    with a_process(shared_warehouse_url, port):
        yield Service(port)


def test_a_head_as_large_as_those_of_logins_is_accepted_and_an_endless_one_is_not(
    service: Service,
) -> None:
    for rest, status in (
        (b"c" * (LARGEST_HEAD // 2) + b"\r\n\r\n", b"200"),
        (b"c" * 2 * LARGEST_HEAD, b"400"),
    ):
        with service.connect(HEAD + b"Cookie: " + rest) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 " + status)


def test_one_connection_too_many_is_refused_until_another_ends(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_OPEN):
            stack.enter_context(service.connect(HEAD))
        assert service.status() == 503
    eventually(service.is_well, PATIENCE_SECONDS)

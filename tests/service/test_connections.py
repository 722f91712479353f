"""Connections that are held for nothing, against a real service: heads that are too large, requests that never come whole."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import httpx
import psutil
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from service.connections import LARGEST_HEAD, MOST_OPEN, BoundedProtocol
from tests.ports import free_port
from tests.service.conftest import SECRET, a_process, answers, running

HALF_OPEN = 1_200
#: The service gives them 20 s; this machine may be busy.
PATIENCE_SECONDS = 120.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
EVENT = f"POST /webhooks/backlog/{SECRET} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode()


@dataclass(frozen=True)
class Service:
    port: int
    pid: int

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection and send something."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        made.sendall(sent)
        return made

    @property
    def megabytes(self) -> float:
        """Its resident memory."""
        return float(psutil.Process(self.pid).memory_info().rss / 2**20)

    def is_well(self) -> bool:
        """Say whether it answers a new connection."""
        return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=PATIENCE_SECONDS, trust_env=False).status_code == 200


@pytest.fixture(scope="module")
def service(shared_warehouse_url: str) -> Iterator[Service]:
    port = free_port()
    with a_process(shared_warehouse_url, port) as process:
        answers(f"http://127.0.0.1:{port}")
        yield Service(port, process.pid)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process have as many open files as the test wants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * HALF_OPEN), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def is_answered(connection: socket.socket) -> bool:
    """Ask over an open connection, and say whether the answer comes."""
    connection.sendall(HEAD + b"\r\n")
    answer = b""
    while not answer.endswith(b'{"status":"ok"}') and (piece := connection.recv(4_096)):
        answer += piece
    return answer.startswith(b"HTTP/1.1 200 OK")


def is_open(connection: socket.socket) -> bool:
    """Say whether the service has not closed a connection; what it wrote is read."""
    connection.setblocking(False)
    with suppress(BlockingIOError):
        try:
            while connection.recv(65_536):
                pass
        except ConnectionError:
            pass
        return False
    return True


class Hasty(BoundedProtocol):
    request_seconds = 0.2


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for said in websocket.iter_text():
        await websocket.send_text(said)


def test_a_websocket_is_no_request_that_does_not_come() -> None:
    with running(Starlette(routes=[WebSocketRoute("/", echo)]), http=Hasty, ws="auto") as url:
        with connect(url.replace("http", "ws"), open_timeout=PATIENCE_SECONDS, proxy=None) as talk:
            time.sleep(10 * Hasty.request_seconds)
            talk.send("still there?")
            assert talk.recv(timeout=PATIENCE_SECONDS) == "still there?"
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=PATIENCE_SECONDS) as silent:
            assert silent.recv(100) == b"", "this protocol ends what does not come"


def test_a_head_of_60_megabytes_is_refused_before_it_is_read(service: Service) -> None:
    before, sent = service.megabytes, 0
    with service.connect(HEAD) as connection, suppress(ConnectionError):
        for _ in range(60):
            connection.sendall(b"X-Filler: " + b"a" * 2**20 + b"\r\n")
            sent += 1
    # What the system holds between the two is some megabytes.
    assert sent < 30
    assert service.megabytes - before < 15
    assert service.is_well()


def test_a_head_as_large_as_those_of_logins_is_accepted_and_an_endless_one_is_not(service: Service) -> None:
    for rest, status in ((b"c" * (LARGEST_HEAD // 2) + b"\r\n\r\n", b"200"), (b"c" * 2 * LARGEST_HEAD, b"400")):
        with service.connect(HEAD + b"Cookie: " + rest) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 " + status)


@pytest.mark.full
def test_half_sent_requests_keep_nobody_out_and_are_ended(service: Service, many_files: None) -> None:
    before = service.megabytes
    with ExitStack() as stack:
        half = [stack.enter_context(service.connect(HEAD)) for _ in range(HALF_OPEN)]
        assert service.is_well(), "the one that has waited longest gives way"
        kept = stack.enter_context(service.connect())
        assert is_answered(kept)
        silent = stack.enter_context(service.connect())
        body = stack.enter_context(service.connect(EVENT + b"{"))
        # A whole request, and after it one without its body: nothing but its head is there when the first is answered.
        second = stack.enter_context(service.connect(HEAD + b"\r\n" + EVENT))
        dripping = [
            stack.enter_context(service.connect(begun))
            for begun in (HEAD + b"X: ", EVENT, b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        ]
        assert sum(map(is_open, half)) <= MOST_OPEN
        assert service.megabytes - before < 20

        end = time.monotonic() + PATIENCE_SECONDS
        open_yet = [*half, silent, second, *dripping]
        while open_yet:
            assert time.monotonic() < end, f"{len(open_yet)} connections are open yet"
            time.sleep(0.5)
            for drip in dripping:
                with suppress(OSError):
                    drip.send(b"x")
            open_yet = [one for one in open_yet if is_open(one)]
        assert body.recv(4_096).startswith(b"HTTP/1.1 408 ")
        assert body.recv(4_096) == b""
        # A connection that has been of use is kept for the next request.
        assert is_answered(kept)
    assert service.is_well()

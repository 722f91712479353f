"""A server that answers byte by byte, and never so slowly that a timeout for the next byte would
notice.
"""

import socket
import threading
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

#: Seconds between two bytes.
PAUSE = 0.05
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Tue, 10 Mar 2026 12:00:00 "
    b"GMT\r\nContent-Length: 2\r\n"
)


class DrippingServer:
    """Sends `at_once` to each who connects, then a byte of `slowly` at a time, over and over, until
    the test ends.
    """

    def __init__(self, at_once: bytes, slowly: bytes) -> None:
        self.connections = 0
        self._at_once, self._slowly = at_once, slowly
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(self._at_once)
            for place in count():
                if self._ended.wait(PAUSE):
                    return
                if self._slowly:
                    connection.sendall(self._slowly[place % len(self._slowly) :][:1])

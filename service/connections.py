"""Limits for connections: the time for a request to arrive, the size of its head, and the number of open connections.

uvicorn's own protocol waits for a request without a limit. This one depends on its internals:
`tests/service/test_connections.py` fails where another version differs.
"""

import asyncio
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: From the first byte of a request, or from the connection, to the last byte.
REQUEST_SECONDS = 20.0
#: Of the lines before a body: four times what browsers send with the cookies of a login.
LARGEST_HEAD = 32_768
#: Half of the files that a process may have open on most machines.
MOST_OPEN = 512
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedProtocol(H11Protocol):
    """Ends a connection whose request does not come; if too many are open, the one that has waited longest."""

    request_seconds: ClassVar[float] = REQUEST_SECONDS

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._deadline: asyncio.TimerHandle | None = None
        #: When it began to wait for what it waits for, a request or the rest of one.
        self.since = 0.0

    @property
    def is_at_work(self) -> bool:
        """Whether a request has arrived that is not answered yet."""
        return self._deadline is None and self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the one above it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_OPEN:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take in what has come, and see whether the request is whole."""
        super().handle_events()
        state = self.conn.their_state
        if self not in self.connections or self.transport.is_closing():
            # It is closed, or a websocket by now.
            self._wait_no_more()
        elif state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            if self._deadline is None:
                self._wait()
        else:
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn limits that time (`timeout_keep_alive`)."""
        self.since = self.loop.time()
        super().on_response_complete()

    def _wait(self) -> None:
        self.since = self.loop.time()
        self._deadline = self.loop.call_later(self.request_seconds, self._end)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        began = self.conn.trailing_data[0] or self.conn.their_state is h11.SEND_BODY
        if began and not (self.cycle and self.cycle.response_started):
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _make_room(self) -> None:
        idle = [one for one in self.connections if isinstance(one, BoundedProtocol) and not one.is_at_work]
        longest = min(idle, key=lambda one: one.since)  # this one, if all others are at work
        self.connections.discard(longest)
        longest.transport.abort()

"""The simulator as a server: in a thread for tests, or in the foreground."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator import control, issue_page, routes_oauth
from simulator.app import Site
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.life import Life
from simulator.limits import PLANS, Limits
from simulator.requests import RequestInfo, RequestLog
from simulator.seed import build_world
from simulator.spec import SimulatorError, SpaceSpec, Switches, UsageError
from simulator.webhooks import Deliveries
from simulator.world import World

HOST = "127.0.0.1"
START_SECONDS = 10


class _Protocol(H11Protocol):
    """Passes the connection to the application, so that a fault can end it."""

    # The parent class also accepts only this type of transport.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Ends at once on request. uvicorn would check ten times a second, and wait as long for open
    connections.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()

    def end(self) -> None:
        """Ask the server to end; safe to call from another thread."""
        self.should_exit = self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    async def main_loop(self) -> None:
        """Wait for the end."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._changed.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and close all connections; requests under way are cancelled with
        the loop.
        """
        for server in self.servers:
            server.close()
        for taken in sockets or []:
            taken.close()
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await asyncio.sleep(0)


class Simulator:
    """A Backlog space over HTTP on this machine, served from a thread between `start` and `stop`
    (or in a `with`).

    `space` is the space with its actions, `clock` its time, `requests` the log of requests,
    `faults` the faults, and `site` everything else. Without `limits` there are no rate limits.
    `life` plays events as the clock runs. With `certificate` (the PEM files of a certificate and
    its key) it serves HTTPS.
    """

    def __init__(
        self,
        spec: SpaceSpec | None = None,
        *,
        switches: Switches | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        life: Life | None = None,
        port: int = 0,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.space: World = build_world(spec or SpaceSpec(), switches or Switches(), self.clock)
        self.site = Site(self.space, limits or PLANS["none"])
        self._deliveries = Deliveries(self.space)
        if life is not None:
            life.begin(self.space)
            self.site.before.append(lambda _: life.catch_up())
        self._port = port
        self._certificate = certificate
        self._server: _Server | None = None
        self._foreground: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """The root of the space, a value for `BACKLOG_URL`."""
        return f"{'https' if self._certificate else 'http'}://{HOST}:{self._port}"

    @property
    def api_key(self) -> str:
        """The key of the owner, who is an administrator."""
        return self.key_for(self.space.administrator.id)

    def key_for(self, user: int) -> str:
        """Return the API key of a user."""
        return self.site.keyring.api_key(user)

    @property
    def faults(self) -> Faults:
        """The active faults."""
        return self.site.faults

    @property
    def requests(self) -> RequestLog:
        """The log of requests."""
        return self.site.log

    @property
    def limits(self) -> Limits:
        """The rate limits in force; may be set at any time."""
        return self.site.limiter.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        """The rate limits; may be set at any time."""
        self.site.limiter.limits = limits

    def switch(self, **changes: Any) -> None:
        """Change switches from now on."""
        self.site.switch(**changes)

    def before_request(self, callback: Callable[[RequestInfo], None]) -> None:
        """Call `callback` before each request is answered. It may change the space, but not send
        requests to it.
        """
        self.site.before.append(callback)

    def rewrite_response(self, callback: Callable[[RequestInfo, Any], Any]) -> None:
        """Replace the body (parsed JSON) of each successful answer by the result of `callback`."""
        self.site.rewrite.append(callback)

    def start(self) -> Self:
        """Start to listen; return when connections are accepted.

        Raises:
            SimulatorError: the port is taken.
        """
        self._socket = listen(self._port)
        self._port = self._socket.getsockname()[1]
        self._server = _Server(self._config())
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), daemon=True
        )
        self._thread.start()
        waited = threading.Event()
        for _ in range(START_SECONDS * 100):
            if self._server.started:
                return self
            waited.wait(0.01)
        raise SimulatorError(f"the simulator did not start within {START_SECONDS} seconds")

    def stop(self) -> None:
        """Stop listening and end open connections."""
        if self._server is not None and self._thread is not None and self._socket is not None:
            self._server.end()
            self._thread.join()
            self._socket.close()
            self._server = None
        self._deliveries.stop()

    def serve(self, ready: Callable[[], None]) -> None:
        """Listen in the foreground until SIGINT or SIGTERM; call `ready` once the port is taken.

        Raises:
            SimulatorError: the port is taken.
        """
        with listen(self._port) as taken:
            self._port = taken.getsockname()[1]
            self._foreground = uvicorn.Server(self._config())
            ready()
            self._foreground.run([taken])
        self._deliveries.stop()

    def end_serving(self) -> None:
        """Make `serve` return; safe to call from a signal handler."""
        if self._foreground is not None:
            self._foreground.should_exit = True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _config(self) -> uvicorn.Config:
        extra = [
            *routes_oauth.routes(self.site),
            *control.routes(self.site),
            *issue_page.routes(self.site),
        ]
        certificate, key = self._certificate or (None, None)
        return uvicorn.Config(
            self.site.application(extra),
            ssl_certfile=certificate,
            ssl_keyfile=key,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )


def listen(port: int) -> socket.socket:
    """Return a listening socket on the loopback address; port 0 means any free one.

    Raises:
        SimulatorError: the port is taken or may not be used.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
        taken.listen(128)
    except (OSError, OverflowError) as error:
        taken.close()
        message = f"cannot listen on {HOST}:{port} ({error}); choose another port with --port"
        raise (SimulatorError if isinstance(error, OSError) else UsageError)(message) from None
    return taken

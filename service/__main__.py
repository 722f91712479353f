"""`python -m service`: the service in the foreground, as `backlog-elt up` and `backlog-elt serve`
start it.
"""

import argparse
import os
import socket
import sys
from contextlib import suppress

import uvicorn

from resources.logs import set_up
from resources.settings import Settings
from resources.variables import SettingsError
from service.app import create_app
from service.security import check_exposure

HOST, PORT = "127.0.0.1", 3001
#: When the service ends, accepted requests are answered within this time.
GRACE_SECONDS = 8
#: Longer than proxies and clients keep a connection, so that none is closed just as a request
#: comes.
KEPT_SECONDS = 75
#: Bytes of the lines before a body: four times what browsers send with the cookies of a login.
LARGEST_HEAD = 32_768
#: Connections beyond this number are answered with 503: half of the files that a process may have
#: open on most machines.
MOST_OPEN = 512


class ServiceError(RuntimeError):
    """The service cannot start; the message says why and what to do."""


def serve(settings: Settings, host: str, port: int, *, level: str | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; requests that were accepted are answered first.

    Args:
        settings: of the deployment.
        host: address to listen on.
        port: port to listen on.
        level: of the log, unless BACKLOG_LOG_LEVEL is set; WARNING by default.

    Raises:
        SettingsError: others could reach it without access control, or a setting of the log is
            wrong.
        ServiceError: the port is taken.
    """
    check_exposure(settings, host)
    set_up(os.environ, level=level, whole=True)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        log_level="warning",
        # Paths may hold the secret of the webhook: requests are logged by their route
        # (`metrics.Measured`).
        access_log=False,
        # Addresses are those of the connection: anybody can send a header.
        proxy_headers=False,
        server_header=False,
        ws="none",
        # httptools would take a head of any size.
        http="h11",
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=MOST_OPEN,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEPT_SECONDS,
    )
    with _listen(host, port) as listening, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ServiceError(
            f"the service cannot listen on port {port} of {host} ({error}): stop what listens "
            "there, or choose another port"
        ) from None


def main() -> None:
    """Read the command line and the environment, and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m service", description="Serve the sync API, its page and the webhook inbox."
    )
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    try:
        serve(Settings.of_this_process(), options.host, options.port)
    except (SettingsError, ServiceError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2 if isinstance(error, SettingsError) else 1)


if __name__ == "__main__":
    main()

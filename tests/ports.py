"""Ports for what a test starts later."""

import random
import socket
from contextlib import suppress
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Where ports are looked for in any case, also where the whole range is ephemeral.
_LOWEST, _HIGHEST = 10_000, 20_000


def free_port() -> int:
    """Return a port of the loopback address on which nobody listens, and which no outgoing
    connection is given meanwhile.

    The system gives outgoing connections, and who binds to port 0, ports of its ephemeral range:
    with two workers a port from there is soon taken by somebody else.
    """
    ephemeral = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else _HIGHEST
    while True:
        port = random.SystemRandom().randrange(_LOWEST, max(ephemeral, _HIGHEST))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

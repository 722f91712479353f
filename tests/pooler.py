"""A real PgBouncer in front of a server of the tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from resources.warehouse.server.connect import parse_url
from tests.ports import free_port

#: Debian keeps it out of the way of ordinary users.
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
_CONFIGURATION = """
[databases]
* = host={host} port={server_port} user={user} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
logfile = {folder}/log
server_round_robin = {round_robin:d}
min_pool_size = {kept}
"""


@contextmanager
def pooler(
    url: str,
    mode: Literal["session", "transaction"],
    *,
    round_robin: bool = False,
    kept: int = 0,
) -> Iterator[str]:
    """Give the URL of a database through a pooler.

    Args:
        url: the same by the direct address.
        mode: for how long a client keeps a session.
        round_robin: hand out the session that has rested longest, not the one used last.
        kept: how many sessions are open before they are needed.
    """
    server, port = parse_url(url), free_port()
    folder = Path(tempfile.mkdtemp(prefix="backlog-elt-pooler-"))
    host = server.host or str(server.query["host"])
    try:
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(
                host=host,
                server_port=server.port or server.query.get("port", 5432),
                user=server.username,
                password=f"password={server.password}" if server.password else "",
                port=port,
                mode=mode,
                folder=folder,
                round_robin=round_robin,
                kept=kept,
            )
        )
        # It does not run as root. The socket of a server is for the owner of that server only.
        owner = Path(host).stat().st_uid if host.startswith("/") else pwd.getpwnam("nobody").pw_uid
        given = None if os.geteuid() else owner
        if given:
            for path in (folder, configuration):
                os.chown(path, given, -1)
        command = [PROGRAM or "pgbouncer", "-q", str(configuration)]
        process = subprocess.Popen(command, user=given)
        try:
            _wait_for(port, process)
            yield f"postgresql://{server.username}@127.0.0.1:{port}/{server.database}"
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, "PgBouncer has ended"
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return

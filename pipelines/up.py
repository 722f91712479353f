"""Everything at once: the simulated space where none is named, Dagster's processes, the sync service, and the first load.

The processes are children of `backlog-elt up` and end with it; the embedded PostgreSQL stays, so that BI tools can go on reading.

Add here: another process that belongs to a running deployment. Keep out: what the processes do.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from pipelines.environment import open_instance, prepare_storage, source
from pipelines.processes import end_processes
from pipelines.runs import end_runs, runs_beside_code_server
from pipelines.runtime import Runtime
from resources.alerts.addresses import Addresses
from resources.settings import ONE_LOCATION, Settings

HOST = "127.0.0.1"
READY_SECONDS = 120.0
#: Asked to end, Ctrl-C, and the window or connection in which it ran is closed.
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Dagster's own processes speak up when something is wrong.
QUIET = ("--log-level", "warning")

FIRST_LOAD, FIRST_MARTS = "first load", "first marts"
#: What is said where one of the children that have an end fails.
FAILED = {
    FIRST_LOAD: "the first load failed (said above); the schedules will try again",
    FIRST_MARTS: "the build of the marts was not started (said above); the sensor marts_after_loads will do it",
}

Children = dict[str, "subprocess.Popen[bytes]"]


class UpError(RuntimeError):
    """The deployment cannot start or has lost a process; the message says which and what to do."""


class _Stop(Exception):  # noqa: N818 - not an error: the user asked for the end
    pass


def up(settings: Settings, *, port: int, service_port: int, first_load: bool = True, read_only: bool = False) -> None:
    """Run until interrupted.

    Args:
        settings: validated settings of the deployment.
        port: where the Dagster UI is served, on the loopback address.
        service_port: where the sync service is.
        first_load: whether a load starts at once; the schedules take over from there.
        read_only: whether the UI only shows, and takes no run and no change of a schedule.

    Raises:
        SettingsError: the address of a channel for alerts cannot be used.
        UpError: a port is taken, another `up` of this home runs, the settings are those of one of many spaces, or a process ended
            by itself.
        WarehouseError: the embedded server cannot be started.
    """
    Addresses.from_env(os.environ)  # a wrong one is said here, not by a tick that nobody sees
    running = Runtime.read(settings.home)
    if running:
        raise UpError(f"backlog-elt up already runs for {settings.home} (process {running.pid}): its UI is {running.dagster_url}")
    if settings.dagster_location != ONE_LOCATION or settings.marts_of:
        given = "BACKLOG_MARTS_OF" if settings.marts_of else "BACKLOG_DAGSTER_LOCATION"
        raise UpError(f"{given} is set, as where several spaces share one Dagster: `up` is for one space alone; unset it")
    Runtime.end_orphans(settings.home)
    for wanted, option in ((port, "--port"), (service_port, "--service-port")):
        if not _is_free(wanted):
            raise UpError(f"port {wanted} on {HOST} is in use: stop what listens there, or choose another with {option}")
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOPPING}
    for number in STOPPING:
        if number != signal.SIGHUP or before[number] != signal.SIG_IGN:  # with nohup the window may be closed
            signal.signal(number, _raise_stop)
    children: Children = {}
    try:
        _say("starting PostgreSQL" if not settings.warehouse_url else "using the given PostgreSQL")
        prepare_storage(settings)
        with open_instance() as instance:  # what is wrong is said here in one line, instead of by each process in a hundred
            lost = runs_beside_code_server(instance, settings.dagster_location)
        with source(settings, alive=True) as connected:
            url, service_url = f"http://{HOST}:{port}", f"http://{HOST}:{service_port}"
            # For the service, which starts runs there, and for alerts, which lead there.
            os.environ["BACKLOG_DAGSTER_URL"] = settings.dagster_url or url
            # One code server for both: each would start its own otherwise, and the daemon a new one every minute.
            code_port = _free_port()
            workspace = _write_workspace(settings, code_port)
            server = ["dagster", "api", "grpc", "-m", "pipelines.definitions", "-h", HOST, "-p", str(code_port), *QUIET]
            children["code server"] = _spawn(server)
            _wait_until(lambda: not _is_free(code_port), "the code server did not start", children)
            if lost:
                _end_lost(lost)
            only = ["--read-only"] if read_only else []
            children["webserver"] = _spawn(["dagster_webserver", "-h", HOST, "-p", str(port), "-w", workspace, *only, *QUIET])
            children["daemon"] = _spawn(["dagster._daemon", "run", "-w", workspace, *QUIET])
            children["sync service"] = _spawn(["service", "--host", HOST, "--port", str(service_port)])
            _note(settings, connected, url, service_url, children)
            _wait_until(lambda: _answers(f"{service_url}/healthz"), f"the sync service did not answer on {service_url}", children)
            _wait_until(lambda: _answers(f"{url}/server_info"), f"the Dagster UI did not answer on {url}", children)
            _say(f"Dagster UI on {url}, sync page on {service_url}  (Ctrl-C stops)")
            if first_load:
                children[FIRST_LOAD] = _spawn(["pipelines", "load", "--no-progress"])
                _note(settings, connected, url, service_url, children)
            while FIRST_LOAD not in _check(children):
                time.sleep(0.5)
            # Charts follow the first rows at once; the sensor, which looks every two minutes, takes over from there.
            children[FIRST_MARTS] = _spawn(["dagster", "job", "launch", "-w", workspace, "-j", "marts"])
            while True:
                _check(children)
                time.sleep(0.5)
    except _Stop:
        _say("stopping")
    finally:
        _stop_listening()
        end_processes([child.pid for child in children.values()])
        Runtime.remove(settings.home)
        for number, handler in before.items():
            signal.signal(number, handler)


def _note(settings: Settings, connected: Settings, url: str, service_url: str, children: Children) -> None:
    """Write down what runs where, for other commands, and for the next `up` should this one be killed."""
    pids = [child.pid for child in children.values()]
    Runtime.of_this_process(url, service_url, connected, pids, simulated=settings.simulated).write(settings.home)


def _end_lost(run_ids: Sequence[str]) -> None:
    """End the runs that went down with all of an `up`, now that Dagster can start them once more; nobody else would for hours."""
    with open_instance() as instance:
        for run_id in end_runs(instance, run_ids, "it went down with the backlog-elt up in which it worked"):
            _say(f"run {run_id} went down with the last backlog-elt up: marked as ended")


def _raise_stop(_number: int, _frame: FrameType | None) -> None:
    _stop_listening()
    raise _Stop


def _stop_listening() -> None:
    """Let who asks again, or closes the window, not leave processes behind that nobody knows of."""
    for number in STOPPING:
        signal.signal(number, lambda _number, _frame: None)


def _say(line: str) -> None:
    sys.stderr.write(f"backlog-elt: {line}\n")
    sys.stderr.flush()


def _write_workspace(settings: Settings, code_port: int) -> str:
    """Write the workspace of this deployment, which names the one code server, and return its path."""
    path = settings.home / "dagster" / "workspace.yaml"
    path.write_text(f"load_from:\n  - grpc_server: {{host: {HOST}, port: {code_port}, location_name: {ONE_LOCATION}}}\n")
    return str(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _spawn(module: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start `python -m …` in a session of its own, so that it and its children can be ended together."""
    return subprocess.Popen([sys.executable, "-m", *module], start_new_session=True, env={"GRPC_VERBOSITY": "ERROR", **os.environ})  # noqa: S603 - our own modules


def _wait_until(ready: Callable[[], bool], otherwise: str, children: Children) -> None:
    end = time.monotonic() + READY_SECONDS
    while not ready():
        _check(children)
        if time.monotonic() > end:
            raise UpError(f"{otherwise} within {READY_SECONDS:.0f} s: see the lines above")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http URL
        return bool(answer.status == 200)
    return False


def _check(children: Children) -> list[str]:
    """Return which children have done their work; forget them, and those that failed at it.

    Raises:
        UpError: one that stays for good has ended.
    """
    done = []
    for name, child in list(children.items()):
        code = child.poll()
        if code is None:
            continue
        if name not in FAILED:
            raise UpError(f"the {name} ended by itself with exit code {code}: see the lines above")
        del children[name]
        if code:
            _say(FAILED[name])
        else:
            done.append(name)
    return done

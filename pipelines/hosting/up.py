"""`backlog-elt up`: a simulated space where none is named, PostgreSQL, Dagster, the sync service.

The processes are its children and end with it. The embedded PostgreSQL goes on for BI tools. Then a
first load starts, after it the marts and a report of each build (`first_steps.py`).
"""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Never, TextIO

from pipelines.hosting.children import SPACE, Children, UpError
from pipelines.hosting.environment import (
    check_kind,
    check_storage,
    needs_server,
    prepare_storage,
    with_space,
)
from pipelines.hosting.first_steps import FirstSteps, workspace_of, written
from pipelines.hosting.following import Follower
from pipelines.hosting.log_file import open_log
from pipelines.hosting.ports import HOST, free_port, is_free
from pipelines.hosting.runtime import Runtime, take
from pipelines.hosting.screen import Screen
from pipelines.stop_signals import StopSignals
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.logs import write_to
from resources.secret import reveal
from resources.settings import ONE_LOCATION, Settings
from resources.variables import DAGSTER_LOCATION, DAGSTER_URL, MARTS_OF
from resources.warehouse.server.embedded import ensure_server, is_running, log_of
from resources.warehouse.server.psql import psql_line
from resources.warehouse.warehouse_errors import WarehouseError

#: Dagster's own processes speak up when something is wrong.
QUIET = ("--log-level", "warning")
SERVER, SERVER_START = "embedded PostgreSQL", "start of PostgreSQL"


@dataclass(frozen=True)
class Options:
    """How `up` was called."""

    port: int
    service_port: int
    first_load: bool
    read_only: bool


def up(settings: Settings, options: Options) -> None:
    """Run until interrupted.

    Raises:
        SettingsError: the address of a channel for alerts, or the home, cannot be used.
        UpError: a port is taken, another `up` of this home runs, the settings are those of one of
            many spaces, or a process has died too often.
        WarehouseError: the embedded server cannot be started.
    """
    channels(Addresses.from_env(os.environ))  # a wrong one is reported here, not by a tick
    if settings.dagster_location != ONE_LOCATION or settings.marts_of:
        given = MARTS_OF if settings.marts_of else DAGSTER_LOCATION
        where = "as where several spaces share one Dagster: `up` is for one space alone; unset it"
        raise UpError(f"{given} is set, {where}")
    if not settings.home.exists():
        _check_ports(options)  # what is refused leaves no home behind
    lock = take(settings.home)
    if lock is None:
        raise UpError(_already(settings.home))
    stop = StopSignals()
    stop.catch()
    with lock:
        try:
            _check_ports(options)
            _run(settings, options, lock, stop)
        except Exception:
            if stop.first is None:  # what fails once a signal has come fails because of it
                raise


def _already(home: Path) -> str:
    other = Runtime.last(home)
    who = f"for {home} ({other.who if other else 'process unknown'})"
    if other and other.dagster_url:
        return f"backlog-elt up already runs {who}: its UI is {other.dagster_url}"
    return f"backlog-elt up is starting or stopping {who}: wait for it, or stop it first"


def _check_ports(options: Options) -> None:
    for port, option in ((options.port, "--port"), (options.service_port, "--service-port")):
        if not is_free(port):
            to_do = f"stop what listens there, or choose another with {option}"
            raise UpError(f"port {port} on {HOST} is in use: {to_do}")


def _run(settings: Settings, options: Options, lock: TextIO, stop: StopSignals) -> Never:
    screen = Screen(sys.stderr)
    server = "" if settings.warehouse_url else "PostgreSQL, "
    screen.say(f"starting {server}Dagster and the sync service")
    prepare_storage(settings)
    check_kind(settings)
    check_storage()  # what is wrong is one line here, many in each process
    stop.sleep(0)  # nothing more is started once somebody has asked for the end
    log = open_log(settings.home)
    write_to(log)
    dagster_url = f"http://{HOST}:{options.port}"
    # For the service, which starts runs there, and for alerts, which lead there.
    os.environ[DAGSTER_URL] = settings.dagster_url or dagster_url
    with (
        TemporaryFile("w+") as said,  # by the simulated space
        TemporaryFile("w+") as summary,  # of the first load
        Children(log, screen, stop, _usable) as children,
    ):
        connected = settings if settings.backlog_url else _simulated(settings, children, said)
        running = Runtime(
            dagster_url=dagster_url,
            service_url=f"http://{HOST}:{options.service_port}",
            backlog_url=connected.backlog_url or "",
            backlog_api_key=reveal(connected.backlog_api_key) if settings.simulated else None,
        )
        running.write(lock)
        with Follower(connected, screen) as follower:
            children.loads_at_work = lambda: follower.at_work
            _start_servers(children, options, settings)
            screen.show(_head(settings, running, log.name))
            steps = FirstSteps(children, follower, screen, settings.home, summary)
            if options.first_load:
                steps.load()
            while True:
                children.check()
                steps.look()
                stop.sleep(0.5)


def _usable() -> bool:
    try:
        check_storage()
    except WarehouseError:
        return False
    return True


def _simulated(settings: Settings, children: Children, said: IO[str]) -> Settings:
    """Start a simulated space in which people work, and return settings with what it has `said`."""
    port = free_port()
    life = ("--alive", "--life-file", str(settings.home / "simulator.json"))
    children.keep(SPACE, "simulator", "--port", str(port), *life, output=said, port=port)
    children.wait_until(lambda: written(said).endswith("\n"), f"the {SPACE} did not start")
    known = json.loads(written(said))
    return with_space(settings, known["url"], known["api_key"])


def _start_servers(children: Children, options: Options, settings: Settings) -> None:
    """Start the processes that stay, and return when they listen."""
    if needs_server(settings):
        _keep_server(children, settings.home)
    # One code server for both: each would start its own otherwise, the daemon one every minute.
    port, workspace = free_port(), workspace_of(settings.home)
    server = f"{{host: {HOST}, port: {port}, location_name: {ONE_LOCATION}}}"
    workspace.write_text(f"load_from:\n  - grpc_server: {server}\n")
    of_code = ("-h", HOST, "-p", str(port), *QUIET)
    children.keep("code server", "pipelines.hosting.code_server", *of_code, port=port)
    _wait_for(children, "code server", port)
    known = ("-w", str(workspace), *QUIET)
    of_ui = ("-h", HOST, "-p", str(options.port), *known)
    only = ("--read-only",) if options.read_only else ()
    webserver = ("pipelines.hosting.webserver", *of_ui, *only)
    children.keep("webserver", *webserver, port=options.port)
    children.keep("daemon", "pipelines.hosting.daemon", "run", *known)
    of_service = ("--host", HOST, "--port", str(options.service_port))
    # Loads do not need it.
    children.keep("sync service", "service", *of_service, port=options.service_port, vital=False)
    _wait_for(children, "sync service", options.service_port)
    _wait_for(children, "webserver", options.port)
    children.ready = True


def _wait_for(children: Children, name: str, port: int) -> None:
    children.wait_until(lambda: not is_free(port), f"the {name} does not listen on port {port}")


def _keep_server(children: Children, home: Path) -> None:
    """Keep the embedded server, started by a process of its own, since it may have to recover."""
    module = "resources.warehouse.server.embedded"

    def start() -> None:
        children.run(SERVER_START, module, str(home), then=lambda _: None)

    def ended() -> str | None:
        return None if children.runs(SERVER_START) or is_running(home) else "its process is gone"

    children.keep_other(SERVER, start, ended, log_of(home))


def _head(settings: Settings, running: Runtime, log: str) -> str:
    """Return what runs, and where to look next."""
    command = shutil.which("backlog-elt") or sys.argv[0]
    space, page = running.backlog_url, running.service_url
    database = reveal(settings.warehouse_url) or ensure_server(settings.home).url()
    goes_on = "; the embedded PostgreSQL keeps running for your queries"
    rows = {
        "space": f"simulated, with people at work ({space})" if settings.simulated else space,
        "Dagster UI": running.dagster_url,
        "sync page": page,
        "SQL": psql_line(database),
        "report": f"{page}/report, or {command} report",
        "log": log,
        "stop": "Ctrl-C" + ("" if settings.warehouse_url else goes_on),
    }
    return "\n" + "".join(f"  {name:<12}{value}\n" for name, value in rows.items())

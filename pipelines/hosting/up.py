"""Starts a simulated space where none is named, Dagster, the sync service, and a first load.

The processes are children of `backlog-elt up` and end with it. The embedded PostgreSQL goes on, so
that BI tools can read.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Never

from pipelines.hosting.children import Children, UpError
from pipelines.hosting.environment import check_kind, open_instance, prepare_storage, source
from pipelines.hosting.following import Follower, loaded
from pipelines.hosting.log_file import LogFile
from pipelines.hosting.ports import HOST, answers, free_port, is_free
from pipelines.hosting.runtime import Runtime, holder, take
from pipelines.hosting.screen import Screen
from pipelines.hosting.stop_signals import Stop, StopSignals
from pipelines.runs import end_runs, runs_of_code_server
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.logs import write_to
from resources.secret import reveal
from resources.settings import ONE_LOCATION, Settings
from resources.warehouse.embedded import ensure_server
from resources.warehouse.psql import psql_line

#: Dagster's own processes speak up when something is wrong.
QUIET = ("--log-level", "warning")
#: The children that have an end.
FIRST_LOAD, FIRST_MARTS, REPORT = "first load", "first build of the marts", "report"
LAUNCH = ("dagster", "job", "launch", "-j", "marts")


@dataclass(frozen=True)
class Options:
    """How `up` was called; `first_load`: whether a load starts at once, before the schedules."""

    port: int
    service_port: int
    first_load: bool = True
    read_only: bool = False

    @property
    def url(self) -> str:
        """Where the Dagster UI is."""
        return f"http://{HOST}:{self.port}"

    @property
    def service_url(self) -> str:
        """Where the sync service is."""
        return f"http://{HOST}:{self.service_port}"


def up(settings: Settings, options: Options) -> None:
    """Run until interrupted.

    Raises:
        SettingsError: the address of a channel for alerts, or the home, cannot be used.
        UpError: a port is taken, another `up` of this home runs, the settings are those of one of
            many spaces, or a process ended by itself.
        WarehouseError: the embedded server cannot be started.
    """
    channels(Addresses.from_env(os.environ))  # a wrong one is reported here, not by a tick
    if settings.dagster_location != ONE_LOCATION or settings.marts_of:
        given = "BACKLOG_MARTS_OF" if settings.marts_of else "BACKLOG_DAGSTER_LOCATION"
        where = "as where several spaces share one Dagster: `up` is for one space alone; unset it"
        raise UpError(f"{given} is set, {where}")
    if not settings.home.exists():
        _check_ports(options)  # what is refused leaves no home behind
    lock = take(settings.home)
    if lock is None:
        raise UpError(_already(settings.home))
    Runtime.remove(settings.home)  # of one that was killed
    stop = StopSignals()
    stop.catch()
    try:
        _check_ports(options)
        _run(settings, options, stop, Screen(sys.stderr))
    except Exception as error:
        # What fails once a signal has come fails because of it.
        if not isinstance(error, Stop) and stop.first is None:
            raise
    finally:
        Runtime.remove(settings.home)
        os.close(lock)


def _already(home: Path) -> str:
    who, running = f"for {home} ({holder(home)})", Runtime.read(home)
    if running:
        return f"backlog-elt up already runs {who}: its UI is {running.dagster_url}"
    return f"backlog-elt up is starting or stopping {who}: wait for it, or stop it first"


def _check_ports(options: Options) -> None:
    for port, option in ((options.port, "--port"), (options.service_port, "--service-port")):
        if not is_free(port):
            to_do = f"stop what listens there, or choose another with {option}"
            raise UpError(f"port {port} on {HOST} is in use: {to_do}")


def _run(settings: Settings, options: Options, stop: StopSignals, screen: Screen) -> Never:
    server = "" if settings.warehouse_url else "PostgreSQL, "
    screen.say(f"starting {server}Dagster and the sync service")
    prepare_storage(settings)
    check_kind(settings)
    stop.sleep(0)  # nothing more is started once somebody has asked for the end
    log = LogFile.of(settings.home)
    write_to(log.file)
    with open_instance() as instance:  # what is wrong is one line here, many in each process
        lost = runs_of_code_server(instance, settings.dagster_location)
        for run_id in end_runs(instance, lost, "it ended with the backlog-elt up that ran it"):
            screen.say(f"run {run_id} ended with the last backlog-elt up: marked as ended")
    url, service_url = options.url, options.service_url
    # For the service, which starts runs there, and for alerts, which lead there.
    os.environ["BACKLOG_DAGSTER_URL"] = settings.dagster_url or url
    with source(settings, alive=True) as connected:
        runtime = Runtime.of_this_process(url, service_url, connected, simulated=settings.simulated)
        runtime.write(settings.home)
        children, follower = Children(log, stop), Follower(connected, screen)
        try:
            follower.start()
            start_servers(children, options, settings.home / "dagster" / "workspace.yaml")
            screen.show(_head(settings, connected, options, log.path))
            if options.first_load:
                follower.loading_since = time.monotonic()
            watch(children, follower, screen, stop, settings.home)
        finally:
            follower.end()
            if stop.first is not None:
                screen.say("stopping")
            children.end()  # while the space and the databases that they read still answer


def start_servers(children: Children, options: Options, workspace: Path) -> None:
    """Start the processes that stay, and return when they answer."""
    # One code server for both: each would start its own otherwise, the daemon one every minute.
    port, here = free_port(), ("-h", HOST)
    server = f"{{host: {HOST}, port: {port}, location_name: {ONE_LOCATION}}}"
    workspace.write_text(f"load_from:\n  - grpc_server: {server}\n")
    of_code = ("-m", "pipelines.definitions", "-p", str(port))
    children.start("code server", "dagster", "api", "grpc", *of_code, *here, *QUIET)
    children.wait_until(lambda: not is_free(port), "the code server did not start")
    known, only = ("-w", str(workspace), *QUIET), ["--read-only"] if options.read_only else []
    of_ui = (*here, "-p", str(options.port), *known, *only)
    children.start("webserver", "pipelines.hosting.webserver", *of_ui)
    children.start("daemon", "pipelines.hosting.daemon", "run", *known)
    of_service = ("--host", HOST, "--port", str(options.service_port))
    children.start("sync service", "service", *of_service)
    for page in (f"{options.service_url}/healthz", f"{options.url}/server_info"):
        children.wait_until(partial(answers, page), f"no answer on {page}")


def watch(
    children: Children,
    follower: Follower,
    screen: Screen,
    stop: StopSignals,
    home: Path,
) -> Never:
    """Let the first load, the first marts and a report of each build follow one another.

    Raises:
        Stop: somebody asked for the end.
        UpError: a process that stays for good has ended.
    """
    report, reported, said = str(home / "report.html"), None, False
    with tempfile.TemporaryFile("w+") as output:
        if follower.loading_since is not None:
            load = ("pipelines", "load", "--json", "--no-progress")
            children.start(FIRST_LOAD, *load, passing=True, output=output)
        while True:
            ended = children.check()
            if FIRST_LOAD in ended:
                follower.loading_since = None
                output.seek(0)
                summary: dict[str, Any] = {}
                with suppress(ValueError):
                    summary = json.loads(output.read())
                screen.say(loaded(ended[FIRST_LOAD], summary))
            if ended.get(FIRST_LOAD) == 0:
                # The sensor, which looks every two minutes, builds the later ones.
                known = ("-w", str(home / "dagster" / "workspace.yaml"))
                children.start(FIRST_MARTS, *LAUNCH, *known, passing=True)
            if follower.built != reported and not children.works(REPORT):
                reported = follower.built
                children.start(REPORT, "pipelines", "report", "--out", report, passing=True)
            if ended.get(REPORT) == 0 and not said:
                said = True
                screen.say(f"the marts are built: tables in schema mart, report in {report}")
            for name in (FIRST_MARTS, REPORT):
                if ended.get(name):
                    screen.say(f"the {name} has failed: see the log")
            stop.sleep(0.5)


def _head(settings: Settings, connected: Settings, options: Options, log: Path) -> str:
    """Return what runs, and where to look next."""
    command = shutil.which("backlog-elt") or sys.argv[0]
    space = connected.backlog_url
    database = reveal(settings.warehouse_url) or ensure_server(settings.home).url()
    goes_on = "; the embedded PostgreSQL keeps running for your queries"
    rows = {
        "space": f"simulated, with people at work ({space})" if settings.simulated else space,
        "Dagster UI": options.url,
        "sync page": options.service_url,
        "SQL": psql_line(database),
        "report": f"{options.service_url}/report, or {command} report",
        "log": log,
        "stop": "Ctrl-C" + ("" if settings.warehouse_url else goes_on),
    }
    return "\n" + "".join(f"  {name:<12}{value}\n" for name, value in rows.items())

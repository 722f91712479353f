"""Everything at once: the simulated space where none is named, Dagster's processes, the sync
service, and the first load.

The processes are children of `backlog-elt up` and end with it; the embedded PostgreSQL stays, so
that BI tools can go on reading.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Never

from pipelines.hosting.children import Children, UpError
from pipelines.hosting.environment import check_kind, open_instance, prepare_storage, source
from pipelines.hosting.following import FIRST_LOOK_SECONDS, Follower
from pipelines.hosting.home_lock import HomeLock, holder
from pipelines.hosting.log_file import LogFile, log_of
from pipelines.hosting.ports import HOST, answers, free_port, is_free
from pipelines.hosting.runtime import Runtime
from pipelines.hosting.screen import Screen
from pipelines.hosting.stop_signals import Stop, StopSignals
from pipelines.processes import MARK, end_processes, kill_marked, marked
from pipelines.runs import end_runs, note_marts, runs_of_code_server
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
FIRST_LOAD, FIRST_MARTS, REPORT = "first load", "first marts", "report"


def up(
    settings: Settings,
    *,
    port: int,
    service_port: int,
    first_load: bool = True,
    read_only: bool = False,
) -> None:
    """Run until interrupted.

    Args:
        settings: validated settings of the deployment.
        port: where the Dagster UI is served, on the loopback address.
        service_port: where the sync service is.
        first_load: whether a load starts at once; the schedules take over from there.
        read_only: whether the UI only shows, and takes no run and no change of a schedule.

    Raises:
        SettingsError: the address of a channel for alerts cannot be used, or nothing can be written
            in the home.
        UpError: a port is taken, another `up` of this home runs, the settings are those of one of
            many spaces, or a process ended by itself.
        WarehouseError: the embedded server cannot be started.
    """
    channels(Addresses.from_env(os.environ))  # a wrong one is reported here, not by a tick
    if settings.dagster_location != ONE_LOCATION or settings.marts_of:
        given = "BACKLOG_MARTS_OF" if settings.marts_of else "BACKLOG_DAGSTER_LOCATION"
        raise UpError(
            f"{given} is set, as where several spaces share one Dagster: `up` is for "
            "one space alone; unset it"
        )
    if not settings.home.exists():
        _check_ports(port, service_port)  # what is refused leaves no home behind
    lock = HomeLock.take(settings.home)
    if lock is None:
        raise UpError(_already(settings.home))
    Runtime.remove(settings.home)  # of one that was killed
    os.environ[MARK] = (
        lock.mark
    )  # not in that of the embedded server, which goes on when all else ends
    stop, screen = (
        StopSignals(partial(_leave_at_once, settings.home, lock.mark)),
        Screen(sys.stderr),
    )
    try:
        if orphans := marked(lock.mark):
            end_processes(orphans)
            screen.say(
                f"ended {len(orphans)} processes that a killed backlog-elt up had left behind"
            )
        _check_ports(port, service_port)
        stop.check()
        screen.say(
            "starting "
            f"{'' if settings.warehouse_url else 'PostgreSQL, '}Dagster and the sync service"
        )
        prepare_storage(settings)
        check_kind(settings)
        stop.check()
        with _open_log(settings.home) as log:
            with (
                open_instance() as instance
            ):  # what is wrong is said here in one line, instead of by each process in a hundred
                lost = runs_of_code_server(instance, settings.dagster_location)
                # noted before the sensor looks: the rows of an earlier load are built with those of
                # this one
                if first_load:
                    note_marts(instance, datetime.now(UTC))
            children = Children(lock.mark, log, stop)
            with (
                source(settings, alive=True) as connected,
                _following(connected, screen, children) as follower,
            ):
                stop.check()
                url, service_url = f"http://{HOST}:{port}", f"http://{HOST}:{service_port}"
                # For the service, which starts runs there, and for alerts, which lead there.
                os.environ["BACKLOG_DAGSTER_URL"] = settings.dagster_url or url
                Runtime.of_this_process(
                    url, service_url, connected, simulated=settings.simulated
                ).write(settings.home)
                follower.start()
                workspace = _start_servers(
                    settings, children, port, service_port, lost, screen, read_only=read_only
                )
                screen.show(_head(settings, connected, url, service_url, log.path))
                _watch(
                    settings.home,
                    children,
                    follower,
                    screen,
                    log,
                    stop,
                    workspace,
                    first_load=first_load,
                )
    except Exception as error:
        # What fails once a signal has come fails because of it: a second one kills what this waits
        # for.
        if not isinstance(error, Stop) and not stop.asked:
            raise
        screen.say("stopping")  # it had not come so far that there was something to follow
    finally:
        end_processes(marked(lock.mark))
        Runtime.remove(settings.home)
        stop.restore()
        lock.release()


def _already(home: Path) -> str:
    running = Runtime.read(home)
    if running:
        return (
            f"backlog-elt up already runs for {home} ({holder(home)}): its UI "
            f"is {running.dagster_url}"
        )
    return (
        f"backlog-elt up is starting or stopping for {home} ({holder(home)}): wait "
        "for it, or stop it first"
    )


def _check_ports(port: int, service_port: int) -> None:
    for requested, option in ((port, "--port"), (service_port, "--service-port")):
        if not is_free(requested):
            raise UpError(
                f"port {requested} on {HOST} is in use: stop what listens there, or "
                f"choose another with {option}"
            )


def _leave_at_once(home: Path, mark: str, number: int) -> None:
    """End all, and this process, without waiting for anything; the screen may hang, so that nothing
    is said.
    """
    kill_marked(mark)
    Runtime.remove(home)
    os._exit(128 + number)


@contextmanager
def _open_log(home: Path) -> Iterator[LogFile]:
    """Let this process, and those that it starts, write to the log."""
    path = log_of(home)
    try:
        log = LogFile(path)
    except OSError as error:
        raise UpError(
            f"the log {path} cannot be written ({error.strerror}): see who owns it, or "
            "whether the disk is full"
        ) from None
    write_to(log.file)
    try:
        yield log
    finally:
        write_to(sys.stderr)
        log.close()


@contextmanager
def _following(connected: Settings, screen: Screen, children: Children) -> Iterator[Follower]:
    """Say what happens until somebody asks for the end; then end the children, while what they read
    from still answers.
    """
    follower = Follower(connected, screen)
    try:
        yield follower
    except Stop:
        follower.end()
        screen.progress("")
        screen.say("stopping")
    finally:
        follower.end()
        children.end()
        follower.close()


def _start_servers(
    settings: Settings,
    children: Children,
    port: int,
    service_port: int,
    lost: Sequence[str],
    screen: Screen,
    *,
    read_only: bool,
) -> str:
    """Start the processes that stay, and return the file of their workspace when they answer."""
    url, service_url = f"http://{HOST}:{port}", f"http://{HOST}:{service_port}"
    # One code server for both: each would start its own otherwise, and the daemon a new one every
    # minute.
    code_port = free_port()
    workspace = _write_workspace(settings, code_port)
    children.start(
        "code server",
        [
            "dagster",
            "api",
            "grpc",
            "-m",
            "pipelines.definitions",
            "-h",
            HOST,
            "-p",
            str(code_port),
            *QUIET,
        ],
    )
    children.wait_until(lambda: not is_free(code_port), "the code server did not start")
    if lost:
        _end_lost(lost, screen)
    only = ["--read-only"] if read_only else []
    children.start(
        "webserver",
        [
            "pipelines.hosting.webserver",
            "-h",
            HOST,
            "-p",
            str(port),
            "-w",
            workspace,
            *only,
            *QUIET,
        ],
    )
    children.start("daemon", ["pipelines.hosting.daemon", "run", "-w", workspace, *QUIET])
    children.start("sync service", ["service", "--host", HOST, "--port", str(service_port)])
    children.wait_until(
        lambda: answers(f"{service_url}/healthz"),
        f"the sync service did not answer on {service_url}",
    )
    children.wait_until(
        lambda: answers(f"{url}/server_info"), f"the Dagster UI did not answer on {url}"
    )
    return workspace


def _watch(
    home: Path,
    children: Children,
    follower: Follower,
    screen: Screen,
    log: LogFile,
    stop: StopSignals,
    workspace: str,
    *,
    first_load: bool,
) -> Never:
    """Let the first load, the first marts and a report of each build follow one another, until
    somebody asks for the end.
    """
    until = time.monotonic() + FIRST_LOOK_SECONDS
    while first_load and not follower.looks and time.monotonic() < until:
        stop.sleep(0.1)
    report, reported, said = home / "report.html", None, False
    with tempfile.TemporaryFile("w+") as output:
        if first_load:
            follower.load_began()
            children.start(
                FIRST_LOAD,
                ["pipelines", "load", "--json", "--no-progress"],
                passing=True,
                output=output,
            )
        while True:
            ended = children.check()
            if FIRST_LOAD in ended:
                follower.load_ended(ended[FIRST_LOAD], _printed(output))
            if ended.get(FIRST_LOAD) == 0:
                # Charts follow the first rows at once; the sensor, which looks every two minutes,
                # takes over from there.
                with suppress(Exception), open_instance() as instance:  # at worst both build them
                    note_marts(instance, datetime.now(UTC))
                children.start(
                    FIRST_MARTS,
                    ["dagster", "job", "launch", "-w", workspace, "-j", "marts"],
                    passing=True,
                )
            if ended.get(FIRST_MARTS):
                screen.say(
                    f"the build of the marts was not started (see {log.path}): "
                    "marts_after_loads starts it soon"
                )
            if follower.built != reported and not children.works(REPORT):
                reported = follower.built
                children.start(REPORT, ["pipelines", "report", "--out", str(report)], passing=True)
            if REPORT in ended and not said:  # later ones replace it, which is no news
                said = not ended[REPORT]
                otherwise = (
                    f"the report was not written (see {log.path}): backlog-elt report tries again"
                )
                screen.say(f"the report is written: {report}" if said else otherwise)
            log.keep_short()
            stop.sleep(0.5)


def _printed(output: IO[str]) -> dict[str, Any] | None:
    """Return the object that `load --json` has printed, None where it printed none."""
    output.seek(0)
    with suppress(ValueError):
        found: dict[str, Any] = json.loads(output.read())
        return found
    return None


def _head(settings: Settings, connected: Settings, url: str, service_url: str, log: Path) -> str:
    """Return what runs, and where to look next."""
    command = shutil.which("backlog-elt") or sys.argv[0]
    rows = {
        "space": f"simulated, with people at work ({connected.backlog_url})"
        if settings.simulated
        else connected.backlog_url,
        "Dagster UI": url,
        "sync page": service_url,
        "SQL": psql_line(reveal(settings.warehouse_url) or ensure_server(settings.home).url()),
        "report": f"{service_url}/report, or {command} report",
        "log": log,
        "stop": "Ctrl-C"
        + (
            ""
            if settings.warehouse_url
            else "; the embedded PostgreSQL keeps running for your queries"
        ),
    }
    return "\n" + "".join(f"  {name:<12}{value}\n" for name, value in rows.items())


def _end_lost(run_ids: Sequence[str], screen: Screen) -> None:
    """End the runs that went down with all of an `up`, now that Dagster can start them once more;
    left alone they take hours.
    """
    with open_instance() as instance:
        for run_id in end_runs(instance, run_ids, "it ended with the backlog-elt up that ran it"):
            screen.say(f"run {run_id} ended with the last backlog-elt up: marked as ended")


def _write_workspace(settings: Settings, code_port: int) -> str:
    """Write the workspace of this deployment, which names the one code server, and return
    its path.
    """
    path = settings.home / "dagster" / "workspace.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server: {{host: {HOST}, port: {code_port}, "
        f"location_name: {ONE_LOCATION}}}\n"
    )
    return str(path)

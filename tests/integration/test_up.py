"""`backlog-elt up` and its options, as at a shell."""

import re
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.processes import started
from simulator import Fault, Simulator, SpaceSpec
from tests.integration.commands import TIMEOUT_SECONDS, Shell, end
from tests.integration.compose import LAUNCH, at, graphql, launched, wait_until
from tests.integration.conftest import NewDatabase
from tests.ports import free_port
from tests.waiting import answers

pytestmark = pytest.mark.long

USERS = at("backlog_elt", jobName="users")
SPEC = SpaceSpec(seed=3, users=2, projects=1, issues=5, history_days=240)


def shell_of(sim: Simulator, folder: Path, new_database: NewDatabase) -> Shell:
    """Return a shell whose variables name a space and databases of its own."""
    databases = {"WAREHOUSE_URL": new_database(), "DAGSTER_POSTGRES_URL": new_database()}
    space = {
        "BACKLOG_URL": sim.url,
        "BACKLOG_API_KEY": sim.api_key,
        "BACKLOG_ELT_HOME": str(folder / "home"),
    }
    return Shell(folder, databases | space)


def test_a_read_only_up_shows_everything_and_starts_nothing_and_is_the_only_one(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Simulator(SPEC) as sim:
        port, *others = (str(free_port()) for _ in range(4))
        shell, runtime = shell_of(sim, tmp_path, new_database), tmp_path / "home" / "runtime.json"
        options = ("--read-only", "--no-load", "--port", port, "--service-port", others[0])
        process = shell.start("up", *options)
        try:
            assert process.stderr is not None
            # It prints where it is when it answers.
            assert any(f"Dagster UI  http://127.0.0.1:{port}" in line for line in process.stderr)
            shown, refused = (
                ask(port, "{ assetNodes { id } }"),
                ask(port, LAUNCH, params={"selector": USERS}),
            )
            before = runtime.read_text()
            second = shell.run("up", "--port", others[1], "--service-port", others[2])
            assert runtime.read_text() == before
        finally:
            children = psutil.Process(process.pid).children(recursive=True)
            for number in (
                signal.SIGTERM,
                signal.SIGINT,
                signal.SIGHUP,
            ):  # somebody cannot wait, and closes the window
                process.send_signal(number)
            done = end(process)
    assert len(shown["assetNodes"]) > 15
    assert refused["launchRun"]["__typename"] == "UnauthorizedError"
    assert (second.code, len(second.lines)) == (1, 1)
    assert f"(process {process.pid}): its UI is http://127.0.0.1:{port}" in second.err
    assert done.code == 0, done.err
    assert len(done.lines) <= 12, done.err
    assert len(children) >= 4
    assert not [child for child in children if started(child.pid) is not None]


def ask(port: int | str, query: str, **variables: object) -> Any:
    return graphql(f"http://127.0.0.1:{port}", query, **variables)


def test_the_next_up_repeats_the_run_that_a_crash_of_the_machine_interrupted(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Simulator(SPEC) as sim:
        shell, port = shell_of(sim, tmp_path, new_database), free_port()
        options = ("up", "--no-load", "--port", str(port), "--service-port", str(free_port()))
        url = f"http://127.0.0.1:{port}/server_info"
        killed = shell.start(*options)
        wait_until(lambda: answers(url), "up does not answer")
        sim.faults.add(Fault("slow", times=None, seconds=60.0))
        ask(port, LAUNCH, params={"selector": USERS})
        wait_until(lambda: statuses(port) == ["STARTED"], "the run does not start")
        up = psutil.Process(killed.pid)
        with killed:
            for process in (up, *up.children(recursive=True)):
                process.kill()
        sim.faults.clear()
        again = shell.on_terminal(*options)
        try:
            wait_until(
                lambda: answers(url) and statuses(port) == ["SUCCESS", "FAILURE"],
                "the run is not done again",
            )
            sim.faults.add(Fault("status", 401, path="/users", times=None))
            failed = launched(ask(port, LAUNCH, params={"selector": USERS})["launchRun"])
            wait_until(
                lambda: f"/runs/{failed}" in again.written,
                "the terminal says nothing of a run that has failed",
            )
        finally:
            again.process.send_signal(signal.SIGHUP)
            code = again.process.wait(TIMEOUT_SECONDS)
    assert code == 0, again.written
    [line] = [line for line in again.lines if failed in line]
    assert "GET /users: 401" in line
    assert again.lines[-2].endswith("  stopping"), "no load is at work"
    assert not re.search("WARNING|ERROR|Traceback", again.written)


def statuses(port: int) -> list[str]:
    """Return the state of the runs of `users`, the newest first."""
    query = (
        '{ runsOrError(filter: {pipelineName: "users"}) { ... on Runs { results { status } } } }'
    )
    return [run["status"] for run in ask(port, query)["runsOrError"]["results"]]

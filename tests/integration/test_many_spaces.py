"""Many spaces in one container (compose.spaces.yaml): what one of them does wrong, none of the others notices."""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from assets.dagster_internals import is_serving
from pipelines.processes import started
from simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import SPACES, Engine, engine, stored_issues, wait_until
from tests.integration.conftest import NewDatabase

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ACME = SpaceSpec(seed=3, users=4, projects=2, issues=30, history_days=240)
BETA = SpaceSpec(seed=5, users=3, projects=2, issues=20, history_days=240, space_key="beta")
TICKS = """
query Ticks($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { ticks(limit: 50) { timestamp endTimestamp } } } }
}"""
REPEATED = "query Repeated($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs { results { status } } } }"
RELOAD = """
mutation Reload($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename } }
  }
}"""


@dataclass(frozen=True)
class Many:
    """Two spaces that are right and one whose variables are not, in one container."""

    engine: Engine
    spaces: dict[str, Simulator]
    folder: Path
    ports: dict[str, int]
    warehouse_url: str

    def server(self, space: str) -> psutil.Process:
        """Return the process of a space's code server."""
        parent = psutil.Process(self.engine.running["spaces"].pid)
        sockets = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        [pid] = {one.pid for one in sockets if one.laddr and one.laddr[1] == self.ports[space]}
        return next(child for child in parent.children() if child.pid == pid)

    def ticks(self, space: str, sensor: str) -> list[tuple[float, float | None]]:
        """Return when the last ticks of a sensor began and ended."""
        selector = {"repositoryLocationName": space, "repositoryName": "__repository__", "sensorName": sensor}
        found = self.engine.ask(TICKS, sensor=selector)["sensorOrError"]["sensorState"]["ticks"]
        return [(tick["timestamp"], tick["endTimestamp"]) for tick in found]

    def start(self) -> None:
        """Start the container, and wait until the spaces that are right are served."""
        self.engine.start("spaces", "--spaces", str(self.folder))
        wait_until(lambda: all(is_serving(self.ports[name]) for name in self.spaces), "not all are served")


@pytest.fixture(scope="module")
def many(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    """Start the code servers of three spaces in one process group, webserver and daemon."""
    folder, warehouse_url = tmp_path_factory.mktemp("many"), new_database()
    with Simulator(ACME) as acme, Simulator(BETA) as beta:
        right = {"acme": acme, "beta": beta}
        secrets = {"warehouse_url": warehouse_url, "dagster_url": new_database()}
        secrets |= {f"{name}_api_key": sim.api_key for name, sim in right.items()}
        variables = {
            name: {
                "BACKLOG_URL": sim.url,
                "BACKLOG_API_KEY_FILE": f"{folder}/{name}_api_key",
                "BACKLOG_HISTORY_START": "2026-01",
            }
            for name, sim in right.items()
        }
        wrong = {"BACKLOG_URL": beta.url, "BACKLOG_API_KEY": "s3cr3t-of-wrong", "BACKLOG_TIMEZONE": "Mars/Olympus"}
        with engine(folder, secrets, {}, SPACES) as made:
            made.run("migrate")
            ports = made.write_spaces({**variables, "wrong": wrong})
            deployed = Many(made, right, folder / "spaces", ports, warehouse_url)
            deployed.start()
            for service in ("webserver", "daemon"):
                made.start(service)
            made.wait_healthy("webserver", "daemon")
            yield deployed


def test_each_space_is_loaded_and_one_whose_variables_are_wrong_says_so_until_they_are_right(many: Many) -> None:
    made = many.engine
    runs = [made.launch_issues(name, projects=2) for name in many.spaces]
    assert made.wait_for(*runs) == ["SUCCESS", "SUCCESS"]
    for name, sim in many.spaces.items():
        assert stored_issues(many.warehouse_url, name) == {*sim.space.issues}
    wait_until(lambda: "the code server of wrong ended with exit code 2: starts again in" in made.log("spaces"), "it says nothing")
    assert "Error: wrong: BACKLOG_TIMEZONE is 'Mars/Olympus'" in made.log("spaces")
    file = many.folder / "wrong" / ".env"
    file.write_text(file.read_text().replace("Mars/Olympus", "UTC"))
    wait_until(lambda: is_serving(many.ports["wrong"]), "it does not serve now that its file is right")
    assert made.ask(RELOAD, name="wrong")["reloadRepositoryLocation"]["locationOrLoadError"]["__typename"] == "RepositoryLocation"
    assert not [key for key in ("s3cr3t-of-wrong", *(sim.api_key for sim in many.spaces.values())) if key in made.log("spaces")]


@pytest.mark.parametrize("name", ["acme", "beta"])
def test_a_command_in_the_folder_of_a_space_is_about_that_space(many: Many, name: str) -> None:
    said = json.loads(many.engine.run("spaces", "backlog-elt", "status", "--json", folder=many.folder / name))
    assert (said["space"], said["connected"]) == (name, True)


def test_a_server_that_dies_serves_again_and_its_run_is_repeated_while_others_work_on(many: Many) -> None:
    made = many.engine
    for sim in many.spaces.values():
        sim.faults.add(Fault("slow", path="/users", seconds=20.0))
    runs = {name: made.launch(name, "users") for name in many.spaces}
    wait_until(lambda: not any(sim.faults.pending() for sim in many.spaces.values()), "the runs are not at work")
    work = made.process_of(runs["beta"])
    served = {name: many.server(name) for name in many.spaces}
    os.kill(served["beta"].pid, signal.SIGKILL)
    assert made.wait_for(*runs.values()) == ["SUCCESS", "FAILURE"]
    wait_until(lambda: started(work) is None, "the run has not gone with its server")
    assert served["acme"] == many.server("acme")
    again = [{"key": "dagster/root_run_id", "value": runs["beta"]}]
    wait_until(lambda: made.ask(REPEATED, tags=again)["runsOrError"]["results"] == [{"status": "SUCCESS"}], "it is not repeated")


def test_a_space_that_does_not_answer_delays_no_tick_of_another(many: Many) -> None:
    beta, now = many.spaces["beta"], time.time()
    beta.faults.add(Fault("slow", path="/.*", times=None, seconds=300.0))

    def one_of_acme_begins_and_ends_while_one_of_beta_waits() -> bool:
        ticks, waiting = many.ticks("acme", "activity_feed"), many.ticks("beta", "activity_feed")
        # One that is at work has no end; how one ends whose space does not answer is Dagster's affair.
        spans = [(begin, end or time.time()) for begin, end in waiting if begin > now]
        return any(begin < start and end and end < stop for begin, stop in spans for start, end in ticks)

    try:
        wait_until(one_of_acme_begins_and_ends_while_one_of_beta_waits, "the ticks follow each other")
    finally:
        beta.faults.clear()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left_when_the_container_goes_and_its_run_is_repeated_in_the_next(many: Many, how: signal.Signals) -> None:
    made, acme = many.engine, many.spaces["acme"]
    acme.faults.add(Fault("slow", path="/users", seconds=30.0))
    run = made.launch("acme", "users")
    wait_until(lambda: not acme.faults.pending(), "the run is not at work")
    container = made.running.pop("spaces")
    processes = psutil.Process(container.pid).children(recursive=True)
    assert len(processes) > len(many.ports)
    container.send_signal(how)
    assert container.wait() == (0 if how == signal.SIGTERM else -how)
    wait_until(lambda: not any(started(one.pid) for one in processes), "its servers or runs are still there")
    many.start()
    again = [{"key": "dagster/root_run_id", "value": run}]
    wait_until(lambda: made.ask(REPEATED, tags=again)["runsOrError"]["results"] == [{"status": "SUCCESS"}], "it is not repeated")

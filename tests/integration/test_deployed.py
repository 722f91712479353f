"""What a container engine would run, as processes: two spaces in one Dagster on one PostgreSQL, by the commands of compose.yaml.

Add here: what only processes apart can show. Keep out: the files of `deploy` as such (`tests/deploy`), workers (`test_celery.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from resources.simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import Engine, engine, stored_issues, wait_until
from tests.integration.conftest import NewDatabase

pytestmark = pytest.mark.long

ACME = SpaceSpec(seed=3, users=4, projects=2, issues=30, history_days=240)
BETA = SpaceSpec(seed=5, users=3, projects=2, issues=20, history_days=240, space_key="beta")
_TERMINATE = 'mutation { terminateRun(runId: "none") { __typename } }'


@dataclass(frozen=True)
class Deployed:
    """Two spaces, and the services that load them."""

    engine: Engine
    spaces: dict[str, Simulator]
    warehouse_url: str

    def stored(self, space: str) -> set[int]:
        """Return the ids of the issues of a space in the warehouse."""
        return stored_issues(self.warehouse_url, space)


@pytest.fixture(scope="module")
def deployed(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Start two code servers, webserver and daemon on one PostgreSQL."""
    folder, warehouse_url = tmp_path_factory.mktemp("deployed"), new_database()
    with Simulator(ACME) as acme, Simulator(BETA) as beta:
        spaces = {"acme": acme, "beta": beta}
        secrets = {
            "warehouse_url": warehouse_url,
            "dagster_url": new_database(),
            "service_token": "a-token-of-the-service",
            **{f"{name}_api_key": sim.api_key for name, sim in spaces.items()},
        }
        own = {name: {"BACKLOG_URL": sim.url, "BACKLOG_HISTORY_START": "2026-01"} for name, sim in spaces.items()}
        with engine(folder, secrets, {**own, "service": own["acme"]}) as made:
            assert "warehouse: version " in made.run("migrate")
            made.write_workspace(*spaces)
            # All at once, as the file has it: who comes first waits for the others.
            for service in ("acme", "beta", "webserver", "daemon"):
                made.start(service)
            made.wait_healthy("acme", "beta", "webserver", "daemon")
            yield Deployed(made, spaces, warehouse_url)


def test_each_space_is_loaded_by_runs_of_its_own_code_location_also_after_a_container_is_killed(deployed: Deployed) -> None:
    beta = deployed.spaces["beta"]
    beta.faults.add(Fault("slow", path="/issues", seconds=30.0))
    runs = {space: deployed.engine.launch_issues(space, projects=2) for space in deployed.spaces}
    wait_until(lambda: not beta.faults.pending(), "the run of beta is not at work")
    deployed.engine.kill("beta")
    deployed.engine.start("beta")
    assert deployed.engine.wait_for(*runs.values()) == ["SUCCESS", "FAILURE"]
    assert deployed.stored("acme") == {*deployed.spaces["acme"].space.issues}
    # Dagster starts the other once more, as its worker has died; nothing stands in the way.
    wait_until(lambda: deployed.stored("beta") == {*beta.space.issues}, "beta is not loaded after all")


def test_processes_write_no_file(deployed: Deployed) -> None:
    homes = deployed.engine.folder / "home"
    assert [path.name for path in homes.rglob("*") if path.is_file()] == ["dagster.yaml"], "that of backlog-elt migrate"


def test_a_webserver_to_look_at_takes_no_run(deployed: Deployed) -> None:
    looking = Engine(deployed.engine.folder, {}, deployed.engine.variables)
    try:
        looking.start("webserver", "--read-only")
        looking.wait_healthy("webserver")
        assert "permissions" in looking.ask("{ permissions { permission value } }")
        refused = looking.ask(_TERMINATE)["terminateRun"]
        assert refused == {"__typename": "UnauthorizedError"}
    finally:
        looking.stop()


def test_the_service_is_healthy_beside_them(deployed: Deployed) -> None:
    deployed.engine.start("service")
    deployed.engine.wait_healthy("service")

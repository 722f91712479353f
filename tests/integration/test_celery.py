"""Runs spread over two workers by a real Redis: both work, no run waits behind another, and a run
whose worker dies is repeated.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import CELERY, Engine, engine, stored_issues, wait_until, yaml_of
from tests.integration.conftest import NewDatabase
from tests.ports import free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        shutil.which("redis-server") is None,
        reason="there is no redis-server (apt-get install redis-server)",
    ),
]

ACME = SpaceSpec(seed=3, users=4, projects=2, issues=30, history_days=240)
WORKERS = ("acme-worker", "acme-worker-2")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Redis with a password, and return its URL."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--requirepass",
        "s3cr3t-of-redis",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL) as process:
        yield f"redis://:s3cr3t-of-redis@127.0.0.1:{port}/0"
        process.terminate()


@dataclass(frozen=True)
class Spread:
    """A space, and the services that load it by two workers."""

    engine: Engine
    space: Simulator
    warehouse_url: str

    def worker_of(self, run_id: str) -> str:
        """Return which of the workers works on a run."""
        process = psutil.Process(self.engine.process_of(run_id))
        parents = {parent.pid for parent in process.parents()}
        return next(name for name in WORKERS if self.engine.running[name].pid in parents)


@pytest.fixture(scope="module")
def spread(
    broker: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Spread]:
    """Start the services with their overrides for Celery, and two workers with one process each."""
    folder, warehouse_url = tmp_path_factory.mktemp("spread"), new_database()
    (folder / "dagster").mkdir()
    # As in the file, but deaths are looked for every two seconds instead of every minute.
    instance = yaml_of("celery/dagster.yaml")
    instance["run_monitoring"]["poll_interval_seconds"] = 2
    (folder / "dagster" / "dagster.yaml").write_text(json.dumps(instance))
    with Simulator(ACME) as acme:
        secrets = {
            "warehouse_url": warehouse_url,
            "dagster_url": new_database(),
            "acme_api_key": acme.api_key,
            "broker_url": broker,
        }
        own = {"BACKLOG_URL": acme.url, "BACKLOG_HISTORY_START": "2026-01"}
        with engine(folder, secrets, {"acme": own, "acme-worker": own}, CELERY) as made:
            made.run("migrate")
            made.write_workspace("acme")
            for service in ("acme", "webserver", "daemon"):
                made.start(service)
            made.start("acme-worker", "--concurrency", "1")
            made.start("acme-worker", "--concurrency", "1", "-n", "second@%h", replica="-2")
            made.wait_healthy("webserver", "acme", "acme-worker")
            yield Spread(made, acme, warehouse_url)


def test_both_workers_work_and_what_a_killed_one_had_is_done_by_the_other(spread: Spread) -> None:
    made, faults = spread.engine, spread.space.faults
    faults.add(Fault("slow", path="/users", seconds=8.0))
    runs = [made.launch("acme", job) for job in ("users", "projects")]
    assert made.wait_for(*runs) == ["SUCCESS", "SUCCESS"]
    assert {spread.worker_of(run) for run in runs} == {*WORKERS}

    faults.add(Fault("slow", path="/issues", seconds=60.0))
    issues = made.launch_issues("acme", projects=2)
    wait_until(lambda: not faults.pending(), "the run of issues is not at work")
    lost, kept = sorted(WORKERS, key=lambda worker: worker != spread.worker_of(issues))
    made.kill(lost)
    assert made.wait_for(issues) == ["FAILURE"]
    # Dagster starts it once more, and the worker that is left takes it.
    wait_until(
        lambda: stored_issues(spread.warehouse_url, "acme") == {*spread.space.space.issues},
        f"not loaded by {kept}",
    )


def test_the_password_of_the_broker_is_in_no_log(spread: Spread) -> None:
    logs = [path.read_text() for path in Path(spread.engine.folder).glob("*.log")]
    assert len(logs) == 5
    assert not [log for log in logs if "s3cr3t" in log]

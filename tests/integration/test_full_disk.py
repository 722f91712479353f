"""A disk of PostgreSQL that is really full: what it ends waits for space, and is started then."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from sqlalchemy import Engine

from pipelines.alerting.facts import causes
from pipelines.jobs import issues_config
from pipelines.sensors.broken_off import broken_off_loads
from pipelines.sensors.marts import marts_after_loads
from resources.dagster_tags import AGAIN_TAG, KIND_TAG
from resources.problems.causes import Failure
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import opened_engine
from resources.warehouse.server.free_space import FULL, has_room
from resources.warehouse.server.migrations import upgrade
from simulator import Simulator
from tests.deployment import SMALL, Deployment, quiet
from tests.pipelines.failed_steps import failed_step
from tests.pipelines.ticking import Daemon

#: Room for a new cluster, what it logs and a small space.
MEGABYTE, SIZE = 2**20, 320


class SmallDisk:
    """A file system of some hundred megabytes with a server on it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._ballast = folder / "ballast"

    def fill(self, left: int) -> None:
        """Leave so many bytes."""
        with self._ballast.open("wb", buffering=0) as file:
            for size in (MEGABYTE, 4096):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass
            file.truncate(file.tell() - left)

    def free(self) -> None:
        """Give all space back."""
        self._ballast.unlink()


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    """Return a small disk on which an embedded server runs."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = Path(tempfile.mkdtemp(prefix="backlog-elt-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, timeout=60).returncode:
        folder.rmdir()
        pytest.skip("no small file system can be mounted here")
    try:
        small = SmallDisk(folder)
        embedded.ensure_server(small.home)
        yield small
    finally:
        embedded.stop(small.home)
        subprocess.run(["umount", str(folder)], check=True, timeout=60)
        shutil.rmtree(folder)


@pytest.fixture
def warehouse(disk: SmallDisk) -> Iterator[Engine]:
    """Engine on a migrated database on the small disk."""
    url = embedded.ensure_server(disk.home).url()
    with opened_engine(url) as made:
        upgrade(made)
        yield made


@pytest.fixture
def deployment(disk: SmallDisk, warehouse: Engine) -> Iterator[Deployment]:
    """Return a deployment whose warehouse is on the small disk, and Dagster's storage is not."""
    url = embedded.ensure_server(disk.home).url()
    with (
        Simulator(SMALL) as sim,
        tempfile.TemporaryDirectory() as folder,
        dg.DagsterInstance.local_temp(folder) as instance,
    ):
        yield Deployment(sim, url, warehouse, instance, sim.api_key, quiet()).discover()


def launched(deployment: Deployment, job: str, why: Failure) -> None:
    """Write down a run as Dagster launches one, which has failed two minutes ago."""
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="backlog_elt")
    origin = RemoteRepositoryOrigin(server, "__repository__").get_job_origin(job)
    config = issues_config("incremental") if job == "issues" else {}
    run = deployment.instance.add_run(
        dg.DagsterRun(
            job_name=job, remote_job_origin=origin, run_config=config, tags={KIND_TAG: job}
        )
    )
    for event in (failed_step(job, why), DagsterEvent(DagsterEventType.RUN_FAILURE.value, job)):
        deployment.instance.report_dagster_event(event, run.run_id, timestamp=time.time() - 120)


@pytest.mark.timeout(600)
def test_what_a_full_disk_has_ended_is_started_when_there_is_space(
    disk: SmallDisk, deployment: Deployment
) -> None:
    assert deployment.run("users").success
    assert has_room(deployment.engine)
    disk.fill(left=8192)
    assert not has_room(deployment.engine)
    failed = deployment.run_issues(mode="incremental")
    assert not failed.success
    record = deployment.instance.get_run_record_by_id(failed.run_id)
    assert record is not None
    whys = causes(deployment.instance, record)
    assert {why.cause for why in whys} == {"disk_full"}, whys
    launched(deployment, "issues", whys[0])
    launched(deployment, "marts", whys[0])
    loads, marts = Daemon(deployment, broken_off_loads), Daemon(deployment, marts_after_loads)
    for daemon in (loads, loads, marts):
        assert daemon.tick() == (None, FULL), "a try is not spent on a full disk"
    disk.fill(left=4 * MEGABYTE)
    assert loads.tick() == (None, FULL), "a little space is soon used up"
    disk.free()
    request, _ = loads.tick()
    assert request is not None
    assert (request.job_name, request.tags[AGAIN_TAG]) == ("issues", "1")
    assert deployment.run_issues(mode="incremental").success
    assert deployment.stored_issues() == deployment.source_issues()

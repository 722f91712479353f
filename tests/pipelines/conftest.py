"""Fixtures for sensors: a loaded deployment on an instance as the daemon has one."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest

from tests.deployment import Deployment


@pytest.fixture(scope="module")
def sensing_instance() -> Iterator[dg.DagsterInstance]:
    """Return an instance on disk, as the daemon has one; one in memory has no reference, which an evaluation wants."""
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as made:
        yield made


@pytest.fixture
def near(loaded: Deployment, sensing_instance: dg.DagsterInstance) -> Iterator[Deployment]:
    """Return a loaded deployment in which nothing waits, whose instance is on disk and empty but for its partitions."""
    deployment = replace(loaded, instance=sensing_instance).discover()
    deployment.sim.requests.clear()
    yield deployment
    sensing_instance.wipe()
    for key in deployment.partitions:
        sensing_instance.delete_dynamic_partition("backlog_projects", key)

"""Fixtures for sensors, a loaded deployment on an instance as the daemon has one, and for commands
that run in this process.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test

from resources.logs import LOGGERS
from tests.deployment import Deployment
from tests.sinks import sink as sink  # a fixture


@pytest.fixture(scope="module")
def sensing_instance() -> Iterator[dg.DagsterInstance]:
    """Return an instance on disk, as the daemon has one; one in memory has no reference, which an
    evaluation wants.
    """
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as made:
        yield made


@pytest.fixture
def in_postgres(warehouse_url: str) -> Iterator[dg.DagsterInstance]:
    """Return an instance whose storage is in a PostgreSQL."""
    with instance_for_test(
        overrides={"storage": {"postgres": {"postgres_url": warehouse_url}}}
    ) as made:
        yield made


@pytest.fixture
def near(loaded: Deployment, sensing_instance: dg.DagsterInstance) -> Iterator[Deployment]:
    """Return a loaded deployment in which nothing waits, whose instance is on disk and empty but
    for its partitions.
    """
    deployment = replace(loaded, instance=sensing_instance).discover()
    deployment.sim.requests.clear()
    yield deployment
    sensing_instance.wipe()
    for key in deployment.partitions:
        sensing_instance.delete_dynamic_partition("backlog_projects", key)


@pytest.fixture
def as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in an empty folder, with none of the program's variables but those of all tests; all is
    as before afterwards.
    """
    monkeypatch.chdir(tmp_path)
    variables = dict(os.environ)
    for name in variables.keys() - {"BACKLOG_HISTORY_START", "DAGSTER_DISABLE_TELEMETRY"}:
        if name.startswith(("BACKLOG_", "DAGSTER_")) or name == "WAREHOUSE_URL":
            del os.environ[name]
    loggers = {name: logging.getLogger(name) for name in ("", *LOGGERS)}
    before = {name: (one.handlers, one.level, one.propagate) for name, one in loggers.items()}
    yield
    for name, (handlers, level, propagate) in before.items():
        loggers[name].handlers, loggers[name].propagate = handlers, propagate
        loggers[name].setLevel(level)
    os.environ.clear()
    os.environ.update(variables)

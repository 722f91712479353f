"""Fixtures that every test may use: a real PostgreSQL of this session, a fresh migrated database,
and a whole deployment.
"""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.databases import copy_of, database_url, migrated_template, server_url
from tests.scratch import use_memory, use_own_folders

# Months, zone and space are read when the assets are first imported: the tests have their own,
# whatever the shell has set.
for _name in [
    name
    for name in os.environ
    if name.startswith(("BACKLOG_", "DAGSTER_")) or name == "WAREHOUSE_URL"
]:
    del os.environ[_name]
os.environ["BACKLOG_HISTORY_START"] = "2026-01"
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
# Tests interrupt what they have started and close its window. Whatever starts pytest may ignore
# both signals, as nohup and a shell that puts it into the background do, and children would inherit
# that.
if "PYTEST_XDIST_WORKER" in os.environ:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)

use_memory()
use_own_folders()
# Definitions are put together for each run: with the usual thresholds a fifth of the time goes into
# the search for cycles.
gc.set_threshold(20_000, 20, 20)

from tests.deployment import SMALL, Deploy, Deployment, quiet  # noqa: E402 - reads the variables
from tests.instances import in_memory  # noqa: E402
from tests.seed import SEED  # noqa: E402

if TYPE_CHECKING:
    from tests.browser import Chromium

#: Folders whose tests start real processes, servers and browsers. `make test` leaves them out, but
#: for those marked `smoke`.
PROCESSES = ("tests/integration/", "tests/deploy/test_proxy.py")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the properties the seed of the day, unless one is named on the command line."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(SEED)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seed, also where all is green: a failure may show only in what the next
    test does.
    """
    terminalreporter.write_line(f"seed of the random tests: {SEED} (SEED={SEED} repeats them)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what only `make test-all` runs, and begin with what takes long."""
    for item in items:
        processes = item.nodeid.startswith(PROCESSES) and not item.get_closest_marker("smoke")
        if processes:
            item.add_marker(pytest.mark.full)
    items.sort(
        key=lambda item: (
            not item.nodeid.startswith(WAITING),
            item.get_closest_marker("long") is None,
        )
    )


#: Folders whose files share something that takes long to make.
BUILT_ONCE = ("tests/assets/marts/", "tests/integration/report/", "tests/integration/up/")
#: Begins first: it waits for a running system most of the time, while the other workers work.
WAITING = "tests/integration/up/"


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Gives the tests of a file, or of a folder that shares something, to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return next(
            (folder for folder in BUILT_ONCE if nodeid.startswith(folder)),
            super()._split_scope(nodeid),
        )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Distribute tests over the workers."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a server for this session."""
    with server_url() as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator["Chromium"]:
    """Return the browser of this session; a test opens windows in it."""
    from tests.browser import (
        running_chromium,
    )  # Playwright is loaded only where a test looks at a page

    with running_chromium() as started:
        yield started


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> Iterator[tuple[Engine, str]]:
    with migrated_template(postgres_url) as made:
        yield made


@pytest.fixture
def warehouse_url(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    """URL of a fresh, migrated database that is dropped after the test."""
    admin, template = _template
    with copy_of(admin, template) as name:
        yield database_url(postgres_url, name)


@pytest.fixture(scope="module")
def shared_warehouse_url(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    """URL of a fresh, migrated database that the tests of a file share."""
    admin, template = _template
    with copy_of(admin, template) as name:
        yield database_url(postgres_url, name)


@pytest.fixture(scope="session")
def folder_warehouse_url(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    """URL of a fresh, migrated database that the tests of a folder share (`BUILT_ONCE`)."""
    admin, template = _template
    with copy_of(admin, template) as name:
        yield database_url(postgres_url, name)


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Engine]:
    """Engine on the fresh database."""
    made = engine(warehouse_url)
    yield made
    made.dispose()


@pytest.fixture
def deploy(warehouse_url: str, warehouse: Engine) -> Iterator[Deploy]:
    """Return a function that starts a simulated space and deploys onto it; nothing is
    loaded yet.
    """
    with ExitStack() as stack:

        def start(spec: SpaceSpec = SMALL, **options: object) -> Deployment:
            # The simulator checks the options.
            sim = stack.enter_context(Simulator(spec, **options))  # type: ignore[arg-type]
            instance = stack.enter_context(in_memory())
            return Deployment(sim, warehouse_url, warehouse, instance, sim.api_key, quiet())

        yield start


@pytest.fixture
def deployment(deploy: Deploy) -> Deployment:
    """Return a deployment on a small quiet space into which nothing is loaded yet."""
    return deploy().discover()


@contextmanager
def _deployed(url: str) -> Iterator[Deployment]:
    """Give a deployment of the small space on a database of its own."""
    made = engine(url)
    with Simulator(SMALL) as sim, in_memory() as instance:
        yield Deployment(sim, url, made, instance, sim.api_key, quiet()).discover()
    made.dispose()


@pytest.fixture(scope="session")
def _loaded_template(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    admin, template = _template
    with copy_of(admin, template) as name:
        with _deployed(database_url(postgres_url, name)) as deployment:
            deployment.load()
        yield name


@pytest.fixture
def loaded(
    postgres_url: str, _template: tuple[Engine, str], _loaded_template: str
) -> Iterator[Deployment]:
    """Return a deployment on a small quiet space that was loaded whole: the same space again, and a
    copy of its warehouse.
    """
    with (
        copy_of(_template[0], _loaded_template) as name,
        _deployed(database_url(postgres_url, name)) as deployment,
    ):
        yield deployment

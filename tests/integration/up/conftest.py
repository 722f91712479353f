"""The running system, and what tests know of its space."""

from collections.abc import Iterator

import pytest

from resources.warehouse.server import embedded
from tests.browser import Analyst, Chromium, analyst_at
from tests.integration.running import Up, processes_of, running_up
from tests.network import DEAD

FIRST_MONTH = "2026-04"
MONTHS = (FIRST_MONTH, "2026-05", "2026-06")
#: Those in which tests change and load something.
PROJECTS = ("WEB", "INFRA")


@pytest.fixture(scope="package")
def up() -> Iterator[Up]:
    """Return a deployment that has done its first load and built its marts; when it has ended, no
    process is left.

    It stands behind dead proxies, which it needs nowhere: all that it asks is on this machine.
    People work in its space all the time: the marts are not built again and again, which would take
    half of this machine.
    """
    with running_up(history_start=FIRST_MONTH, **DEAD) as started:
        started.wait_for_marts()
        started.stop_sensor("marts_after_loads")
        yield started
        started.stop()
        # The embedded server goes on for BI tools, until it is stopped by itself.
        assert {process.name() for process in processes_of(started.home)} <= {"postgres"}
        assert embedded.stop(started.home)
        assert processes_of(started.home) == []


@pytest.fixture
def analyst(chromium: Chromium, up: Up) -> Iterator[Analyst]:
    """Return somebody at the Dagster UI."""
    with analyst_at(chromium, up) as somebody:
        yield somebody

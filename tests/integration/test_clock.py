"""A clock that was ahead goes back while a real `up` runs: its sensors tick, and its runs start."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from simulator import SpawnedSimulator, spawn_simulator
from tests.integration.compose import wait_until
from tests.integration.running import Up, running_up

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
DAY = 86_400
TICKS = """
query($before: Float!) {
  sensorsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "backlog_elt"
  }) {
    ... on Sensors { results {
      name
      sensorState { status ticks(limit: 1, beforeTimestamp: $before) { timestamp } }
    } }
  }
}"""

pytestmark = pytest.mark.skipif(
    LIBRARY is None, reason="libfaketime is not installed (Debian: apt-get install faketime)"
)


@pytest.fixture
def clock() -> Iterator[Path]:
    """Return the file that says how many seconds the clocks of `up` are ahead."""
    with TemporaryDirectory(prefix="backlog-elt-clock-") as folder:
        Path(folder).chmod(0o755)  # the server of root runs as another user, and reads it
        yield Path(folder) / "clock"


def put(clock: Path, ahead: int) -> None:
    """Let the clocks be so far ahead; a reader sees the old or the new, nothing between."""
    aside = clock.with_suffix(".new")
    aside.write_text(f"+{ahead}\n")
    aside.chmod(0o644)
    aside.rename(clock)


def ticked(up: Up, since: float, until: float) -> dict[str, bool]:
    """Say of each sensor that is on whether it ticked between two moments."""
    found = up.graphql(TICKS, before=until)["sensorsOrError"]["results"]
    states = {one["name"]: one["sensorState"] for one in found}
    return {
        name: any(tick["timestamp"] >= since for tick in state["ticks"])
        for name, state in states.items()
        if state["status"] == "RUNNING"
    }


def edit_an_issue(simulator: SpawnedSimulator, summary: str) -> None:
    """Let somebody change an issue of the space."""
    with httpx.Client(
        base_url=f"{simulator.url}/api/v2", params={"apiKey": simulator.api_key}
    ) as source:
        [issue] = source.get("/issues", params={"count": 1}).raise_for_status().json()
        source.patch(f"/issues/{issue['id']}", data={"summary": summary}).raise_for_status()


@pytest.mark.timeout(900)
def test_when_a_clock_that_was_ahead_goes_back_sensors_tick_and_runs_start(clock: Path) -> None:
    put(clock, DAY)
    with (
        spawn_simulator(projects=1, issues=20) as simulator,
        running_up(
            history_start="2026-01",
            BACKLOG_URL=simulator.url,
            BACKLOG_API_KEY=simulator.api_key,
            LD_PRELOAD=str(LIBRARY),
            FAKETIME_TIMESTAMP_FILE=str(clock),
            FAKETIME_CACHE_DURATION="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            NO_FAKE_STAT="1",
        ) as up,
    ):

        def all_tick(since: float, until: float) -> bool:
            assert up.process.poll() is None, up.tail()
            found = ticked(up, since, until)
            return len(found) > 3 and all(found.values())

        ahead = time.time() + DAY - 300
        wait_until(lambda: all_tick(ahead, ahead + DAY), "a sensor has not ticked")
        put(clock, 0)
        back = time.time()
        wait_until(lambda: all_tick(back, back + DAY / 2), f"a sensor stands still: {up.tail()}")
        log = (up.home / "logs" / "up.log").read_text()
        assert "the clock was set back by 86" in log
        edit_an_issue(simulator, "changed since the clock is right")
        changed = "SELECT 1 FROM raw.issues WHERE summary = 'changed since the clock is right'"
        wait_until(lambda: bool(up.query(changed)), f"no run has read the change: {up.tail()}")

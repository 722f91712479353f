"""A real `up` keeps what it has started: whatever is killed starts again, but not for ever."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest

from pipelines.processes import runs
from tests.integration.running import child_of
from tests.integration.signals import BOUND_SECONDS, place

pytestmark = pytest.mark.long

CHILDREN = {
    "code server": "pipelines.hosting.code_server",
    "webserver": "pipelines.hosting.webserver",
    "daemon": "pipelines.hosting.daemon",
    "sync service": "service",
    "simulated space": "simulator",
}
ASSETS = {"query": "{ assetNodes { id } }"}


def pid_of(up: int, module: str) -> int:
    """Return the process of a child, 0: none is at work."""
    with suppress(ValueError, psutil.Error):
        return child_of(up, module).pid
    return 0


def server(home: Path) -> int:
    """Return the process of the embedded PostgreSQL, 0: none is at work."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
        return pid if psutil.pid_exists(pid) else 0
    return 0


@pytest.mark.timeout(900)
def test_whatever_is_killed_starts_again_and_five_deaths_are_the_end() -> None:
    with place(Random(1)) as there:  # noqa: S311 - nothing is drawn
        up = there.start("--no-load")

        def wait(until: Callable[[], object], what: str) -> None:
            end = time.monotonic() + 2 * BOUND_SECONDS
            while not until():
                assert up.poll() is None, there.said(up)
                assert time.monotonic() < end, f"{what}\n{there.said(up)}"
                time.sleep(0.1)

        def kill(name: str, find: Callable[[], int], seconds: int) -> None:
            old = find()
            below = psutil.Process(old).children(recursive=True)
            os.kill(old, signal.SIGKILL)
            said = f"the {name} has ended"
            again = f"it is started again in {seconds} s"
            wait(
                lambda: any(
                    said in line and line.endswith(again) for line in there.said(up).splitlines()
                ),
                f"nothing is said of the {name}",
            )
            wait(lambda: find() not in {0, old}, f"the {name} does not start again")
            wait(
                lambda: not any(runs(one.pid, one.create_time()) for one in below),
                f"what the {name} had started works on",
            )

        try:
            wait(lambda: "Dagster UI" in there.said(up), "it has not started")
            for name, module in CHILDREN.items():
                kill(name, lambda module=module: pid_of(up.pid, module), 1)  # type: ignore[misc]
            kill("embedded PostgreSQL", lambda: server(there.home), 1)
            found = json.loads((there.home / "runtime.json").read_text())
            graphql, page = f"{found['dagster_url']}/graphql", found["service_url"]

            def works() -> bool:
                with suppress(httpx.HTTPError, KeyError, TypeError):
                    assets = httpx.post(graphql, json=ASSETS, timeout=60).json()["data"]
                    status = f"{page}/api/v1/sync/connection/status"
                    connected = httpx.get(status, timeout=60).json()["connected"]
                    return len(assets["assetNodes"]) > 15 and bool(connected)
                return False

            wait(works, "they do not work together")
            for seconds in (2, 4, 8):
                kill("daemon", lambda: pid_of(up.pid, CHILDREN["daemon"]), seconds)
            os.kill(pid_of(up.pid, CHILDREN["daemon"]), signal.SIGKILL)
            assert up.wait(BOUND_SECONDS) == 1
        finally:
            up.terminate()
            up.wait(BOUND_SECONDS)
        *shown, last = there.said(up).splitlines()
        assert last == (
            "Error: the daemon has ended 5 times within 10 minutes (last: killed by SIGKILL): "
            f"see {there.home / 'logs' / 'up.log'}"
        )
        said = shown[-1].rpartition(" - ")[2]
        assert said in (there.home / "logs" / "up.log").read_text(), "the last lines of the log"
        assert there.processes() == []

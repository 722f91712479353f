"""PostgreSQL is killed while a real `up` loads for the first time: that is told at once, the load
goes on by itself, and in the end every row is there.
"""

import os
import signal
import threading
from pathlib import Path

import pytest

from simulator import RequestInfo, Simulator, SpaceSpec
from tests.integration.commands import Shell
from tests.integration.compose import wait_until
from tests.ports import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_200)]

SPEC = SpaceSpec(seed=5, users=3, projects=2, issues=60, history_days=120)
#: A minute after a failure it goes on, on a machine that is busy with other things.
PATIENCE_SECONDS = 480
BROKEN_OFF = "the load has failed: "


def test_a_first_load_whose_postgresql_is_killed_is_told_at_once_and_goes_on(
    shell: Shell, postgres_home: Path
) -> None:
    home, armed = postgres_home, threading.Semaphore(1)
    with Simulator(SPEC) as sim:
        space = {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}
        shell = Shell(shell.folder, space | {"BACKLOG_ELT_HOME": str(home)})

        def at_a_request(request: RequestInfo) -> None:
            if request.path.endswith("/comments") and armed.acquire(blocking=False):
                file = home / "postgres" / "postmaster.pid"
                os.kill(int(file.read_text().split()[0]), signal.SIGKILL)

        sim.before_request(at_a_request)
        ports = ("--port", str(free_port()), "--service-port", str(free_port()))
        up = shell.on_terminal("up", *ports)
        try:
            for said in (BROKEN_OFF, "problem: ", "  loaded: ", "  over: "):
                wait_until(
                    lambda said=said: said in up.written or up.process.poll() is not None,  # type: ignore[misc]
                    f"{said} is not said",
                    PATIENCE_SECONDS,
                )
                assert up.process.poll() is None, up.written
            [told] = [line for line in up.lines if BROKEN_OFF in line]
            assert told.endswith("; it goes on in 1 min"), told
            done = shell.run("verify", "--deep", "--strict", "--no-progress")
            assert done.code == 0, done.text
        finally:
            up.process.send_signal(signal.SIGTERM)
            up.process.wait(90)

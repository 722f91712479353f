"""The code server of a real `up` is kept away while a backfill is at work: another program has its
port. The backfill waits, and ends well once the port is free.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipelines.hosting.ports import HOST
from tests.integration.bad_day import MODULES, STATE, TABLES, a_day
from tests.integration.compose import wait_until
from tests.integration.running import child_of
from tests.waiting import eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_200)]

#: The daemon loads the code locations anew each minute, on a busy machine later.
PATIENCE_SECONDS = 300.0
WAITS = "The backfill will resume once it is available"


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Have a port, at which nobody answers."""
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def bound() -> bool:
            try:
                thief.bind((HOST, port))
            except OSError:  # who had it has not ended yet
                return False
            return True

        eventually(bound)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield


def test_a_backfill_whose_code_server_is_away_for_minutes_goes_on() -> None:
    with a_day() as day:
        day.work()
        server = child_of(day.up.process.pid, MODULES["code server"])
        words = server.cmdline()
        port = int(words[words.index("-p") + 1])

        def statuses() -> set[str]:
            found = day.ask(STATE, keys=TABLES)["partitionBackfillsOrError"]["results"]
            return {one["status"] for one in found}

        server.kill()
        with taken(port):
            log = day.home / "logs" / "up.log"
            wait_until(
                lambda: WAITS in log.read_text(errors="replace") or statuses() != {"REQUESTED"},
                "the daemon has not looked at the backfill",
                PATIENCE_SECONDS,
            )
            assert statuses() == {"REQUESTED"}
            said = f"waits for port {port}, which another program has"
            assert said in day.said()
        day.sim.faults.clear()
        wait_until(lambda: "COMPLETED_SUCCESS" in statuses(), day.said(), PATIENCE_SECONDS)
        day.heals()

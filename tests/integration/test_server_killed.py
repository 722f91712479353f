"""PostgreSQL is killed in the middle of a command: the last line advises, the next load mends.

The embedded server, which has the warehouse and Dagster's storage, so that both are lost at once.
"""

import os
import re
import signal
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg2
import pytest

from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from simulator import RequestInfo, Simulator, SpaceSpec
from tests.integration.commands import Shell, end
from tests.integration.compose import wait_until

SPEC = SpaceSpec(seed=3, users=3, projects=1, issues=12, history_days=240)


def kill_session(home: Path) -> None:
    """Kill a process of the server, that of a session of ours: it then ends all others and
    restarts.
    """
    with closing(psycopg2.connect(embedded.ensure_server(home).url())) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


def kill_server(home: Path) -> None:
    """Kill the server as a whole, so that it stays away: what it has started ends without it."""
    postmaster = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            process.kill()


def _while_marts_are_built(home: Path, kill: Callable[[Path], None]) -> None:
    """Kill when the first marts are there."""
    made = engine(embedded.ensure_server(home).url(), pool_size=0)
    made = made.execution_options(isolation_level="AUTOCOMMIT")
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'mart'"
    with made.connect() as conn:
        wait_until(
            lambda: bool(conn.exec_driver_sql(query).scalar_one()), "no mart is built", pause=0.05
        )
    kill(home)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_killed_postgresql_ends_in_advice_and_the_next_load_mends(
    shell: Shell, postgres_home: Path
) -> None:
    home = postgres_home
    with Simulator(SPEC) as sim:
        shell = Shell(
            shell.folder,
            {"BACKLOG_ELT_HOME": str(home), "BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key},
        )
        armed: list[tuple[str, Callable[[Path], None]]] = []
        lock = threading.Lock()

        def at_a_request(request: RequestInfo) -> None:
            with lock:
                if armed and request.path.endswith(armed[0][0]):
                    armed.pop()[1](home)

        sim.before_request(at_a_request)
        cases: list[tuple[tuple[str, ...], str, Callable[[Path], None]]] = [
            (("load",), "/comments", kill_session),
            (("load", "--full"), "/issues", kill_server),
            (("verify", "--deep"), "/comments", kill_server),
            (("marts",), "", kill_session),
        ]
        for arguments, route, kill in cases:
            if route:
                armed.append((route, kill))
            process = shell.start(*arguments, "--no-progress")
            if not route:
                _while_marts_are_built(home, kill)
            done = end(process)
            assert not armed
            assert done.code == 1, (arguments, done.text)
            # Dagster may write before that what its storage did not take.
            line = done.lines[-1]
            assert [line] == [one for one in done.lines if one.startswith("Error: ")], done.text
            assert "Traceback" not in done.text, (arguments, done.text)
            assert re.search("run again|run the load again|the same command again", line), line
        for command in ("load", "verify --deep --strict"):
            shell.succeed(*command.split(), "--no-progress")

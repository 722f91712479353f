"""`status` answers within three seconds, whoever takes its connection and then says nothing; and
says so.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.warehouse.server import embedded
from simulator import Simulator
from tests.deployment import SMALL
from tests.integration.commands import Done, Shell
from tests.integration.conftest import NewDatabase

#: What is waited for is tested to the second in `tests/pipelines/cli/test_asking.py`. A process may
#: take longer by chance, but not the ten seconds of the shortest time-out of a connection.
WAITING_SECONDS, NOISE = 3.0, 3.0


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """Return the address of a server that takes every connection and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def environment(new_database: NewDatabase) -> Iterator[dict[str, str]]:
    """Return the variables of a deployment whose parts all answer."""
    with Simulator(SMALL) as sim:
        yield {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "WAREHOUSE_URL": new_database(),
            "DAGSTER_POSTGRES_URL": new_database(),
        }


@pytest.fixture(scope="module")
def usual(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> float:
    """Return how long the command takes where everything answers and is there already."""
    folder = tmp_path_factory.mktemp("usual")
    shell = Shell(folder, {"BACKLOG_ELT_HOME": str(folder / "home")})
    shell.succeed("status", **environment)
    return timed(shell, "status", **environment)[1]


def timed(shell: Shell, *words: str, **variables: str) -> tuple[Done, float]:
    began = time.monotonic()
    done = shell.run(*words, **variables)
    return done, time.monotonic() - began


@pytest.mark.parametrize(
    ("hanging", "code", "connected", "not_asked"),
    [
        ({"DAGSTER_POSTGRES_URL": "postgresql://u:secret@{}/d"}, 0, True, ["dagster"]),
        (
            {
                "BACKLOG_URL": "http://{}",
                "WAREHOUSE_URL": "postgresql://u:secret@{}/w",
                "DAGSTER_POSTGRES_URL": "postgresql://u:secret@{}/d",
            },
            1,
            False,
            ["warehouse"],
        ),
    ],
    ids=["dagster", "all"],
)
def test_the_status_is_there_in_time_and_says_what_could_not_be_asked(
    shell: Shell,
    environment: dict[str, str],
    silent: str,
    usual: float,
    hanging: dict[str, str],
    code: int,
    connected: bool,
    not_asked: list[str],
) -> None:
    variables = environment | {name: form.format(silent) for name, form in hanging.items()}
    done, took = timed(shell, "status", "--json", **variables)
    assert done.code == code, done.text
    found = json.loads(done.out)
    assert (found["connected"], list(found["not_asked"])) == (connected, not_asked)
    assert connected or "no answer" in found["connection_error"]
    assert "secret" not in done.text
    assert took < NOISE * usual + WAITING_SECONDS
    shown, _ = timed(shell, "status", **variables)
    assert [name for name in not_asked if "not asked: no answer within" in shown.out] == not_asked


def test_an_embedded_server_that_is_stopped_in_its_tracks_is_said_not_to_answer(
    postgres_home: Path, shell: Shell, environment: dict[str, str]
) -> None:
    embedded.ensure_server(postgres_home)
    process = int((postgres_home / "postgres" / "postmaster.pid").read_text().split()[0])
    variables = {
        **{name: environment[name] for name in ("BACKLOG_URL", "BACKLOG_API_KEY")},
        "BACKLOG_ELT_HOME": str(postgres_home),
    }
    os.kill(process, signal.SIGSTOP)
    try:
        done = shell.run("status", **variables)
        problems = shell.run("alerts", **variables)
    finally:
        os.kill(process, signal.SIGCONT)
    assert (done.code, "warehouse!" in done.out) == (1, True), done.text
    assert (problems.code, "no answer within" in problems.err) == (1, True), problems.text

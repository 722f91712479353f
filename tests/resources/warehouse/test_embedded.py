"""The embedded server: one command starts it, whether or not it is running already."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from resources.warehouse.server.connect import engine
from resources.warehouse.server.embedded import (
    DAGSTER,
    WAREHOUSE,
    EmbeddedServer,
    ensure_server,
    stop,
    tidy_log,
)
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute, one, refusal_of, refused
from tests.waiting import eventually

START = """
import sys, pathlib
from resources.warehouse.server.embedded import ensure_server
print(ensure_server(pathlib.Path(sys.argv[1])).url())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for a server of this test, with a name that needs quoting."""
    folder = Path(tempfile.mkdtemp(prefix="backlog-elt test&ü-"))
    yield folder
    stop(folder)
    shutil.rmtree(folder)


def _ask(server: EmbeddedServer, question: str, database: str = WAREHOUSE) -> object:
    return one(engine(server.url(database)), question)


def _processes(home: Path, count: int) -> list[str]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(home)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    return [process.communicate(timeout=120)[0].strip() for process in started]


def _pid(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def test_two_processes_start_one_server_which_outlives_them(home: Path) -> None:
    first, second = _processes(home, 2)
    pid = _pid(home)
    server = ensure_server(home)
    assert first == second == server.url()
    assert _pid(home) == pid
    assert _ask(server, "SELECT current_database()") == "warehouse"
    assert _ask(server, "SELECT current_database()", DAGSTER) == "dagster"
    assert _ask(server, "SHOW server_encoding") == "UTF8"
    assert _ask(server, "SELECT upper('é')") == "É"
    assert one(create_engine(server.url()), "SELECT 1") == 1


def test_a_server_keeps_its_data_killed_or_stopped_and_survives_a_reused_pid(
    home: Path,
) -> None:
    server = ensure_server(home)
    execute(engine(server.url()), "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(_pid(home), signal.SIGKILL)
    assert _ask(ensure_server(home), "SELECT answer FROM kept") == 42
    file = home / "postgres" / "postmaster.pid"
    lines = file.read_text().splitlines()
    assert stop(home)
    assert not stop(home)
    file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    assert _ask(ensure_server(home), "SELECT answer FROM kept") == 42
    os.kill(_pid(home), signal.SIGKILL)
    stop(home)  # whether it finds the server dying or dead
    assert not stop(home)


def test_a_server_whose_folder_was_removed_takes_nothing_of_the_next_one(home: Path) -> None:
    ensure_server(home)
    before = psutil.Process(_pid(home))
    shutil.rmtree(home / "postgres")
    server = ensure_server(home)
    before.send_signal(signal.SIGINT)  # it ends within a minute by itself
    eventually(lambda: not before.is_running() or before.status() == psutil.STATUS_ZOMBIE)
    assert ensure_server(home) == server
    assert _ask(server, "SELECT current_database()") == "warehouse"


def test_a_folder_of_a_former_version_keeps_its_port(home: Path) -> None:
    ensure_server(home)
    stop(home)
    settings = home / "postgres" / "postgresql.conf"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith("port")]
    settings.write_text("\n".join([*kept, ""]))
    server = ensure_server(home)
    assert server.port == 5432
    assert _ask(server, "SHOW port") == "5432"


def test_a_killed_first_start_is_repaired(home: Path) -> None:
    half = home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    assert _ask(ensure_server(home), "SELECT 1") == 1


def test_a_folder_too_deep_for_a_socket_gets_one_elsewhere(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    try:
        server = ensure_server(deep)
        assert _ask(server, "SELECT 1") == 1
        assert not str(server.socket_folder).startswith(str(home))
        assert ensure_server(deep) == server
        shutil.rmtree(server.socket_folder)
    finally:
        stop(deep)


def test_a_server_that_cannot_start_is_one_line_that_names_its_log(home: Path) -> None:
    ensure_server(home)
    stop(home)
    with (home / "postgres" / "postgresql.conf").open("a") as file:
        file.write("port = none\nlog_min_messages = error\n")
    with pytest.raises(WarehouseError) as caught:
        ensure_server(home)
    message = str(caught.value)
    assert caught.value.cause == "embedded_stopped"
    assert "pg_ctl ended with status 1" in message
    assert str(home / "postgres" / "log") in message
    assert "\n" not in message
    assert "port" in (home / "postgres" / "log").read_text()


SECRETS = {
    "BACKLOG_API_KEY": "s3cret-key",
    "WAREHOUSE_URL": "postgresql://u:s3cret@h/d",
    "AWS_SECRET_ACCESS_KEY": "s3cret-too",
}


def _environments(home: Path) -> str:
    """Return the environments of the server, of its children, and of a program that it starts for
    whoever is connected.
    """
    server = psutil.Process(_pid(home))
    shown = [str(server.environ())]
    for child in server.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has just ended
            shown.append(str(child.environ()))
    made = engine(ensure_server(home).url())
    execute(made, "CREATE TABLE shown (line text)", "COPY shown FROM PROGRAM 'env'")
    of_program = one(made, "SELECT string_agg(line, ' ') FROM shown")
    assert "PATH=" in of_program
    return " ".join([*shown, of_program])


def test_the_server_gets_nothing_of_the_environment_of_who_starts_it(home: Path) -> None:
    environment = {**os.environ, **SECRETS, "PGOPTIONS": "-c s3cret.x=1"}
    subprocess.run(
        [sys.executable, "-c", START, str(home)],
        env=environment,
        check=True,
        capture_output=True,
        timeout=300,
    )
    assert "s3cret" not in _environments(home)


NAME = "Zaphod 森"


def test_the_log_has_no_errors_of_statements(home: Path) -> None:
    server, log = ensure_server(home), home / "postgres" / "log"
    made = engine(server.url())
    execute(made, "CREATE TABLE people (name text PRIMARY KEY, number int)")
    for bad in (
        f"VALUES ('{NAME}', 'x')",
        f"VALUES ('{NAME}', 1), ('{NAME}', 2)",
        f"SELECT '{NAME}', CAST('{NAME}' AS int)",
    ):
        with pytest.raises((DBAPIError, WarehouseError)):
            execute(made, f"INSERT INTO people {bad}")
    execute(made, f"DO $$ BEGIN RAISE WARNING '{NAME}'; END $$")
    held = log.read_text() + (home / "postgres" / "log.old").read_text()
    assert ("starting PostgreSQL" in held, NAME in held) == (True, False)


def test_the_log_is_kept_for_days_and_can_be_erased(home: Path) -> None:
    server, log, before = (
        ensure_server(home),
        home / "postgres" / "log",
        home / "postgres" / "log.old",
    )
    log.write_text("first\n")
    assert not tidy_log(home), "it was begun just now"
    week = time.time() - 8 * 86_400
    before.touch()
    os.utime(before, (week, week))
    assert tidy_log(home)
    assert (log.read_text(), before.read_text(), before.stat().st_mode & 0o777) == (
        "",
        "first\n",
        0o600,
    )
    with log.open("a") as file:
        file.truncate(6_000_000)
    assert tidy_log(home), "it has become large"
    stop(home)
    ensure_server(home)
    assert "shut down" in log.read_text(), "the server goes on in the same file"
    assert tidy_log(home, erase=True)
    assert (log.read_text(), before.exists()) == ("", False)
    assert not tidy_log(home, erase=True)
    assert _ask(server, "SELECT 1") == 1
    assert not tidy_log(home / "nothing")


FULL = 'could not write to file "pg_wal/xlogtemp.42": No space left on device'
TO_DO = "free some space on the server's disk, and run again."


@pytest.mark.parametrize("depth", [0, 2])
def test_a_server_that_has_stopped_is_named_with_the_reason(
    home: Path,
    depth: int,
) -> None:
    deep = home.joinpath(*["d" * 60] * depth)
    server, data = ensure_server(deep), deep / "postgres"
    stop(deep)
    log = data / "log"
    error = refused(server.url())
    said, stopped = str(error), f"The embedded PostgreSQL in {data} has stopped ("
    assert error.cause == "embedded_stopped"
    assert said.startswith(f"{stopped}connection to server on socket ")
    assert said.endswith(f"): run again, which starts it; its log is {log}.")
    with log.open("a") as file:  # the last words of one whose disk is full
        file.write(f"2026-11-30 19:36:47.490 UTC [42] PANIC:  {FULL}\n")
        file.write("2026-11-30 19:36:47.500 UTC [43] FATAL:  the database system is starting up\n")
    full = refused(server.url(DAGSTER))
    assert (str(full), full.cause) == (f"{stopped}{FULL}): {TO_DO}", "disk_full")
    ensure_server(deep)
    stop(deep)
    assert "No space" not in refusal_of(server.url()), "it has worked since"
    if server.socket_folder != data:
        shutil.rmtree(server.socket_folder)

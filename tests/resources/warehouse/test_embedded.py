"""The embedded server: one command starts it, nobody has to care whether it runs already."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy import create_engine, text

from resources.warehouse.embedded import DAGSTER, WAREHOUSE, EmbeddedServer, ensure_server, stop
from resources.warehouse.errors import WarehouseError

START = """
import sys, pathlib
from resources.warehouse.embedded import ensure_server
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
    with closing(psycopg2.connect(server.url(database))) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        row = cursor.fetchone()
        assert row is not None
        return row[0]


def _processes(home: Path, count: int) -> list[str]:
    started = [subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=subprocess.PIPE, text=True) for _ in range(count)]
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
    with create_engine(server.url()).connect() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1
        conn.engine.dispose()


def test_a_killed_server_comes_back_with_its_data(home: Path) -> None:
    server = ensure_server(home)
    with closing(psycopg2.connect(server.url())) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(_pid(home), signal.SIGKILL)
    assert _ask(ensure_server(home), "SELECT answer FROM kept") == 42


def test_a_stopped_server_keeps_its_data_and_survives_a_reused_process_number(home: Path) -> None:
    server = ensure_server(home)
    with closing(psycopg2.connect(server.url())) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    file = home / "postgres" / "postmaster.pid"
    lines = file.read_text().splitlines()
    assert stop(home)
    assert not stop(home)
    file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    assert _ask(ensure_server(home), "SELECT answer FROM kept") == 42


def test_a_server_whose_folder_was_removed_is_ended_before_another_takes_its_place(home: Path) -> None:
    ensure_server(home)
    forgotten = psutil.Process(_pid(home))
    shutil.rmtree(home / "postgres")
    server = ensure_server(home)
    assert not forgotten.is_running() or forgotten.status() == psutil.STATUS_ZOMBIE
    assert _ask(server, "SELECT current_database()") == "warehouse"


def test_a_first_start_that_was_killed_is_made_good(home: Path) -> None:
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
        file.write("max_connections = none\n")
    with pytest.raises(WarehouseError) as caught:
        ensure_server(home)
    message = str(caught.value)
    assert "pg_ctl ended with status 1" in message
    assert str(home / "postgres" / "log") in message
    assert "WAREHOUSE_URL" in message
    assert "\n" not in message


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseError, match="cannot be started"):
        ensure_server(tmp_path / "file" / "home")

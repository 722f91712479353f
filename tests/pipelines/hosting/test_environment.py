"""What a running `up` records about itself, and which space a command reads from."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import pytest
from sqlalchemy import Engine

from pipelines.hosting.environment import (
    PROJECT_ROOT,
    check_kind,
    check_storage,
    embedded,
    prepare_storage,
    source,
)
from pipelines.hosting.runtime import Runtime, take
from resources.secret import Secret, reveal
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.server.connect import socket_folder
from resources.warehouse.state.sync_state import note_space_url
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import database_url

UI, SERVICE = "http://127.0.0.1:3000", "http://127.0.0.1:3001"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of an empty environment in a folder of its own; what a command sets is
    taken back.
    """
    for name in (
        "BACKLOG_URL",
        "BACKLOG_API_KEY",
        "BACKLOG_ELT_HOME",
        "DAGSTER_HOME",
        "DAGSTER_POSTGRES_URL",
        "BACKLOG_ELT_SIMULATED",
    ):
        monkeypatch.setenv(name, "")
    return Settings.from_env({"BACKLOG_ELT_HOME": str(tmp_path)})


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[TextIO]:
    """Hold the lock that a running `up` holds."""
    taken = take(tmp_path)
    assert taken is not None
    with taken:
        yield taken


SIMULATED = Runtime(
    dagster_url=UI,
    service_url=SERVICE,
    backlog_url="http://127.0.0.1:8000",
    backlog_api_key="simulated-key",
)
REAL = replace(SIMULATED, backlog_url="https://acme.backlog.com", backlog_api_key=None)


def test_a_running_up_is_found_by_what_it_wrote(lock: TextIO, tmp_path: Path) -> None:
    assert Runtime.read(tmp_path) is None, "it has not come so far"
    for written in (SIMULATED, REAL):
        written.write(lock)
        assert Runtime.read(tmp_path) == written
    assert REAL.pid == os.getpid()
    assert (tmp_path / "runtime.json").stat().st_mode & 0o777 == 0o600
    lock.close()
    assert Runtime.read(tmp_path) is None, "it was killed"


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', '{"children": {"x": 1}}'])
def test_a_file_that_cannot_be_read_means_that_nothing_runs(tmp_path: Path, text: str) -> None:
    (tmp_path / "runtime.json").write_text(text)
    assert Runtime.read(tmp_path) is None


def test_a_command_next_to_a_running_up_reads_the_same_simulated_space(
    settings: Settings, lock: TextIO
) -> None:
    SIMULATED.write(lock)
    with source(settings) as found:
        assert (found.backlog_url, found.backlog_api_key) == (
            "http://127.0.0.1:8000",
            Secret("simulated-key"),
        )
        assert (os.environ["BACKLOG_URL"], os.environ["BACKLOG_API_KEY"]) == (
            "http://127.0.0.1:8000",
            "simulated-key",
        )


def test_a_command_without_a_space_next_to_an_up_on_a_real_one_says_which_to_name(
    settings: Settings, lock: TextIO
) -> None:
    REAL.write(lock)
    with (
        pytest.raises(
            SettingsError, match=r"BACKLOG_URL is '': expected https://acme\.backlog\.com"
        ),
        source(settings),
    ):
        pass


def test_the_service_next_to_a_running_up_uses_its_simulated_space_and_its_dagster(
    settings: Settings,
) -> None:
    filled = SIMULATED.fill(settings)
    assert (filled.backlog_url, filled.dagster_url) == ("http://127.0.0.1:8000", UI)
    assert reveal(filled.backlog_api_key) == "simulated-key"
    named = replace(
        settings,
        backlog_url="https://acme.backlog.com",
        backlog_api_key=Secret("k"),
        dagster_url="http://dagster:3000",
    )
    assert SIMULATED.fill(named) == named


def test_storage_is_laid_out_for_dagster_under_the_home(settings: Settings, tmp_path: Path) -> None:
    given = replace(
        settings,
        warehouse_url=Secret("postgresql://a/w"),
        dagster_postgres_url=Secret("postgres://user@host/dagster"),
    )
    prepare_storage(given)
    assert os.environ["DAGSTER_POSTGRES_URL"] == "postgresql://user@host/dagster"
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "dagster")
    assert (tmp_path / "dagster" / "dagster.yaml").read_text() == (
        PROJECT_ROOT / "dagster.yaml"
    ).read_text()
    assert not (tmp_path / "postgres").exists()


@pytest.mark.usefixtures("settings")
def test_a_storage_that_refuses_is_named_with_its_variable_and_keeps_its_cause(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", database_url(postgres_url, "of_nobody"))
    said = r"^Dagster's storage: .* correct its name in DAGSTER_POSTGRES_URL\.$"
    with pytest.raises(WarehouseError, match=said) as caught:
        check_storage()
    assert caught.value.cause == "database_refused"


def test_a_simulated_space_fills_a_server_only_when_it_is_asked_for(
    settings: Settings, lock: TextIO
) -> None:
    server = replace(settings, warehouse_url=Secret("postgresql://loader@db.example.com/warehouse"))
    expected = (
        "BACKLOG_URL is '': expected the root of a space; or simulated, to fill "
        "the server of WAREHOUSE_URL"
    )
    with pytest.raises(SettingsError, match=expected), source(server):
        pass
    with pytest.raises(SettingsError, match=expected):
        check_kind(server)
    SIMULATED.write(lock)
    with source(replace(server, simulated_by_name=True)) as found:
        assert found.backlog_url == "http://127.0.0.1:8000"
    assert os.environ["BACKLOG_ELT_SIMULATED"] == "1"
    assert Settings.from_env({"BACKLOG_URL": "simulated"}).simulated_by_name


def test_the_url_of_the_embedded_server_leads_to_it(settings: Settings, postgres_url: str) -> None:
    """The server of this session stands for that of another home."""
    assert embedded(settings)
    elsewhere = replace(settings, warehouse_url=Secret(postgres_url))
    assert not embedded(elsewhere)
    if socket_folder(postgres_url):
        assert embedded(replace(elsewhere, home=Path(socket_folder(postgres_url)).parent))


@pytest.mark.parametrize(
    ("held", "mine", "said"),
    [
        ([], None, ""),
        (["http://127.0.0.1:41234"], None, ""),
        (
            ["https://acme.backlog.com"],
            None,
            "a warehouse of its own for a simulated space: this one holds https://acme.backlog.com",
        ),
        (["https://acme.backlog.com", "http://127.0.0.1:41234"], None, ""),
        ([], "https://acme.backlog.com", ""),
        (["https://beta.backlog.jp"], "https://acme.backlog.com", ""),
        (
            ["http://127.0.0.1:41234"],
            "https://acme.backlog.com",
            "a warehouse of its own for https://acme.backlog.com: this one holds a s",
        ),
        (["http://127.0.0.1:41234", "https://beta.backlog.jp"], "https://acme.backlog.com", ""),
        (["https://acme.backlog.com"], "http://localhost:8080", ""),
    ],
)
def test_a_simulated_space_and_a_real_one_do_not_come_into_one_warehouse(
    settings: Settings,
    warehouse_url: str,
    warehouse: Engine,
    held: list[str],
    mine: str | None,
    said: str,
) -> None:
    with warehouse.begin() as connection:
        for number, url in enumerate(held):
            note_space_url(connection, f"SPACE{number}", url)
    own = replace(
        settings,
        warehouse_url=Secret(warehouse_url),
        backlog_url=mine,
        simulated=mine is None,
        simulated_by_name=True,
    )
    if said:
        with pytest.raises(
            SettingsError, match=f"WAREHOUSE_URL is 'postgresql:…': expected {said}"
        ):
            check_kind(own)
    else:
        check_kind(own)

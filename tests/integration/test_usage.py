"""Wrong usage and wrong settings: exit code 2, one line that names what is wrong, nothing
started.
"""

import socket
from pathlib import Path

import pytest

from pipelines.cli import main
from resources.warehouse.server.embedded import stop
from simulator.__main__ import parser
from tests.integration.commands import Done, Shell
from tests.ports import free_port

SPACE = {"BACKLOG_URL": "http://127.0.0.1:1", "BACKLOG_API_KEY": "k3y-of-the-space"}
SECRET = "s3cr3t-of-the-database"


def refused(done: Done, folder: Path) -> str:
    """Return the line of a command that was refused, after a look at what else it must not have
    done.
    """
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    assert not (folder / "home").exists()
    return done.lines[-1]


#: One for each program that reads variables; all others, for each command, are in
#: `tests/pipelines/test_wrong_settings.py` and `test_wrong_options.py`.
PROGRAMS = [
    (
        ["load"],
        {"WAREHOUSE_URL": f"host=db password={SECRET}"},
        "WAREHOUSE_URL is '…' (it does not begin with postgresql://)",
    ),
    (
        ["-m", "service"],
        {"BACKLOG_SERVICE_TOKEN": "short"},
        "BACKLOG_SERVICE_TOKEN is '…': expected a secret of 16 characters",
    ),
    (
        ["-m", "pipelines.hosting.code_server"],
        {"BACKLOG_URL": ""},
        "BACKLOG_URL is '': expected the root of the space to which BACKLOG_API_KEY",
    ),
    (
        ["-m", "pipelines.hosting.deployed", "webserver"],
        {"DAGSTER_POSTGRES_URL_FILE": SECRET},
        "DAGSTER_POSTGRES_URL_FILE is '…' (no such",
    ),
]


@pytest.mark.parametrize(("arguments", "variables", "said"), PROGRAMS)
def test_a_malformed_variable_or_option_is_named(
    shell: Shell, tmp_path: Path, arguments: list[str], variables: dict[str, str], said: str
) -> None:
    done = shell.run(*arguments, **(SPACE | variables))
    assert refused(done, tmp_path).startswith(f"Error: {said}")
    assert len(done.lines) == 1
    assert SECRET not in done.text


def test_a_home_that_cannot_be_made_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = shell.run("load", **SPACE, BACKLOG_ELT_HOME=str(tmp_path / "file" / "home"))
    assert "BACKLOG_ELT_HOME is '" in refused(done, tmp_path)


def test_the_options_of_simulate_are_those_of_the_simulator() -> None:
    theirs = {
        action.option_strings[-1]: (action.default or None, tuple(action.choices or ()))
        for action in parser()._actions
        if action.option_strings[-1] != "--help"
    }
    ours = {
        option.opts[-1]: (
            option.to_info_dict()["default"] or None,
            tuple(getattr(option.type, "choices", ())),
        )
        for option in main.commands["simulate"].params
    }
    assert ours == theirs


@pytest.mark.parametrize("name", ["BACKLOG_DAGSTER_LOCATION", "BACKLOG_MARTS_OF"])
def test_up_is_for_one_space_alone(shell: Shell, tmp_path: Path, name: str) -> None:
    done = shell.run("up", **SPACE, **{name: "acme"})
    assert (done.code, len(done.lines)) == (1, 1)
    assert f"{name} is set, as where several spaces share one Dagster" in done.err
    assert not (tmp_path / "home").exists()


def test_a_port_in_use_is_one_line_that_names_it(shell: Shell, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = {
            ("up", "--port", port): f"port {port} on 127.0.0.1 is in use",
            ("up", "--port", str(free_port()), "--service-port", port): "--service-port",
            ("serve", "--port", port): f"cannot listen on port {port} of 127.0.0.1",
            ("simulate", "--port", port): f"cannot listen on 127.0.0.1:{port}",
        }
        for arguments, line in said.items():
            done = shell.run(*arguments, **({} if "simulate" in arguments else SPACE))
            assert (done.code, len(done.lines), done.out) == (1, 1, ""), arguments
            assert line in done.err
            assert port in done.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("$(touch ran)", "variable"),
        ("`touch ran`", "working folder"),
        ('a";touch ran;"', "link"),
    ],
)
def test_a_home_whose_path_a_shell_would_read_is_refused_and_no_command_in_it_runs(
    tmp_path: Path, name: str, way: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    if way == "working folder":
        done = Shell(folder, {}).run("status")
    else:
        home = folder if way == "variable" else tmp_path / "link"
        done = Shell(tmp_path, {"BACKLOG_ELT_HOME": str(home)}).run("status")
    assert refused(done, tmp_path).startswith("Error: BACKLOG_ELT_HOME is ")
    assert "expected a folder without $, " in done.lines[-1]
    assert len(done.lines) == 1
    assert not list(tmp_path.rglob("ran"))
    assert list(folder.iterdir()) == []


def test_a_home_may_have_blanks_quotes_and_japanese_letters(tmp_path: Path) -> None:
    home = tmp_path / "家 'n' (1); touch ran & %s {{x}} #"
    try:
        done = Shell(tmp_path, {"BACKLOG_ELT_HOME": str(home)}).run("status")
    finally:
        stop(home)
    assert done.code == 0, done.err
    assert "warehouse      embedded" in done.out
    assert not list(tmp_path.rglob("ran"))


def test_a_home_beside_servers_of_ones_own_may_have_any_name(tmp_path: Path) -> None:
    servers = {
        "WAREHOUSE_URL": "postgresql://u@127.0.0.1:9/w",
        "DAGSTER_POSTGRES_URL": "postgresql://u@127.0.0.1:9/d",
    }
    done = Shell(tmp_path, {"BACKLOG_ELT_HOME": str(tmp_path / "$a")}).run(
        "status", **SPACE, **servers
    )
    assert (done.code, done.lines[-1][:42]) == (1, "Error: The warehouse cannot be used (conne")

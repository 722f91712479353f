"""Wrong options and words: exit code 2, one line that names what is wrong, nothing started; and the
help of each command.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main

pytestmark = pytest.mark.usefixtures("as_it_was")

SPACE = {"BACKLOG_URL": "http://127.0.0.1:1", "BACKLOG_API_KEY": "k3y-of-the-space"}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a command with some variables, a home that is not there yet, and
    nothing else set.
    """

    def start(*words: str, **variables: str) -> Result:
        home = {"BACKLOG_ELT_HOME": str(tmp_path / "home")}
        return CliRunner(env={**home, **variables}).invoke(main, words, prog_name="backlog-elt")

    return start


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["load", "--from", "2024-13"], "--from is '2024-13': expected a month as YYYY-MM"),
        (["load", "--to", "last month"], "--to is 'last month': expected a month as YYYY-MM"),
        (
            ["load", "--from", "2026-05", "--to", "2026-04"],
            "--from is '2026-05': expected a month not after --to 2026-04",
        ),
        (["load", "--fast"], "the option is '--fast': expected --full, --project, --from, "),
        (
            ["metrics", "hours", "--in", "weeks"],
            "--in is 'weeks': expected seconds or hours or days",
        ),
        (["metrics", "hours", "--limit", "x"], "--limit is 'x': expected a whole number"),
        (["load", "now"], "the argument is 'now': expected none"),
        (["load", "--from"], "--from is '': expected YYYY-MM (Read again from this month"),
        (["load", "--full=1"], "--full is '': expected no value"),
        (["--loud"], "the option is '--loud': expected --debug, --version"),
        (["up", "--port", "99999"], "--port is '99999': expected a whole number from 1 to 65535"),
        (["up", "--port", "http"], "--port is 'http': expected a whole number from 1 to 65535"),
        (["up", "--port", "0"], "--port is '0': expected a whole number from 1 to 65535"),
        (
            ["up", "--port", "3001"],
            "--service-port is '3001': expected a port other than that of the Dagster UI (--port)",
        ),
        (
            ["up", "--port", "70", "--service-port", "070"],
            "--service-port is '70': expected a port other than that of the Dagster UI",
        ),
        (
            ["up", "--service-port", "0"],
            "--service-port is '0': expected a whole number from 1 to 65535",
        ),
        (
            ["serve", "--host", "0.0.0.0"],  # noqa: S104
            "BACKLOG_SERVICE_TOKEN is '': expected a secret of 16 characters or more, since others",
        ),
        (["fly"], "the command is 'fly': expected alerts, forget, "),
        (["grant", "all"], "the command is 'all': expected bi, dagster, loader"),
        (["forget", "--user", "0", "--yes"], "--user is '0': expected a whole number from 1 on"),
        (["forget", "--yes"], "--user is '': expected ID (Id of the user"),
        (["simulate", "--users", "0"], "--users is '0': expected a whole number from 1 on"),
        (
            ["simulate", "--limits", "all"],
            "--limits is 'all': expected demo or paid or free or none",
        ),
        (
            ["simulate", "--switch", "fast=1"],
            "--switch is 'fast=1': expected a switch of docs/simulator.md",
        ),
        *(
            (["grant", kind, "--role", "pg_monitor"], "--role is 'pg_monitor': expected")
            for kind in ("bi", "loader", "dagster")
        ),
    ],
)
def test_a_wrong_option_is_one_line_with_the_value_the_choices_and_where_to_look(
    run: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(*arguments, **SPACE)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"Error: {said}")
    assert said.startswith("BACKLOG_") or re.search(
        r"; see backlog-elt( [a-z]+)* --help$", done.stderr
    )
    assert not (tmp_path / "home").exists()


def test_every_command_explains_itself(run: Run) -> None:
    for command in every(main):
        done = run(*command, "--help")
        assert done.exit_code == 0
        assert done.stdout.startswith(f"Usage: {' '.join(['backlog-elt', *command])} [OPTIONS]")
        assert "  Examples:\n    " in done.stdout, done.stdout
        assert "..." not in done.stdout.partition("Commands:")[2].partition("Examples:")[0], (
            "a summary is cut off"
        )
        assert max(map(len, done.stdout.splitlines())) <= 80, done.stdout


def every(group: click.Group, *names: str) -> Iterator[list[str]]:
    """Yield the words of each command, those of groups too."""
    yield list(names)
    for name, command in group.commands.items():
        yield from (
            every(command, *names, name) if isinstance(command, click.Group) else [[*names, name]]
        )

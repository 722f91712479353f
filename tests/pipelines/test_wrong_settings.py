"""Every wrong setting ends every command with exit code 2 and one line, which names the variable
and holds no secret.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from resources.settings import Settings
from resources.variables import SettingsError
from tests.resources.settings_cases import SECRET, Case, cases

pytestmark = pytest.mark.usefixtures("as_it_was")

CASES = list(cases())
COMMANDS = [
    "load", "up", "status", "verify", "marts", "serve", "login", "logout", "grant bi",
    "grant loader", "grant dagster",
    "forget --user 1", "alerts", "report", "migrate",
]  # fmt: skip


def run(command: str, variables: Mapping[str, str]) -> Result:
    return CliRunner(env=variables).invoke(main, command.split(), prog_name="backlog-elt")


def wrong_with(result: Result, line: str) -> str:
    """Return what is wrong with how a command has ended, nothing where all is right."""
    lines = result.stderr.splitlines()
    right = (
        result.exit_code == 2
        and len(lines) == 1
        and re.match(f"Error: {line}", lines[0])
        and not result.stdout
    )
    return (
        ""
        if right and SECRET not in result.output
        else f"{result.exit_code} {result.output[:500]!r} is not {line}"
    )


def can_be_set(case: Case) -> bool:
    """Say whether an operating system has a variable with such a value."""
    return not any("\0" in value or len(value) > 100_000 for value in case.variables.values())


def test_each_case_is_one_line_that_names_the_variable_and_contains_no_secret() -> None:
    assert len(CASES) >= 500
    failed = []
    for case in CASES:
        try:
            failed.append(f"{Settings.from_env({**case.base, **case.variables})}: {case}")
        except SettingsError as error:
            message = str(error)
            if (
                not re.match(case.line, message)
                or "\n" in message
                or SECRET in message
                or len(message) > 600
            ):
                failed.append(f"{message[:600]} is not {case.line}")
    assert failed == []


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=COMMANDS)
def test_a_command_ends_with_the_line_and_exit_code_2_and_starts_nothing(
    number: int, tmp_path: Path
) -> None:
    home = {"BACKLOG_ELT_HOME": str(tmp_path / "home")}
    chosen = [case for case in CASES[number :: len(COMMANDS)] if can_be_set(case)]
    wrong = [
        wrong_with(run(COMMANDS[number], {**home, **case.base, **case.variables}), case.line)
        for case in chosen
    ]
    assert [one for one in wrong if one] == []
    assert len(chosen) > 20
    assert not (tmp_path / "home").exists()


#: What is in the file .env, and the line.
FILES = {
    "latin-1": (
        f"BACKLOG_BI_PASSWORD={SECRET}\n# caf\xe9\n".encode("latin-1"),
        r"line 2 of \.env is '…': expected text in UTF-8",
    ),
    "utf-16": (
        "BACKLOG_TIMEZONE=UTC\n".encode("utf-16"),
        r"line 1 of \.env is '…': expected text in UTF-8",
    ),
    "shift-jis": (
        "# 設定\n".encode("shift-jis"),
        r"line 1 of \.env is '…': expected text in UTF-8",
    ),
    "NUL": (
        f"\n\nBACKLOG_URL={SECRET}\0\n".encode(),
        r"line 3 of \.env is '…': expected text without control",
    ),
    "full-width =": (
        f"A=1\n\nBACKLOG_URL＝https://{SECRET}\n".encode(),
        r"line 3 of \.env is '…': expected NAME=value",
    ),
    "full-width name": (
        f"ＢＡＣＫＬＯＧ_ＵＲＬ=https://{SECRET}\n".encode(),
        r"line 1 of \.env is '…': expected NAME=value",
    ),
    "colon": (
        f"# mine\nBACKLOG_API_KEY: {SECRET}\n".encode(),
        r"line 2 of \.env is '…': expected NAME=value",
    ),
    "blank": (
        f"BACKLOG_API_KEY {SECRET}\n".encode(),
        r"line 1 of \.env is '…': expected NAME=value",
    ),
    "name alone": (b"BACKLOG_URL\n", r"line 1 of \.env is '…': expected NAME=value"),
    "open quote": (
        f"BACKLOG_API_KEY='{SECRET}\nBACKLOG_TIMEZONE=UTC\n".encode(),
        r"line 1 of \.env is '…': expected NAME=value",
    ),
    "no name": (f"={SECRET}\n".encode(), r"line 1 of \.env is '…': expected NAME=value"),
    "wrong value": (
        b"BACKLOG_TIMEZONE=Mars/Olympus\n",
        r"BACKLOG_TIMEZONE is 'Mars/Olympus': expected an IANA time zone",
    ),
    "typographic quotes": (
        "BACKLOG_TIMEZONE=“UTC”\n".encode(),
        r"BACKLOG_TIMEZONE is '“UTC”': expected an IANA time zone",
    ),
    "unknown": (
        f"BACKLOG_APIKEY={SECRET}\n".encode(),
        r"BACKLOG_APIKEY is '…': expected no variable of this name: did you mean",
    ),
    "key alone": (
        f"BACKLOG_API_KEY={SECRET}\n".encode(),
        r"BACKLOG_URL is '': expected the root of the space to which",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_variables_that_cannot_be_read_names_the_line(kind: str, tmp_path: Path) -> None:
    held, line = FILES[kind]
    (tmp_path / ".env").write_bytes(held)
    assert wrong_with(run("load", {}), line) == ""


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert (
        wrong_with(
            run("load", {}), r"\.env is '…' \(is a directory\): expected a file that can be read"
        )
        == ""
    )


def test_an_env_file_may_have_a_bom_quotes_and_lines_of_other_programs(tmp_path: Path) -> None:
    lines = (
        "export BACKLOG_TIMEZONE = 'UTC'",
        "# BACKLOG_URL",
        "",
        "OTHER",
        "OTHER.NAME=x",
        'BACKLOG_HISTORY_START="1999-01" # old',
    )
    (tmp_path / ".env").write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())
    os.environ.pop("BACKLOG_HISTORY_START")
    assert (
        wrong_with(
            run("status", {}), r"BACKLOG_HISTORY_START is '1999-01': expected a month from 2000-01"
        )
        == ""
    )
    assert os.environ["BACKLOG_TIMEZONE"] == "UTC"


@pytest.mark.parametrize(
    "word", [f"BACKLOG_API_KEY={SECRET}", f"postgresql://u:{SECRET}@host/db", SECRET + "0" * 20]
)
def test_what_was_meant_for_a_variable_is_not_shown_where_a_word_belongs(word: str) -> None:
    for command, line in (
        (word, "the command is '…': expected alerts, "),
        (f"load {word}", "the argument is '…': expected none"),
        (f"grant {word}", "the command is '…': expected bi, "),
        (f"load --{word}", "the option is '…': expected --full"),
    ):
        assert wrong_with(run(command, {}), line) == ""

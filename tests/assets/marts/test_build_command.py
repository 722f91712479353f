"""What `backlog-elt marts` prints for a build that fails, one line for each model and check, and
what builds leave behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from assets.marts.build import _events
from assets.marts.project import DBT, connected, manifest, parse, target_of
from pipelines.cli.marts import build_marts, summary_line
from resources.progress import LogProgress
from resources.warehouse.connect import engine
from tests.deployment import Deployment


@contextmanager
def spoilt(deployment: Deployment, issue: int) -> Iterator[None]:
    """Spoil the marts of an issue behind dbt's back: its ledger, its state of today, and a column
    of another mart.
    """
    ledger = (
        f"UPDATE mart.hours_ledger SET hours = hours {{}} WHERE issue_id = {issue} AND position = 0"
    )
    # A name, of which no other mart is made.
    today = (
        f"UPDATE mart.issue_history SET assignee = {{}} WHERE issue_id = "
        f"{issue} AND last_day IS NULL"
    )
    names = ("characters", "letters")
    deployment.change(ledger.format("+ 1"))
    deployment.change(today.format("assignee || '!'"))
    deployment.change(f"ALTER TABLE mart.conversation RENAME COLUMN {names[0]} TO {names[1]}")
    try:
        yield
    finally:
        deployment.change(ledger.format("- 1"))
        deployment.change(today.format("rtrim(assignee, '!')"))
        deployment.change(f"ALTER TABLE mart.conversation RENAME COLUMN {names[1]} TO {names[0]}")


@pytest.mark.full
def test_a_build_that_fails_names_each_model_and_check_that_failed(
    built: tuple[Deployment, int],
) -> None:
    deployment, issue = built
    lines: list[str] = []
    with spoilt(deployment, issue):
        found = build_marts(
            deployment.definitions, deployment.instance, LogProgress(write=lines.append)
        )
    assert set(found.failures) == {
        "check hours_ledger_adds_up of mart/hours_ledger; its rows are in the Dagster UI",
        (
            "check days_are_of_issues_that_are_there of mart/issue_history; its "
            "rows are in the Dagster UI"
        ),
        (
            "Database Error in model conversation (models/mart/conversation.sql): column "
            '"letters" does not exist'
        ),
    }
    assert (found.failed, found.as_json()["status"]) == (2, "failed")
    assert found.models > 0
    assert lines[-1].startswith(f"marts: {found.models} models, {found.passed} checks passed, ")
    assert lines[-1].endswith(", 2 checks failed")
    line = summary_line(found.as_json())
    assert line.startswith("failed in ")
    assert line.endswith(", 2 failed") or "2 failed (warned: " in line


def test_dbt_parses_the_project_whatever_the_shell_has_set(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "agate.py").write_text("raise RuntimeError('a module of the shell')\n")
    for name in ("DBT_TARGET_PATH", "DBT_PROFILES_DIR", "DBT_PROJECT_DIR", "DBT_LOG_PATH"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("DBT_WRITE_JSON", "false")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    parse(tmp_path / "target")
    assert (tmp_path / "target" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build"], 'Database Error: connection to server at "127.0.0.1", port 1 failed: '),
        (["build", "--nonsense"], "dbt gave no reason: backlog-elt --debug marts shows all "),
    ],
)
def test_a_dbt_that_fails_as_a_whole_is_quoted(tmp_path: Path, words: list[str], said: str) -> None:
    parsed = manifest()
    with connected(engine("postgresql://postgres@127.0.0.1:1/warehouse"), "a session"):
        invocation = DBT.cli(words, manifest=parsed, target_path=tmp_path)
    with pytest.raises(dg.Failure) as caught:
        list(_events(invocation))
    assert str(caught.value.description).splitlines()[0].startswith(said)


def test_what_dbt_has_parsed_is_kept_for_each_warehouse(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    kept = target_of(deployment.engine)
    assert (kept / "partial_parse.msgpack").stat().st_size > 100_000
    other = target_of(engine("postgresql://postgres@localhost/never_built"))
    assert other.parent == kept.parent
    assert not other.exists()

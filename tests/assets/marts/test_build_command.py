"""What `backlog-elt marts` prints for a build that fails, one line for each model and check, and
what builds leave behind.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil
import pytest
from sqlalchemy import Engine, text

from assets.marts.build import _in_words_of_dbt, _looked_up
from assets.marts.dbt import AT_ONCE, InstalledDbt
from assets.marts.project import (
    FOLDER,
    PARSED,
    _parse,
    bring_parsed,
    connected,
    keep_parsed,
    manifest,
)
from pipelines.cli.marts_command import build_marts, summary_line
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
    assert set(found["errors"]) == {
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
    assert (found["checks"]["failed"], found["status"]) == (2, "failed")
    assert found["models"] > 0
    assert lines[-1].startswith(
        f"marts: {found['models']} models, {found['checks']['passed']} checks passed, "
    )
    assert lines[-1].endswith(", 2 checks failed")
    line = summary_line(found)
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
    _parse(tmp_path / "target")
    assert (tmp_path / "target" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build"], 'Database Error: connection to server at "127.0.0.1", port 1 failed: '),
        (["build", "--nonsense"], "dbt gave no reason: backlog-elt --debug marts shows all "),
    ],
)
def test_a_dbt_that_fails_as_a_whole_is_quoted(tmp_path: Path, words: list[str], said: str) -> None:
    folder = str(FOLDER)
    dbt = InstalledDbt(
        project_dir=folder,
        profiles_dir=folder,
        dbt_executable=sys.executable,
        global_config_flags=AT_ONCE,
    )
    parsed = manifest()
    with connected(engine("postgresql://postgres@127.0.0.1:1/warehouse"), unchanged=False):
        invocation = dbt.cli(words, manifest=parsed, target_path=tmp_path)
    with pytest.raises(dg.Failure) as caught:
        list(_in_words_of_dbt(invocation.stream()))
    assert str(caught.value.description).splitlines()[0].startswith(said)


def test_what_dbt_has_parsed_is_kept_for_each_warehouse(
    built: tuple[Deployment, int], tmp_path: Path
) -> None:
    deployment, _ = built
    other = engine("postgresql://postgres@localhost/never_built")
    (tmp_path / PARSED).write_bytes(b"of another warehouse")
    keep_parsed(other, tmp_path)
    bring_parsed(deployment.engine, tmp_path)
    assert len((tmp_path / PARSED).read_bytes()) > 100_000
    bring_parsed(other, tmp_path)
    assert (tmp_path / PARSED).read_bytes() == b"of another warehouse"


def test_what_is_shown_of_a_table_comes_with_its_event_in_order_also_before_an_error() -> None:
    def events() -> Iterator[dg.Output[str] | str]:
        yield "a test"
        yield dg.Output("slow", "one")
        yield "the test of one"
        yield dg.Output("fast", "two")
        raise RuntimeError("dbt has failed")

    released = threading.Event()

    def look(output: dg.Output[str]) -> dict[str, str]:
        assert released.wait(60), "the events come while the look is taken"
        return {"seen": output.value}

    found = _looked_up(events(), look)
    seen = [next(found)[0]]
    released.set()
    with pytest.raises(RuntimeError, match="dbt has failed"):
        seen.extend(
            (event.output_name, shown.result()) if isinstance(event, dg.Output) else event
            for event, shown in found
        )
    assert seen == [
        "a test",
        ("one", {"seen": "slow"}),
        "the test of one",
        ("two", {"seen": "fast"}),
    ]


#: Starts what it is given, says its number, and waits for it.
PARENT = (
    "import subprocess, sys; one = subprocess.Popen(sys.argv[1:]); "
    "print(one.pid, flush=True); one.wait()"
)


@pytest.mark.timeout(300)
def test_dbt_ends_with_the_process_that_started_it(warehouse: Engine) -> None:
    """A run that was killed holds no lock any more, so the next build would run at the same
    time.
    """
    words = ["run-operation", "run_query", "--args", json.dumps({"sql": "select pg_sleep(600)"})]
    with connected(warehouse, unchanged=False), tempfile.TemporaryDirectory() as target:
        paths = [
            "--project-dir",
            str(FOLDER),
            "--profiles-dir",
            str(FOLDER),
            "--target-path",
            target,
        ]
        command = [sys.executable, "-c", PARENT, sys.executable, *AT_ONCE, *words, *paths]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        started = psutil.Process(int(parent.stdout.readline()))
        with warehouse.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            asleep = text(
                "SELECT pid FROM pg_stat_activity WHERE query ~ 'pg_sleep.600' "
                "AND pid <> pg_backend_pid()"
            )
            while not connection.execute(asleep).all():
                assert parent.poll() is None, "dbt has failed"
                time.sleep(0.1)
            parent.kill()
            parent.communicate()
            started.wait(120)
            # The server would notice when the statement ends.
            connection.execute(
                text("SELECT pg_terminate_backend(:pid)"),
                {"pid": connection.execute(asleep).scalar_one()},
            )


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["build", "--nonsense"], 2)])
def test_dbt_ends_with_its_own_exit_code_and_all_of_its_words(words: list[str], code: int) -> None:
    ended = subprocess.run(
        [sys.executable, *AT_ONCE, *words], capture_output=True, text=True, check=False
    )
    assert ended.returncode == code
    assert ("installed" if code == 0 else "No such option") in ended.stdout + ended.stderr

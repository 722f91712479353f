"""What `backlog-elt marts` prints for a build that fails, one line for each model and check, and
what builds leave behind.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from dagster_dbt import DagsterDbtCliRuntimeError
from sqlalchemy import Engine, text

from assets.location import SETTINGS
from assets.marts.build import DBT, events_of
from assets.marts.dbt_errors import why_not_built
from assets.marts.manifest import dbt_environment, manifest, parse
from pipelines.cli.marts_command import build_marts, summary_line
from resources.progress import LogProgress
from resources.warehouse.server.connect import engine
from resources.warehouse.state.builds import marts_locked
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
            '"letters" does not exist; the Dagster UI has the details'
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


@pytest.mark.full
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
        (["build"], 'connection to server at "127.0.0.1", port 1 failed: '),
        (["build", "--nonsense"], "dbt gave no reason: backlog-elt --debug marts shows all "),
    ],
)
def test_a_dbt_that_fails_as_a_whole_is_quoted(tmp_path: Path, words: list[str], said: str) -> None:
    parsed = manifest()
    with dbt_environment(engine("postgresql://postgres@127.0.0.1:1/warehouse"), "a session"):
        invocation = DBT.cli(words, manifest=parsed, target_path=tmp_path)
    with pytest.raises(DagsterDbtCliRuntimeError) as caught:
        list(events_of(invocation))
    found = why_not_built((), str(caught.value.description))
    assert found.cause == "project_broken"
    assert said in found.line


def test_what_dbt_has_parsed_is_kept_for_the_next_build(built: tuple[Deployment, int]) -> None:
    kept = SETTINGS.home / "dbt" / str(built[0].engine.url.database)
    assert (kept / "partial_parse.msgpack").stat().st_size > 100_000


#: A run in a process of its own: it holds the lock of builds, and dbt builds for it.
RUN = """
import sys
from pathlib import Path
from assets.marts.build import DBT
from assets.marts.manifest import dbt_environment
from resources.warehouse.state.builds import dbt_session, marts_locked
from resources.warehouse.server.connect import engine

made = engine(sys.argv[1])
with marts_locked(made, "a run", 0):
    with dbt_environment(made, dbt_session(made)):
        invocation = DBT.cli(["build"], target_path=Path(sys.argv[2]))
    invocation.wait()
"""
#: What a build has made, each once more where it was made again.
MADE = text(
    "SELECT array_agg(oid ORDER BY oid) FROM pg_class WHERE relnamespace IN "
    "(to_regnamespace('mart'), to_regnamespace('staging'))"
)
AT_WORK = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name LIKE 'backlog-elt build %' AND wait_event_type = 'Lock'"
)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_run_that_is_killed_leaves_no_build_at_work(
    warehouse: Engine, warehouse_url: str, tmp_path: Path
) -> None:
    with warehouse.connect() as held:
        # A model waits for this table when its transaction has begun.
        held.execute(text("LOCK TABLE raw.issues IN ACCESS EXCLUSIVE MODE"))
        words = [sys.executable, "-c", RUN, warehouse_url, str(tmp_path)]
        parent = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with warehouse.execution_options(isolation_level="AUTOCOMMIT").connect() as looking:
            while not looking.execute(AT_WORK).scalar_one():
                assert parent.poll() is None, "dbt has failed"
                time.sleep(0.1)
            [dbt] = [
                one for one in psutil.Process(parent.pid).children() if "build" in one.cmdline()
            ]
            parent.kill()
            parent.wait()
            with marts_locked(warehouse, "the next run", 30):
                assert not looking.execute(AT_WORK).scalar_one()
                made = looking.execute(MADE).scalar_one()
                held.rollback()
                dbt.wait(120)
                assert looking.execute(MADE).scalar_one() == made

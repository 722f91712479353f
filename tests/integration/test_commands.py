"""`backlog-elt load`, `marts` and `status` for real: on a simulated space over HTTP, a warehouse,
and Dagster's own storage.

All tests share one loaded deployment, since each load is a process of several seconds.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from resources.warehouse.connect import engine, parse_url
from resources.warehouse.locks import Locks
from resources.warehouse.migrations import upgrade
from resources.warehouse.schema import SPECS
from simulator import PLANS, Fault, Simulator, SpaceSpec
from sync.results.command_results import LoadResult, StatusResult
from tests.integration.commands import Done, Shell, end
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.shapes import misfits

pytestmark = pytest.mark.long

SPEC = SpaceSpec(seed=3, users=8, projects=3, issues=90, history_days=240)
COUNTERS = ["read", "inserted", "updated", "unchanged", "deleted", "rejected"]


@dataclass(frozen=True)
class Deployed:
    """A deployment that has done its first load."""

    sim: Simulator
    shell: Shell
    first: Done

    def query(self, variable: str, sql: str) -> list[tuple[object, ...]]:
        """Ask the database of `WAREHOUSE_URL` or `DAGSTER_POSTGRES_URL`."""
        engine = create_engine(parse_url(self.shell.variables[variable]))
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text(sql))]
        engine.dispose()
        return rows

    def everything(self, variable: str) -> str:
        """Return all rows of all tables of a database as text."""
        names = (
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE "
            "schemaname !~ '^(pg_|information)'"
        )
        tables = [str(row[0]) for row in self.query(variable, names)]
        return "\n".join(
            str(row[0])
            for table in tables
            for row in self.query(variable, f"SELECT t::text FROM {table} t")
        )


@pytest.fixture(scope="module")
def deployed(new_database: NewDatabase) -> Iterator[Deployed]:
    """Return a deployment that has done its first load."""
    with Simulator(SPEC, limits=PLANS["paid"]) as sim, tempfile.TemporaryDirectory() as folder:
        shell = Shell(
            Path(folder),
            {
                "BACKLOG_URL": sim.url,
                "BACKLOG_API_KEY": sim.api_key,
                "WAREHOUSE_URL": new_database(),
                "DAGSTER_POSTGRES_URL": new_database(),
                "BACKLOG_ELT_HOME": f"{folder}/home",
                "BACKLOG_HISTORY_START": "2026-01",
            },
        )
        yield Deployed(sim, shell, shell.run("--debug", "load", "--json"))


def test_the_first_load_prints_the_object_of_the_contract(deployed: Deployed) -> None:
    assert deployed.first.code == 0, deployed.first.err
    [line] = deployed.first.out.splitlines()
    found = json.loads(line)
    assert set(found) >= {"status", "tables", "requests", "seconds"}
    assert misfits(found, LoadResult) == []
    assert found["status"] == "completed"
    assert list(found["tables"]["issues"]) == COUNTERS
    assert set(found["tables"]) == set(SPECS)
    assert found["tables"]["issues"] == dict.fromkeys(COUNTERS, 0) | {"read": 90, "inserted": 90}
    assert found["tables"]["projects"]["inserted"] == 3
    assert set(found["requests"]) >= {"read", "search", "retries", "rate_limited"}
    assert found["requests"]["retries"] == 0
    assert found["seconds"] > 0


def test_every_request_of_a_load_is_in_its_figures(deployed: Deployed) -> None:
    deployed.sim.requests.clear()
    done = deployed.shell.run(
        "--debug", "load", "--json", "--no-progress", BACKLOG_LOG_FORMAT="json"
    )
    requests = json.loads(done.out)["requests"]
    assert requests == {**deployed.sim.requests.by_bucket(), "retries": 0, "rate_limited": 0}
    # Each is a line of the log besides, and all that is written there is for machines.
    lines = [json.loads(line) for line in done.lines]
    logged = [line["bucket"] for line in lines if line["logger"] == "backlog_elt.requests"]
    assert Counter(logged) == deployed.sim.requests.by_bucket()
    assert {line["asset"] for line in lines if line.get("path") == "/users"} == {"raw/users"}


def test_a_second_load_changes_nothing_and_prints_a_table(deployed: Deployed) -> None:
    done = deployed.shell.run("load")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["table", *COUNTERS]
    changed = {
        line.split()[0]: [line.split()[column] for column in (2, 3, 5, 6)]
        for line in lines[2 : 2 + len(SPECS)]
    }
    assert changed == dict.fromkeys(SPECS, ["0"] * 4)
    assert lines[-1].startswith("completed in ")
    assert "Traceback" not in done.err
    assert done.lines[-1].startswith("Next: backlog-elt marts builds the marts")


def test_a_load_of_some_months_reads_only_these_and_finds_what_has_vanished(
    deployed: Deployed,
) -> None:
    project = deployed.sim.space.project("OPS")
    gone = next(
        issue for issue in project.issues.values() if 1_772_300_000 < issue.updated < 1_777_500_000
    )  # March, April 2026
    deployed.sim.space.delete_issue(gone.id)
    done = deployed.shell.run(
        "load",
        "--project",
        "OPS",
        "--from",
        "2026-03",
        "--to",
        "2026-04",
        "--json",
        "--no-progress",
    )
    assert done.code == 0, done.err
    assert done.err == ""
    issues = json.loads(done.out)["tables"]["issues"]
    assert (issues["inserted"], issues["deleted"]) == (0, 1)
    assert issues["read"] < 90


def test_the_runs_of_a_load_are_seen_in_dagster(deployed: Deployed) -> None:
    jobs = deployed.query(
        "DAGSTER_POSTGRES_URL", "SELECT DISTINCT pipeline_name, status FROM runs ORDER BY 1"
    )
    assert jobs == [
        (job, "SUCCESS") for job in ("count_reconciliation", "issues", "projects", "users")
    ]


def test_the_status_prints_the_object_of_the_contract(deployed: Deployed) -> None:
    done = deployed.shell.run("status", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert misfits(found, StatusResult) == []
    assert (found["space"], found["connected"], found["active"], found["simulated"]) == (
        "acme",
        True,
        [],
        False,
    )
    assert found["warehouse"]["embedded"] is False
    assert "***" in found["warehouse"]["url"]
    assert found["dagster"] == {"url": None}
    # Changes are made from the comments, not synced by themselves.
    assert {sync["sync_type"] for sync in found["last_syncs"]} == set(SPECS) - {"issue_changes"}
    assert {sync["status"] for sync in found["last_syncs"]} == {"completed"}
    assert all(
        isinstance(sync[figure], int)
        for sync in found["last_syncs"]
        for figure in ("items_synced", "items_failed", "requests")
    )
    assert found["last_24h"]["failed"] == 0
    assert found["history"]["complete"] == found["history"]["issues"] > 0
    assert found["rate_limit"]["search"]["limit"] == 150


def test_the_status_of_a_space_that_does_not_answer_shows_what_is_known(deployed: Deployed) -> None:
    done = deployed.shell.run("status", BACKLOG_API_KEY="wrong-key-of-somebody")
    assert done.code == 0, done.err
    assert "check BACKLOG_API_KEY" in done.out
    assert "acme" in done.out
    assert "completed" in done.out
    assert "wrong-key-of-somebody" not in done.text


@pytest.fixture(scope="module")
def failed(deployed: Deployed, new_database: NewDatabase) -> Iterator[dict[str, Done]]:
    """Return how loads ended that cannot work; they run at the same time, each with a home and a
    warehouse of its own.
    """
    with ExitStack() as stack:

        def space(fault: Fault | None = None) -> dict[str, str]:
            sim = stack.enter_context(Simulator(SPEC))
            if fault:
                sim.faults.add(fault)
            return {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}

        variables: dict[str, dict[str, str]] = {
            "wrong key": space() | {"BACKLOG_API_KEY": "wrong-key-of-somebody"},
            "wrong host": {"BACKLOG_URL": "http://127.0.0.1:9"},
            "html": space(Fault("html", 200, times=None)),
            "not a space": space(Fault("html", 404, times=None)),
            "refused list": space(Fault(status=403, path="/priorities", times=None)),
            "no server": {"WAREHOUSE_URL": f"postgresql://loader:{PASSWORD}@127.0.0.1:9/warehouse"},
            "old warehouse": {"WAREHOUSE_URL": _of_an_old_version(new_database())},
            "no storage": {
                "DAGSTER_POSTGRES_URL": f"postgresql://loader:{PASSWORD}@127.0.0.1:9/dagster"
            },
            "no project": {},
            "no month": {},
            "for programs": space() | {"BACKLOG_API_KEY": "wrong-key-of-somebody"},
        }
        arguments = {
            "no project": ["--project", "NOPE"],
            "no month": ["--from", "2019-01"],
            "for programs": ["--json"],
        }
        running = {}
        for name, changes in variables.items():
            folder = deployed.shell.folder / name
            folder.mkdir()
            own = {"BACKLOG_ELT_HOME": str(folder / "home"), "WAREHOUSE_URL": new_database()}
            running[name] = Shell(folder, {**deployed.shell.variables, **own, **changes}).start(
                "load", *arguments.get(name, [])
            )
        yield {name: end(process) for name, process in running.items()}


def _of_an_old_version(url: str) -> str:
    """Let a warehouse look like one that an early program made, and return its URL."""
    made = engine(url)
    upgrade(made)
    with made.begin() as connection:
        connection.execute(text("UPDATE ops.alembic_version SET version_num = '0012'"))
    made.dispose()
    return url


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("wrong key", 1, ": 401, code 11"),
        ("wrong key", 1, "check BACKLOG_API_KEY"),
        ("wrong host", 1, "no answer from 127.0.0.1:9"),
        ("wrong host", 1, "check BACKLOG_URL and the network"),
        ("html", 1, "the body is not JSON"),
        ("html", 1, "is BACKLOG_URL the root of a Backlog space"),
        ("not a space", 1, "is BACKLOG_URL the root of a Backlog space"),
        ("no server", 1, "The warehouse cannot be used"),
        ("old warehouse", 1, "The warehouse has version 0012, from before the first release"),
        ("no storage", 1, "DAGSTER_POSTGRES_URL"),
        (
            "no project",
            2,
            (
                "--project is 'NOPE': expected the key of a project that the API "
                "key can see (APP, OPS, WEB)"
            ),
        ),
        (
            "no month",
            2,
            "--from is '2019-01': expected a month from 2026-01 (BACKLOG_HISTORY_START)",
        ),
    ],
)
def test_a_load_that_cannot_work_says_so_in_one_line_that_helps(
    failed: dict[str, Done], what: str, code: int, said: str
) -> None:
    done = failed[what]
    assert done.code == code, done.text
    [line] = done.lines
    assert line.startswith("Error: ")
    assert said in line
    assert done.out == ""


def test_a_load_that_cannot_start_prints_its_object_too(failed: dict[str, Done]) -> None:
    done = failed["for programs"]
    found = json.loads(done.out)
    assert (done.code, found["status"], found["tables"], found["requests"]) == (1, "failed", {}, {})
    assert "check BACKLOG_API_KEY" in found["errors"][0]
    assert done.err == f"Error: {found['errors'][0]}\n"


def test_a_list_that_is_refused_is_one_line_and_the_rest_is_loaded(failed: dict[str, Done]) -> None:
    done = failed["refused list"]
    assert done.code == 1
    [line] = [line for line in done.lines if line.startswith("Error: ")]
    assert line.startswith("Error: priorities: GET /priorities: 403, code 5")
    assert "Traceback" not in done.err
    assert done.out.splitlines()[-1].startswith("failed in ")
    [issues] = [row.split() for row in done.out.splitlines() if row.startswith("issues ")]
    assert issues[1] == "90"


def test_marts_are_built_after_a_load_when_the_running_build_has_ended(deployed: Deployed) -> None:
    at_work = engine(deployed.shell.variables["WAREHOUSE_URL"])
    with Locks(at_work, "all spaces", "build of run 3f2a9c1e") as locks:
        locks.acquire("marts")
        process = deployed.shell.start("marts")
        assert process.stderr
        waits = (
            r"waiting up to 600 s for the other build of the marts \(build of run 3f2a9c1e, "
            r"process \d+ on .+ UTC\), until .*\n"
        )
        assert re.fullmatch(waits, process.stderr.readline())
    at_work.dispose()
    done = end(process)
    assert done.code == 0, done.err
    [line] = done.out.splitlines()
    [built] = deployed.query(
        "WAREHOUSE_URL",
        "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('mart')",
    )
    assert re.fullmatch(
        r"completed in [\d.]+ s: (\d+) models built, checks: \d+ passed, .*; "
        r"next: backlog-elt report, .*",
        line,
    )
    assert built[0]
    assert done.lines[-1].startswith("marts: ")
    [run] = deployed.query(
        "DAGSTER_POSTGRES_URL", "SELECT status FROM runs WHERE pipeline_name = 'marts'"
    )
    assert run[0] == "SUCCESS"
    issues = "SELECT count(*) FILTER (WHERE NOT is_deleted) FROM mart.issue"
    assert deployed.query("WAREHOUSE_URL", issues) == [(len(deployed.sim.space.issues),)]


def test_a_full_build_of_the_marts_prints_the_object_and_nothing_else(deployed: Deployed) -> None:
    done = deployed.shell.run("marts", "--full", "--json", "--no-progress")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert {"status", "models", "checks", "warnings", "seconds", "errors"} == found.keys()
    assert (found["status"], found["errors"], found["checks"]["failed"]) == ("completed", [], 0)
    assert len(found["warnings"]) == found["checks"]["warned"]
    assert found["models"] > 40
    assert deployed.query(
        "WAREHOUSE_URL", "SELECT since FROM ops.mart_builds ORDER BY id DESC LIMIT 1"
    ) == [(None,)]


def test_a_load_marks_a_deleted_project_and_all_that_was_in_it(deployed: Deployed) -> None:
    project = deployed.sim.space.project("WEB")
    issues = len(project.issues)
    assert issues
    deployed.sim.space.delete_project("WEB")
    done = deployed.shell.run("load", "--json")
    assert done.code == 0, done.err
    tables = json.loads(done.out)["tables"]
    assert (tables["projects"]["deleted"], tables["issues"]["updated"]) == (1, 0)
    for table, number in (("projects", 1), ("issues", issues)):
        column = "id" if table == "projects" else "project_id"
        gone = (
            f"SELECT deleted_at IS NOT NULL, deleted_reason FROM raw.{table} "
            f"WHERE {column} = {project.id}"
        )
        found = deployed.query("WAREHOUSE_URL", gone)
        assert len(found) == number
        assert all(marked and reason for marked, reason in found)
    evidence = (
        "SELECT reason, evidence FROM ops.deletions WHERE table_name = 'projects' AND "
        f"record_key = '{project.id}'"
    )
    assert len(deployed.query("WAREHOUSE_URL", evidence)) == 1


def test_no_key_and_no_password_is_written_anywhere(
    deployed: Deployed, failed: dict[str, Done]
) -> None:
    written = [deployed.first.text, *(done.text for done in failed.values())]
    written += [
        deployed.everything(variable) for variable in ("DAGSTER_POSTGRES_URL", "WAREHOUSE_URL")
    ]
    files = [path for path in deployed.shell.folder.rglob("*") if path.is_file()]
    assert files
    written += [path.read_bytes().decode(errors="replace") for path in files]
    assert any("issues" in text for text in written)
    for secret in (deployed.sim.api_key, PASSWORD, "wrong-key-of-somebody"):
        assert not [text for text in written if secret in text]

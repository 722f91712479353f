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

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server.connect import engine, parse_url
from resources.warehouse.state.locks import Locks
from simulator import PLANS, Fault, Simulator, SpaceSpec
from sync.results.command_results import LoadResult, StatusResult
from tests.integration.commands import Done, Shell, end
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.shapes import misfits

pytestmark = pytest.mark.long

SPEC = SpaceSpec(seed=3, users=8, projects=3, issues=90, history_days=240)
WRONG_KEY = "wrong-key-of-somebody"
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
    assert misfits(found, LoadResult) == []
    assert found["status"] == "completed"
    assert set(found["tables"]) == set(SPECS)
    issues = dict.fromkeys(COUNTERS, 0) | {"read": 90, "inserted": 90}
    assert [*found["tables"]["issues"].items()] == [*issues.items()]
    assert found["tables"]["projects"]["inserted"] == 3


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


def test_the_runs_of_a_load_are_seen_in_dagster(deployed: Deployed) -> None:
    jobs = deployed.query(
        "DAGSTER_POSTGRES_URL", "SELECT DISTINCT pipeline_name, status FROM runs ORDER BY 1"
    )
    assert jobs == [
        (job, "SUCCESS") for job in ("count_reconciliation", "issues", "projects", "users")
    ]


def test_the_status_prints_the_object_of_the_contract(deployed: Deployed) -> None:
    done = deployed.shell.succeed("status", "--json")
    found = json.loads(done.out)
    assert misfits(found, StatusResult) == []
    expected = {
        "space": "acme",
        "connected": True,
        "active": [],
        "simulated": False,
        "dagster": {"url": None},
    }
    assert {name: found[name] for name in expected} == expected
    assert "***" in found["warehouse"]["url"]
    # Changes are made from the comments, not synced by themselves.
    assert {(sync["sync_type"], sync["status"]) for sync in found["last_syncs"]} == {
        (table, "completed") for table in SPECS if table != "issue_changes"
    }
    assert found["last_24h"]["failed"] == 0
    assert found["history"]["complete"] == found["history"]["issues"] > 0
    assert found["rate_limit"]["search"]["limit"] == 150


@pytest.fixture(scope="module")
def failed(deployed: Deployed, new_database: NewDatabase) -> Iterator[dict[str, Done]]:
    """Return how loads ended that cannot work; they run at the same time, each with a home and a
    warehouse of its own.
    """
    with ExitStack() as stack:

        def space() -> tuple[Simulator, dict[str, str]]:
            sim = stack.enter_context(Simulator(SPEC))
            return sim, {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}

        (refusing, refused), (_, stranger) = space(), space()
        refusing.faults.add(Fault(status=403, path="/priorities", times=None))
        stranger["BACKLOG_API_KEY"] = WRONG_KEY
        variables: dict[str, dict[str, str]] = {
            "for programs": stranger,
            "refused list": refused,
            "no storage": {
                "DAGSTER_POSTGRES_URL": f"postgresql://loader:{PASSWORD}@127.0.0.1:9/dagster"
            },
            "no project": {},
            "no month": {},
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


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
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
    assert PASSWORD not in line


def test_a_load_that_cannot_start_prints_its_object_too(failed: dict[str, Done]) -> None:
    done = failed["for programs"]
    found = json.loads(done.out)
    assert (done.code, found["status"], found["tables"], found["requests"]) == (1, "failed", {}, {})
    assert "check BACKLOG_API_KEY" in found["errors"][0]
    assert done.err == f"Error: {found['errors'][0]}\n"
    assert WRONG_KEY not in done.text


def test_a_list_that_is_refused_is_one_line_and_the_rest_is_loaded(failed: dict[str, Done]) -> None:
    done = failed["refused list"]
    assert done.code == 1
    [line] = [line for line in done.lines if line.startswith("Error: ")]
    assert line.startswith("Error: priorities: GET /priorities: 403, code 5")
    assert "Traceback" not in done.err
    assert done.out.splitlines()[-1].startswith("failed in ")
    [issues] = [row.split() for row in done.out.splitlines() if row.startswith("issues ")]
    assert issues[1] == "90"


def test_a_full_build_waits_for_the_running_one_and_prints_its_object(deployed: Deployed) -> None:
    at_work = engine(deployed.shell.variables["WAREHOUSE_URL"])
    with Locks(at_work, "all spaces", "build of run 3f2a9c1e") as locks:
        locks.acquire("marts")
        process = deployed.shell.start("marts", "--full", "--json")
        assert process.stderr
        waits = (
            r"waiting up to 600 s for the other build of the marts \(build of run 3f2a9c1e, "
            r"process \d+ on .+ UTC\), until .*\n"
        )
        assert re.fullmatch(waits, process.stderr.readline())
    at_work.dispose()
    done = end(process)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    fields = {"status", "models", "checks", "warnings", "notes", "seconds", "errors", "causes"}
    assert fields == found.keys()
    assert (found["status"], found["errors"], found["checks"]["failed"]) == ("completed", [], 0)
    assert len(found["warnings"]) == found["checks"]["warned"]
    assert found["models"] > 40
    assert done.lines[-1].startswith("marts: ")
    runs = "SELECT status FROM runs WHERE pipeline_name = 'marts'"
    assert deployed.query("DAGSTER_POSTGRES_URL", runs) == [("SUCCESS",)]
    built = (
        "SELECT (SELECT since FROM ops.mart_builds ORDER BY id DESC LIMIT 1), "
        "(SELECT count(*) FROM mart.issue WHERE NOT is_deleted)"
    )
    assert deployed.query("WAREHOUSE_URL", built) == [(None, len(deployed.sim.space.issues))]

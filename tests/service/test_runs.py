"""How a run stands by its id, and runs that end without a sync: in the history, the statistics and
the metrics.
"""

import time
from typing import Any

import httpx
import pytest

from resources.problems.causes import CAUSES
from resources.warehouse.history.history_reader import run_syncs
from tests.ports import free_port
from tests.service.conftest import ACME, API, DagsterStandIn, Log, Serve
from tests.waiting import eventually


def rows(service: httpx.Client, count: int) -> list[dict[str, Any]]:
    """Return the history once it has so many rows, newest first."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = service.get(f"{API}/history").json()["items"]
        return len(found) >= count

    eventually(is_there)
    return found


def test_a_run_that_fails_without_a_sync_is_reported_everywhere_though_nobody_looked(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    causes = ("projects: GET /space: no answer\nTraceback", "teams: GET /space: no answer")
    dagster.ended("__ASSET_JOB", "r-1", *causes, assetSelection=[{"path": ["raw", "projects"]}])
    dagster.ended("users", "r-2", said="the worker was killed")
    dagster.ended("issues", "r-3", said="asked by somebody", status="CANCELED")
    dagster.ended("marts", "r-4", status="SUCCESS")
    found = {
        row["run_id"]: (row["type"], row["mode"], row["status"], row["error"])
        for row in rows(service, 4)
    }
    no_answer = "projects: GET /space: no answer; teams: GET /space: no answer"
    assert found == {
        "r-1": ("projects", "run", "failed", no_answer),
        "r-2": ("users", "run", "failed", "the worker was killed"),
        "r-3": ("issues", "run", "canceled", "the run was canceled: asked by somebody"),
        "r-4": ("marts", "run", "completed", None),
    }
    total = service.get(f"{API}/monitor/stats").json()["total"]
    assert total.items() >= {
        "runs": 4, "completed": 1, "failed": 2, "success_rate": 1 / 3, "syncs": 0
    }.items(), "what somebody has canceled is neither"  # fmt: skip
    metrics = service.get("/metrics").text
    for status, number in (("failed", 2.0), ("completed", 1.0)):
        assert f'backlog_elt_runs_24h{{status="{status}"}} {number}' in metrics
    failing = service.get(f"{API}/connection/status").json()["failing"]
    assert {sync["type"] for sync in failing} == {"projects", "users"}, "not what was canceled"


def test_a_run_is_found_by_its_id_from_the_queue_to_the_end(
    serve: Serve, dagster: DagsterStandIn, log: Log
) -> None:
    service = serve()
    dagster.works("projects", "r-1", "QUEUED")
    dagster.works("projects", "r-2", "STARTED")
    dagster.ended("projects", "r-3", "projects: the key is refused")
    log.done("projects", run="r-4", error="projects: no answer")
    dagster.ended("projects", "r-4", "projects: no answer")
    log.done("users", run="of-a-command")
    for run_id, state, error in (
        ("r-1", "queued", None),
        ("r-2", "running", None),
        ("r-3", "failed", "projects: the key is refused"),
        ("r-4", "failed", "projects: no answer"),
        ("of-a-command", "completed", None),
    ):
        found = service.get(f"{API}/runs/{run_id}").json()
        assert (found["state"], found["error"]) == (state, error), run_id
    assert len(run_syncs(log.engine, "r-4")) == 1, "its own row tells it"
    found = service.get(f"{API}/runs/r-3").json()
    assert (found["job"], found["status_url"]) == ("projects", f"{dagster.url}/runs/r-3")
    assert found["started_at"] < found["ended_at"]


INTERRUPTED = {
    "className": "DagsterExecutionInterruptedError",
    "message": "",
    "causes": [],
}
CLOSED = {
    "className": "StepError",
    "message": "a step",
    "causes": [{"className": "OperationalError", "message": "the connection is closed"}],
}
TAG = "dagster/failure_reason"


@pytest.mark.parametrize(
    ("steps", "more", "cause"),
    [
        (["no"], {"codes": ["no_answer"]}, "no_answer"),
        (["no", "not"], {"codes": ["no_answer", "not_allowed"]}, "not_allowed"),
        (["'id'"], {}, "defect"),
        (["'id'"], {"codes": ["of_another_version"]}, "defect"),
        ([""], {"error": INTERRUPTED}, "interrupted"),
        ([""], {"error": CLOSED}, "storage_lost"),
        ([], {TAG: "JOB_INITIALIZATION_FAILURE"}, "not_started"),
        ([], {TAG: "RUN_EXCEPTION", "error": CLOSED}, "storage_lost"),
        ([], {"dagster/max_runtime": "0.5"}, "overtime"),
        ([], {}, "interrupted"),
    ],
)
def test_the_cause_of_a_run_is_known_by_codes_classes_and_tags(
    serve: Serve, dagster: DagsterStandIn, steps: list[str], more: dict[str, Any], cause: str
) -> None:
    tags = {"dagster/code_location": "backlog_elt"}
    tags |= {key: value for key, value in more.items() if key.startswith("dagster/")}
    raised = {key: value for key, value in more.items() if key not in tags}
    said = [{"key": key, "value": value} for key, value in tags.items()]
    dagster.ended("users", "r-1", *steps, said="why", tags=said, **raised)
    service = serve(**ACME)
    [row] = rows(service, 1)
    run = service.get(f"{API}/runs/r-1").json()
    assert row["cause"] == run["cause"] == cause
    [failing] = service.get(f"{API}/connection/status").json()["failing"]
    assert (failing["cause"], failing["severity"]) == (cause, CAUSES[cause].severity)
    assert failing["texts"]["ja"]["step"].startswith(CAUSES[cause].step_ja)


def test_a_run_that_nobody_knows_is_not_found(serve: Serve) -> None:
    service = serve()
    for run_id in ("nobody", "a%20b", "x" * 65, "%27", "a.b"):
        for method, path in (("GET", run_id), ("POST", f"{run_id}/cancel")):
            answer = service.request(method, f"{API}/runs/{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_run")


def test_a_run_of_another_space_is_neither_shown_nor_recorded(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    for run_id, key, value in (
        ("r-1", "dagster/code_location", "of_another"),
        ("r-2", "backlog_elt/kind", "users@of_another"),
        ("r-3", "backlog_elt/kind", "users"),
    ):
        dagster.ended("users", run_id, "no", tags=[{"key": key, "value": value}])
    service = serve()
    assert [row["run_id"] for row in rows(service, 1)] == ["r-3"], "of a command here"
    assert service.get(f"{API}/runs/r-1").status_code == 404


def test_without_dagster_a_run_is_known_from_its_syncs(serve: Serve, log: Log) -> None:
    log.done(run="r-1", error="GET /issues: 500")
    service = serve(BACKLOG_DAGSTER_URL=f"http://127.0.0.1:{free_port()}")
    found = service.get(f"{API}/runs/r-1").json()
    assert (found["state"], found["error"], found["job"]) == ("failed", "GET /issues: 500", None)
    # Between two of its tables a run looks in the log like one that is over.
    log.done(run="r-3")
    for run_id in ("r-2", "r-3"):
        answer = service.get(f"{API}/runs/{run_id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "dagster_unreachable")


def test_a_run_that_ended_by_a_clock_that_was_ahead_hides_none_that_ends_later(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    dagster.ended("users", "r-1", said="no", updateTime=time.time() + 86_400)
    rows(service, 1)
    dagster.ended("users", "r-2", said="no")
    assert {row["run_id"] for row in rows(service, 2)} == {"r-1", "r-2"}

"""How a run stands by its id, and runs that end without a sync: in the history, the statistics and
the metrics.
"""

import httpx

from resources.warehouse.history.history_reader import run_syncs
from tests.ports import free_port
from tests.service.conftest import ACME, API, DagsterStandIn, Log, Serve
from tests.waiting import eventually


def rows(service: httpx.Client, count: int) -> list[dict[str, object]]:
    """Return the history once it has so many rows, newest first."""

    def history() -> list[dict[str, object]]:
        items: list[dict[str, object]] = service.get(f"{API}/history").json()["items"]
        return items

    eventually(lambda: len(history()) >= count)
    return history()


def test_a_run_that_fails_without_a_sync_is_reported_everywhere_though_nobody_looked(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    assert service.get(f"{API}/runs/r-1").status_code == 404
    causes = ("projects: GET /space: no answer\nTraceback", "teams: GET /space: no answer")
    dagster.ended("__ASSET_JOB", "r-1", *causes, assetSelection=[{"path": ["raw", "projects"]}])
    dagster.ended("users", "r-2", said="the worker was killed")
    dagster.ended("issues", "r-3", said="asked by somebody", status="CANCELED")
    dagster.ended("marts", "r-4", status="SUCCESS")
    found = {
        row["run_id"]: (row["type"], row["mode"], row["status"], row["error"])
        for row in rows(service, 4)
    }
    assert found == {
        "r-1": (
            "projects",
            "run",
            "failed",
            "projects: GET /space: no answer; teams: GET /space: no answer",
        ),
        "r-2": ("users", "run", "failed", "the worker was killed"),
        "r-3": ("issues", "run", "failed", "the run was canceled: asked by somebody"),
        "r-4": ("marts", "run", "completed", None),
    }
    total = service.get(f"{API}/monitor/stats").json()["total"]
    assert [total[name] for name in ("runs", "completed", "failed", "success_rate", "syncs")] == [
        4,
        1,
        2,
        1 / 3,
        0,
    ], "what somebody has canceled is neither"
    metrics = service.get("/metrics").text
    assert 'backlog_elt_runs_24h{status="failed"} 2.0' in metrics
    assert 'backlog_elt_runs_24h{status="completed"} 1.0' in metrics
    failing = service.get(f"{API}/connection/status").json()["failing"]
    assert {sync["type"] for sync in failing} == {"projects", "users", "issues"}


def test_a_run_is_found_by_its_id_from_the_queue_to_the_end(
    serve: Serve, dagster: DagsterStandIn, log: Log
) -> None:
    service = serve()

    def state(run_id: str) -> tuple[str, str | None]:
        found = service.get(f"{API}/runs/{run_id}").json()
        return found["state"], found["error"]

    dagster.works("projects", "r-1", "QUEUED")
    dagster.works("projects", "r-2", "STARTED")
    dagster.ended("projects", "r-3", "projects: the key is refused")
    log.done("projects", run="r-4", error="projects: no answer")
    dagster.ended("projects", "r-4", "projects: no answer")
    log.done("users", run="of-a-command")
    states = [state(run_id) for run_id in ("r-1", "r-2", "r-3", "r-4", "of-a-command")]
    assert states == [
        ("queued", None),
        ("running", None),
        ("failed", "projects: the key is refused"),
        ("failed", "projects: no answer"),
        ("completed", None),
    ]
    assert len(run_syncs(log.engine, "r-4")) == 1, "its own row tells it"
    found = service.get(f"{API}/runs/r-3").json()
    assert (found["job"], found["status_url"]) == ("projects", f"{dagster.url}/runs/r-3")
    assert found["started_at"] < found["ended_at"]


def test_a_run_that_nobody_knows_is_not_found(serve: Serve) -> None:
    service = serve()
    for run_id in ("nobody", "a%20b", "x" * 65, "%27", "a.b"):
        for answer in (
            service.get(f"{API}/runs/{run_id}"),
            service.post(f"{API}/runs/{run_id}/cancel"),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_run")


def test_a_run_of_another_space_is_neither_shown_nor_recorded(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    dagster.ended(
        "users", "r-1", "no", tags=[{"key": "dagster/code_location", "value": "of_another"}]
    )
    dagster.ended(
        "users", "r-2", "no", tags=[{"key": "backlog_elt/kind", "value": "users@of_another"}]
    )
    dagster.ended(
        "users", "r-3", "of a command here", tags=[{"key": "backlog_elt/kind", "value": "users"}]
    )
    service = serve()
    assert [row["run_id"] for row in rows(service, 1)] == ["r-3"]
    assert service.get(f"{API}/runs/r-1").status_code == 404


def test_without_dagster_a_run_is_known_from_its_syncs(serve: Serve, log: Log) -> None:
    log.done(run="r-1", error="GET /issues: 500")
    service = serve(BACKLOG_DAGSTER_URL=f"http://127.0.0.1:{free_port()}")
    found = service.get(f"{API}/runs/r-1").json()
    assert (found["state"], found["error"], found["job"]) == ("failed", "GET /issues: 500", None)
    unknown = service.get(f"{API}/runs/r-2")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "dagster_unreachable")
    # Between two of its tables a run looks in the log like one that is over.
    log.done(run="r-3")
    between = service.get(f"{API}/runs/r-3")
    assert (between.status_code, between.json()["error"]["code"]) == (503, "dagster_unreachable")

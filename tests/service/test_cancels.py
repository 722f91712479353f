"""Canceling a run: what Dagster is asked to do, and what is said when there is nothing to
cancel.
"""

import pytest

from resources.warehouse.history.run_kinds import UNFINISHED
from tests.service.conftest import API, DagsterStandIn, Log, Serve
from tests.waiting import eventually


def asked_to_end(dagster: DagsterStandIn) -> list[str]:
    return [one["variables"]["id"] for one in dagster.asked if "terminateRun" in one["query"]]


@pytest.mark.parametrize("status", ["QUEUED", "STARTING", "STARTED"])
def test_a_run_that_waits_or_works_is_canceled_by_dagster_and_seen_to_end_at_once(
    serve: Serve, dagster: DagsterStandIn, status: str
) -> None:
    dagster.works("issues", "run-7", status)
    service = serve()
    [run] = service.get(f"{API}/monitor/active").json()["active"]
    assert run["state"] != "canceling"
    answer = service.post(f"{API}/runs/run-7/cancel")
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "run_id": "run-7",
            "state": "canceling",
            "status_url": f"{dagster.url}/runs/run-7",
        },
    )
    [run] = service.get(f"{API}/monitor/active").json()["active"]
    assert run["state"] == service.get(f"{API}/runs/run-7").json()["state"] == "canceling"
    # Asked again, it is left to end.
    assert service.post(f"{API}/runs/run-7/cancel").status_code == 202
    [asked] = [one["variables"] for one in dagster.asked if "terminateRun" in one["query"]]
    policy = "SAFE_TERMINATE" if status == "STARTED" else "MARK_AS_CANCELED_IMMEDIATELY"
    assert (asked["id"], asked["policy"]) == ("run-7", policy)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("SUCCESS", "has completed already"),
        ("FAILURE", "has failed"),
        ("CANCELED", "was canceled already"),
    ],
)
def test_a_run_that_has_ended_is_said_to_have(
    serve: Serve, dagster: DagsterStandIn, status: str, said: str
) -> None:
    dagster.ended("issues", "run-7", status=status)
    answer = serve().post(f"{API}/runs/run-7/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_ended")
    assert said in answer.json()["error"]["message"]
    assert asked_to_end(dagster) == []


def test_a_sync_that_a_cancellation_broke_off_says_so_and_another_keeps_its_cause(
    serve: Serve, log: Log, dagster: DagsterStandIn
) -> None:
    log.done("issues", run="run-7", error=UNFINISHED)
    log.done("comments", run="run-8", error="GET /issues/1/comments: 500")
    for run_id in ("run-7", "run-8"):
        dagster.ended("issues", run_id, status="CANCELED")
    service = serve()
    eventually(lambda: service.get(f"{API}/runs").json()["items"][1]["state"] == "canceled")
    [other, canceled] = service.get(f"{API}/runs").json()["items"]
    assert (canceled["run_id"], canceled["error"]) == ("run-7", "the run was canceled")
    assert (other["state"], other["error"]) == ("failed", "GET /issues/1/comments: 500")


def test_what_dagster_cannot_end_is_said_in_its_words(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    dagster.works("issues", "run-7")
    dagster.answers["terminateRun"] = {
        "__typename": "TerminateRunFailure",
        "message": "Unable to terminate run run-7\nmore",
    }
    error = serve().post(f"{API}/runs/run-7/cancel").json()["error"]
    assert (error["code"], error["run_id"]) == ("not_cancelable", "run-7")
    assert error["message"] == "Dagster cannot end this run: Unable to terminate run run-7"


@pytest.mark.parametrize("known", [False, True], ids=["to the log only", "to dagster too"])
def test_a_load_of_a_command_is_ended_where_it_runs(
    serve: Serve, log: Log, dagster: DagsterStandIn, known: bool
) -> None:
    if known:
        # Dagster would write down that it is being canceled before it finds out that it cannot.
        run = dagster.works("issues", "of-a-command")
        run["tags"] = [{"key": "backlog_elt/kind", "value": "issues"}]
    with log.alive(run="of-a-command"):
        answer = serve().post(f"{API}/runs/of-a-command/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_cancelable")
    assert "Ctrl+C" in answer.json()["error"]["hint"]
    assert asked_to_end(dagster) == []


def test_a_run_of_another_space_is_unknown(serve: Serve, dagster: DagsterStandIn) -> None:
    dagster.works("issues", "run-7")["tags"] = [
        {"key": "dagster/code_location", "value": "another"}
    ]
    assert serve().post(f"{API}/runs/run-7/cancel").status_code == 404
    assert asked_to_end(dagster) == []

"""Schedules and sensors that are paused and resumed, and the log of a run, as Dagster has both."""

from typing import Any

import pytest

from resources.redact import mask_from_now_on
from tests.ports import free_port
from tests.service.conftest import ACME, API, DagsterStandIn, Serve


@pytest.mark.parametrize(
    ("name", "act", "mutation"),
    [
        ("issues_every_12_hours", "pause", "stopRunningSchedule"),
        ("issues_every_12_hours", "resume", "startSchedule"),
        ("activity_feed", "pause", "stopSensor"),
        ("activity_feed", "resume", "startSensor"),
    ],
)
def test_a_schedule_or_a_sensor_is_switched_in_dagster_and_seen_at_once(
    serve: Serve, dagster: DagsterStandIn, name: str, act: str, mutation: str
) -> None:
    service = serve(**ACME)
    service.get(f"{API}/schedules")
    answer = service.post(f"{API}/schedules/{name}/{act}")
    assert (answer.status_code, answer.json()) == (200, {"name": name, "on": act == "resume"})
    assert mutation in dagster.asked[-1]["query"]
    items = service.get(f"{API}/schedules").json()["items"]
    assert [one["on"] for one in items if one["name"] == name] == [act == "resume"]


def test_a_schedule_that_is_gone_or_not_shown_is_unknown(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    dagster.answers["repositoryOrError"]["schedules"] = [
        {"name": "tokens_hourly", "scheduleState": {"id": "id", "status": "RUNNING"}}
    ]
    for name in ("issues_every_12_hours", "tokens_hourly", "nothing"):
        answer = service.post(f"{API}/schedules/{name}/pause")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_schedule")
    assert not [one for one in dagster.asked if "mutation" in one["query"]]


def test_what_dagster_refuses_is_said_and_so_is_that_it_does_not_answer(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    dagster.answers["stopSensor"] = {"__typename": "UnauthorizedError", "message": "no"}
    for url, status, code in (
        (dagster.url, 502, "dagster_refused"),
        (f"http://127.0.0.1:{free_port()}", 503, "dagster_unreachable"),
    ):
        service = serve(**ACME, BACKLOG_DAGSTER_URL=url)
        answer = service.post(f"{API}/schedules/activity_feed/pause")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_log_of_a_run_has_its_last_lines_without_secrets_and_goes_on(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    mask_from_now_on("hunter2-hunter2")
    run = dagster.works("issues", "run-7")
    dagster.logs(run, "Started execution of run", "DEBUG", "RunStartEvent")
    dagster.logs(run, "an event of no interest", "DEBUG", "AssetMaterializationEvent")
    for number in range(50):
        dagster.logs(run, f"{number} issues with hunter2-hunter2")
    described: dict[str, Any] = {"failureMetadata": {"description": "issues: GET /issues: 500"}}
    dagster.logs(run, "failed", "ERROR", "ExecutionStepFailureEvent", **described)
    service = serve(**ACME)
    found = service.get(f"{API}/runs/run-7/log").json()
    assert [(line["text"], line["level"]) for line in found["lines"]] == [
        *((f"{number} issues with ***", "INFO") for number in range(11, 50)),
        ("issues: GET /issues: 500", "ERROR"),
    ]
    later = service.get(f"{API}/runs/run-7/log", params={"after": found["next_after"]}).json()
    assert later == {"lines": [], "next_after": "c"}
    for path, code in (("nobody/log", "unknown_run"), ("run-7/log?after=-", "invalid_parameter")):
        assert service.get(f"{API}/runs/{path}").json()["error"]["code"] == code


def test_one_answer_has_all_that_the_page_shows(serve: Serve) -> None:
    service = serve(**ACME)
    found = service.get(f"{API}/page", params={"limit": 5})
    same = {
        "connection": "connection/status", "active": "monitor/active", "stats": "monitor/stats",
        "timeline": "monitor/timeline", "projects": "projects", "schedules": "schedules",
        "runs": "runs?limit=5",
    }  # fmt: skip
    assert found.json() == {
        name: service.get(f"{API}/{path}").json() for name, path in same.items()
    }
    again = service.get(
        f"{API}/page", params={"limit": 5}, headers={"If-None-Match": found.headers["etag"]}
    )
    assert again.status_code == 304
    assert service.get(f"{API}/page?status=odd").status_code == 400

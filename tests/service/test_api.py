"""What the service says of syncs, and of questions that it cannot answer."""

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from resources.problems.causes import CAUSES
from resources.problems.problem import Problem
from resources.warehouse.history.history_writer import finish_sync, note_progress, note_wait
from resources.warehouse.state.heartbeats import alerts_of, beat
from service.page import FILES
from simulator import PLANS
from tests.databases import execute
from tests.deployment import Deployment
from tests.ports import free_port
from tests.service.conftest import ACME, API, DagsterStandIn, Log, Serve
from tests.waiting import eventually

OF_THE_LOG = (
    "connection/status",
    "monitor/active",
    "monitor/stats",
    "monitor/timeline",
    "history",
    "runs",
    "projects",
)
READS = (*OF_THE_LOG, "schedules")


def test_a_fresh_warehouse_says_where_dagster_is_and_when_the_report_was_written(
    serve: Serve, tmp_path: Path
) -> None:
    service = serve(
        BACKLOG_DAGSTER_PUBLIC_URL="https://dagster.example.com/", BACKLOG_ELT_HOME=str(tmp_path)
    )
    connection = service.get(f"{API}/connection/status").json()
    nothing = dict.fromkeys(("connected", "space", "last_sync", "report_written_at"))
    known = {"dagster_url": "https://dagster.example.com", "projects": []}
    assert connection.items() >= (nothing | known).items()
    assert "BACKLOG_URL is not set" in connection["error"]
    assert service.get(f"{API}/monitor/active").json() == {
        "active": [],
        "dagster": {"reachable": True, "error": None},
    }
    assert service.get(f"{API}/history").json() == {"items": [], "next_before": None}
    (tmp_path / "report.html").touch()
    os.utime(tmp_path / "report.html", (1_800_000_000, 1_800_000_000))
    written = service.get(f"{API}/connection/status").json()["report_written_at"]
    assert written == "2027-01-15T08:00:00+00:00"


def test_the_connection_of_the_source_costs_two_requests_however_often_asked(
    service: httpx.Client, loaded: Deployment
) -> None:
    loaded.sim.limits = PLANS["paid"]
    loaded.sim.requests.clear()
    for _ in range(5):
        found = service.get(f"{API}/connection/status").json()
    assert (found["connected"], found["space"], found["error"]) == (True, "acme", None)
    assert set(found["rate_limit"]) == {"read", "search", "update", "icon"}
    assert [project["key"] for project in found["projects"]] == ["APP", "OPS", "WEB"]
    assert found["last_sync"]["status"] == "completed"
    assert found["alerts"] == {"alive": None, "beat_at": None, "open": []}
    assert loaded.sim.requests.by_route() == {"/space": 1, "/rateLimit": 1}


def test_the_connection_says_whether_the_alerter_is_alive_and_what_is_wrong(
    service: httpx.Client, loaded: Deployment, dagster: DagsterStandIn
) -> None:
    of = {"subject": "raw/users", "said": "GET /users: 401", "cause": "key_refused"}
    problem = Problem("run/users", "run_failed", of, "run-7")
    begun = {"since": "2026-07-01T00:00:00+00:00", "times": 3}
    teams = {"subject": "raw/teams", "said": "GET /teams: 401"}
    older = {"key": "run/teams", "code": "run_failed", "parameters": teams}
    oldest = {"key": "run/teams", "asset": "raw/teams", "cause": "the key is refused"}
    of_another = {"key": "x", "code": "of_another_version", "parameters": {}}
    beat(
        loaded.engine,
        alerts_of(loaded.sim.url),
        {
            "open": [problem.as_json() | begun, older, oldest, of_another],
            "waiting": 0,
            "channels": [],
        },
    )
    reported = service.get(f"{API}/connection/status").json()["alerts"]
    assert reported["alive"] is True
    [first, second] = reported["open"]
    assert first == {
        **begun,
        "code": "run_failed",
        "severity": "act",
        "action": "sync",
        "texts": problem.said_in_all(),
        "topic": "run",
        "kind": "failed",
        "subject": "raw/users",
        "partition": None,
        "cause": f"{CAUSES['key_refused'].en} (GET /users: 401)",
        "step": problem.step("en"),
        "run_id": "run-7",
        "status_url": f"{dagster.url}/runs/run-7",
    }
    said = {"code": "run_failed", "cause": "it failed (GET /teams: 401)", "status_url": None}
    assert second.items() >= said.items()


def test_the_connection_is_checked_with_oauth_where_access_is_by_oauth(
    serve: Serve, loaded: Deployment
) -> None:
    keyring, deployment = loaded.sim.site.keyring, loaded.with_oauth().log_in()
    secrets = {
        "BACKLOG_OAUTH_CLIENT_ID": keyring.client_id,
        "BACKLOG_OAUTH_CLIENT_SECRET": keyring.client_secret,
    }
    place = {"BACKLOG_URL": loaded.sim.url, "WAREHOUSE_URL": loaded.warehouse_url}
    service = serve(**place, **secrets, BACKLOG_TOKEN_KEY=deployment.token_key)
    found = service.get(f"{API}/connection/status").json()
    assert (found["connected"], found["space"], found["error"]) == (True, "acme", None)


def test_what_fails_is_in_the_status_until_it_has_ended_well(serve: Serve, log: Log) -> None:
    service = serve()
    log.done(error="GET /issues: 500")
    log.done("users", run="run-2")
    found = service.get(f"{API}/connection/status").json()
    failing = [(sync["type"], sync["error"]) for sync in found["failing"]]
    assert (failing, found["last_sync"]["type"]) == ([("issues", "GET /issues: 500")], "users")
    log.done(run="run-3")
    eventually(lambda: service.get(f"{API}/connection/status").json()["failing"] == [])


def test_what_works_is_shown_with_how_far_it_is(
    serve: Serve, log: Log, dagster: DagsterStandIn, warehouse: Engine
) -> None:
    dagster.works("issues", "run-1")
    dagster.works("projects", "run-2", status="QUEUED")
    service = serve()

    def active() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = service.get(f"{API}/monitor/active").json()["active"]
        return found

    with (
        log.alive(project="OPS", mode="backfill") as number,
        log.alive("users", run="of-a-command"),
    ):
        note_progress(warehouse, number, 300, 2_000)
        note_wait(warehouse, number, "search rate limit of Backlog")
        found = active()
        assert [(run["run_id"], run["job"], run["state"], len(run["syncs"])) for run in found] == [
            ("run-1", "issues", "running", 1),
            ("run-2", "projects", "queued", 0),
            ("of-a-command", None, "running", 1),
        ]
        assert found[0]["status_url"] == f"{dagster.url}/runs/run-1"
        [sync] = found[0]["syncs"]
        # 17 parts of 20 are left, of which 3 have taken some seconds.
        assert 0 <= sync["progress"].pop("seconds_left") < 17 / 3 * 60
        assert sync.items() >= {
            "project": "OPS", "mode": "backfill", "waiting_for": "search rate limit of Backlog",
            "progress": {"done": 300, "total": 2_000, "unit": "rows"},
        }.items()  # fmt: skip
        # The load has been at another project for an hour before this one, and has counted its
        # rows.
        other = log.dead(project="WEB", mode="backfill")
        finish_sync(warehouse, other, items_synced=299, items_failed=0, requests=3)
        execute(
            warehouse,
            "UPDATE ops.sync_history SET started_at = started_at - interval '1 hour' "
            f"WHERE id = {other}",
        )
        hours = (17 / 3 * 3_600, 17 / 3 * 3_660)
        eventually(
            lambda: hours[0] <= active()[0]["syncs"][0]["progress"]["seconds_left"] < hours[1]
        )


def test_without_dagster_syncs_and_the_next_ticks_are_still_reported(
    serve: Serve, log: Log
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with log.alive():
        active = serve(BACKLOG_DAGSTER_URL=nowhere).get(f"{API}/monitor/active").json()
    assert len(active["active"]) == 1
    assert active["dagster"]["reachable"] is False
    assert f"does not answer at {nowhere}" in active["dagster"]["error"]
    schedules = serve(**ACME, BACKLOG_DAGSTER_URL=nowhere).get(f"{API}/schedules").json()
    assert schedules["dagster"]["reachable"] is False
    assert schedules["items"][0]["next_at"] is not None
    assert {one["on"] for one in schedules["items"]} == {None}


def test_the_history_is_paged_and_filtered(serve: Serve, log: Log) -> None:
    first = log.done(project="OPS")
    failed = log.done(error="GET /issues: 500")
    of_users, last = log.done("users"), log.done()
    service = serve()
    for query, ids, before in (
        ("limit=3", [last, of_users, failed], failed),
        (f"limit=3&before={failed}", [first], None),
        ("status=failed", [failed], None),
        ("type=users", [of_users], None),
        ("project=OPS", [first], None),
        ("type=users&status=failed", [], None),
    ):
        page = service.get(f"{API}/history?{query}").json()
        found = [item["id"] for item in page["items"]]
        assert (found, page["next_before"]) == (ids, before), query


def test_a_wrong_parameter_is_named(serve: Serve) -> None:
    service = serve()
    for query in (
        "limit=0", "limit=201", "limit=ten", "limit=٣", "limit=1e2", "limit=",
        "before=-1", "before=9223372036854775808", "status=fine", "type=Issues",
        "type=" + "x" * 41, "project=ops", "project=%00", "project='",
    ):  # fmt: skip
        answer = service.get(f"{API}/history?{query}")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "invalid_parameter")
        assert error["message"].split()[0] == query.partition("=")[0]
        assert error["hint"]


def test_what_a_client_has_already_is_not_sent_again(serve: Serve, log: Log) -> None:
    log.done()
    service = serve()
    for path in (*(f"{API}/{read}" for read in READS), *FILES):
        first = service.get(path)
        etag = first.headers["etag"]
        assert ("private" in first.headers["cache-control"]) == (path not in FILES)
        again = service.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        other = service.get(path, headers={"If-None-Match": '"of-another-answer"'})
        assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", ["connection/status", "monitor/stats", "history"])
def test_a_sync_that_ends_drops_what_was_kept(
    serve: Serve, log: Log, warehouse: Engine, path: str
) -> None:
    service = serve()
    number = log.begun()
    tag = service.get(f"{API}/{path}").headers["etag"]
    finish_sync(warehouse, number, items_synced=5, items_failed=0, requests=1)
    eventually(
        lambda: service.get(f"{API}/{path}", headers={"If-None-Match": tag}).status_code == 200
    )


def test_what_is_not_there_is_said_in_json(serve: Serve) -> None:
    service = serve()
    for method, path, status, code in (
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", f"{API}/nowhere", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
        ("GET", "/static/%2e%2e/app.py", 404, "not_found"),
        ("POST", f"{API}/history", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
        ("GET", f"{API}/projects/all", 405, "method_not_allowed"),
    ):
        answer = service.request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert set(answer.json()["error"]) == {"code", "message", "hint"}
        assert ("allow" in answer.headers) == (status == 405)


def test_a_warehouse_that_is_out_of_reach_is_said_with_what_to_do(serve: Serve) -> None:
    service = serve(WAREHOUSE_URL=f"postgresql://u:s3cr3t@127.0.0.1:{free_port()}/w")
    for path in OF_THE_LOG:
        answer = service.get(f"{API}/{path}")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (503, "warehouse_unavailable")
        assert "check WAREHOUSE_URL" in error["message"]
        assert "s3cr3t" not in answer.text
        assert int(answer.headers["retry-after"]) > 0
    assert service.get("/healthz").json() == {"status": "ok"}
    assert "backlog_elt_warehouse_up 0.0" in service.get("/metrics").text


def test_metrics_count_syncs_and_requests_and_never_show_a_path(serve: Serve, log: Log) -> None:
    log.done(items=100)
    log.done("users", error="GET /users: 500")
    service = serve()
    service.get("/webhooks/backlog/a-wrong-secret-in-a-path")
    for method in ("GET", "PROPFIND"):
        service.request(method, "/healthz")
    text = service.get("/metrics").text
    for line in (
        'backlog_elt_syncs_24h{status="completed",type="issues"} 1.0',
        'backlog_elt_syncs_24h{status="failed",type="users"} 1.0',
        'backlog_elt_sync_items_24h{type="issues"} 100.0',
        'backlog_elt_sync_requests_24h{type="issues"} 2.0',
        'backlog_elt_sync_last_success_timestamp_seconds{type="issues"}',
        "backlog_elt_warehouse_up 1.0",
        "backlog_elt_syncs_active 0.0",
        'backlog_elt_service_requests_total{method="GET",route="/healthz",status="200"} 1.0',
        'backlog_elt_service_requests_total{method="other",route="/healthz",status="405"} 1.0',
    ):
        assert line in text
    assert not re.search("a-wrong-secret|PROPFIND", text)

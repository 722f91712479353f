"""What the service says of syncs, and of questions that it cannot answer."""

import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from resources.problems.problem import Problem
from resources.warehouse.history.history_writer import finish_sync, note_progress, note_wait
from resources.warehouse.state.heartbeats import alerts_of, beat
from simulator import PLANS, Fault, Simulator
from tests.deployment import Deployment
from tests.ports import free_port
from tests.service.conftest import API, DagsterStandIn, Log, Serve
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


def test_a_fresh_warehouse_reports_only_where_dagster_is(serve: Serve) -> None:
    service = serve(BACKLOG_DAGSTER_PUBLIC_URL="https://dagster.example.com/")
    connection = service.get(f"{API}/connection/status").json()
    assert connection["dagster_url"] == "https://dagster.example.com"
    assert (
        connection["connected"],
        connection["space"],
        connection["last_sync"],
        connection["projects"],
    ) == (None, None, None, [])
    assert "BACKLOG_URL is not set" in connection["error"]
    assert service.get(f"{API}/monitor/active").json() == {
        "active": [],
        "dagster": {"reachable": True, "error": None},
    }
    assert service.get(f"{API}/monitor/stats").json()["total"]["runs"] == 0
    assert service.get(f"{API}/history").json() == {"items": [], "next_before": None}


def test_the_connection_says_when_the_report_was_written(serve: Serve, tmp_path: Path) -> None:
    service = serve(BACKLOG_ELT_HOME=str(tmp_path))
    assert service.get(f"{API}/connection/status").json()["report_written_at"] is None
    (tmp_path / "report.html").touch()
    os.utime(tmp_path / "report.html", (1_800_000_000, 1_800_000_000))
    assert (
        service.get(f"{API}/connection/status").json()["report_written_at"]
        == "2027-01-15T08:00:00+00:00"
    )


def test_the_connection_of_the_source_costs_two_requests_however_often_asked(
    serve: Serve, loaded: Deployment
) -> None:
    loaded.sim.limits = PLANS["paid"]
    loaded.sim.requests.clear()
    variables = {
        "BACKLOG_URL": loaded.sim.url,
        "BACKLOG_API_KEY": loaded.sim.api_key,
        "WAREHOUSE_URL": loaded.warehouse_url,
    }
    service = serve(**variables)
    for _ in range(5):
        found = service.get(f"{API}/connection/status").json()
    assert (found["connected"], found["space"], found["error"]) == (True, "acme", None)
    assert set(found["rate_limit"]) == {"read", "search", "update", "icon"}
    assert [project["key"] for project in found["projects"]] == ["APP", "OPS", "WEB"]
    assert found["last_sync"]["status"] == "completed"
    assert found["alerts"] == {"alive": None, "beat_at": None, "open": []}
    assert loaded.sim.requests.by_route() == {"/space": 1, "/rateLimit": 1}


def test_the_connection_says_whether_the_alerter_is_alive_and_what_is_wrong(
    serve: Serve, loaded: Deployment
) -> None:
    since = "2026-07-01T00:00:00+00:00"
    of = {"subject": "raw/users", "said": "GET /users: 401: check BACKLOG_API_KEY"}
    problem = Problem("run/users", "run_failed", of, "run-7")
    wrong = problem.as_json() | {"since": since, "times": 3}
    older = {"key": "run/teams", "asset": "raw/teams", "cause": "the key is refused"}
    of_another = {"key": "x", "code": "of_another_version", "parameters": {}}
    beat(
        loaded.engine,
        alerts_of(loaded.sim.url),
        {"open": [wrong, older, of_another], "waiting": 0, "channels": []},
    )
    service = serve(
        BACKLOG_URL=loaded.sim.url,
        BACKLOG_API_KEY=loaded.sim.api_key,
        WAREHOUSE_URL=loaded.warehouse_url,
    )
    reported = service.get(f"{API}/connection/status").json()["alerts"]
    assert reported["alive"] is True
    [first, second] = reported["open"]
    assert first == {
        "code": "run_failed",
        "severity": "warning",
        "action": "sync",
        "texts": problem.said_in_all(),
        "topic": "run",
        "kind": "failed",
        "subject": "raw/users",
        "partition": None,
        "cause": "GET /users: 401: check BACKLOG_API_KEY",
        "step": problem.step("en"),
        "since": since,
        "times": 3,
        "run_id": "run-7",
        "status_url": first["status_url"],
    }
    assert first["status_url"].endswith("/runs/run-7")
    assert (second["code"], second["cause"], second["status_url"]) == (
        "run_failed",
        "the key is refused",
        None,
    )


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


def test_a_source_that_refuses_is_said_and_the_rest_is_answered(
    serve: Serve, sim: Simulator, log: Log
) -> None:
    log.done()
    sim.faults.add(Fault(status=401, times=None))
    service = serve(BACKLOG_URL=sim.url, BACKLOG_API_KEY="not-the-key")
    found = service.get(f"{API}/connection/status").json()
    assert found["connected"] is False
    assert "check BACKLOG_API_KEY" in found["error"]
    assert "not-the-key" not in str(found)
    assert service.get(f"{API}/history").status_code == 200


def test_what_fails_is_in_the_status_until_it_has_ended_well(serve: Serve, log: Log) -> None:
    service = serve()
    log.done(error="GET /issues: 500")
    log.done("users", run="run-2")
    found = service.get(f"{API}/connection/status").json()
    assert [(sync["type"], sync["error"]) for sync in found["failing"]] == [
        ("issues", "GET /issues: 500")
    ]
    assert found["last_sync"]["type"] == "users"
    log.done(run="run-3")
    eventually(lambda: service.get(f"{API}/connection/status").json()["failing"] == [])


def test_what_works_is_shown_with_how_far_it_is(
    serve: Serve, log: Log, dagster: DagsterStandIn, warehouse: Engine
) -> None:
    dagster.works("issues", "run-1")
    dagster.works("projects", "run-2", status="QUEUED")
    service = serve()
    with (
        log.alive(project="OPS", mode="backfill") as number,
        log.alive("users", run="of-a-command"),
    ):
        note_progress(warehouse, number, 300, 2_000)
        note_wait(warehouse, number, "search rate limit of Backlog")
        found = service.get(f"{API}/monitor/active").json()["active"]
        assert [(run["run_id"], run["job"], run["state"]) for run in found] == [
            ("run-1", "issues", "running"),
            ("run-2", "projects", "queued"),
            ("of-a-command", None, "running"),
        ]
        [sync] = found[0]["syncs"]
        seconds_left = sync["progress"].pop("seconds_left")
        assert sync["progress"] == {"done": 300, "total": 2_000, "unit": "rows"}
        # 17 parts of 20 are left, of which 3 have taken some seconds.
        assert 0 <= seconds_left < 17 / 3 * 60
        # The load has been at another project for an hour before this one, and has counted its
        # rows.
        other = log.begun(project="WEB", mode="backfill")
        finish_sync(warehouse, other, items_synced=299, items_failed=0, requests=3)
        earlier = text(
            "UPDATE ops.sync_history SET started_at = started_at - interval '1 hour' WHERE id = :id"
        )
        with warehouse.begin() as connection:
            connection.execute(earlier, {"id": other})

        def left() -> float:
            return float(
                service.get(f"{API}/monitor/active").json()["active"][0]["syncs"][0]["progress"][
                    "seconds_left"
                ]
            )

        eventually(lambda: 17 / 3 * 3_600 <= left() < 17 / 3 * 3_660)
        assert (sync["project"], sync["mode"], sync["waiting_for"]) == (
            "OPS",
            "backfill",
            "search rate limit of Backlog",
        )
        assert found[0]["status_url"] == f"{dagster.url}/runs/run-1"
        assert found[1]["syncs"] == []


def test_without_dagster_the_syncs_are_still_reported(serve: Serve, log: Log) -> None:
    service = serve(BACKLOG_DAGSTER_URL=f"http://127.0.0.1:{free_port()}")
    with log.alive():
        found = service.get(f"{API}/monitor/active").json()
    assert len(found["active"]) == 1
    assert found["dagster"]["reachable"] is False
    assert "does not answer at http://127.0.0.1:" in found["dagster"]["error"]


def test_the_history_is_paged_and_filtered(serve: Serve, log: Log) -> None:
    numbers = [
        log.done(project="OPS"),
        log.done(error="GET /issues: 500"),
        log.done("users"),
        log.done(),
    ]
    service = serve()

    def ids(**query: str | int) -> tuple[list[int], int | None]:
        page = service.get(f"{API}/history", params=query).json()
        return [item["id"] for item in page["items"]], page["next_before"]

    assert ids(limit=3) == (numbers[:0:-1], numbers[1])
    assert ids(limit=3, before=numbers[1]) == ([numbers[0]], None)
    assert ids(status="failed") == ([numbers[1]], None)
    assert ids(type="users") == ([numbers[2]], None)
    assert ids(project="OPS") == ([numbers[0]], None)
    assert ids(type="users", status="failed") == ([], None)


def test_a_wrong_parameter_is_named(serve: Serve) -> None:
    service = serve()
    for query in (
        "limit=0", "limit=201", "limit=ten", "limit=٣", "limit=1e2", "limit=",
        "before=-1", "before=9223372036854775808", "status=fine", "type=Issues",
        "type=" + "x" * 41, "project=ops", "project=%00", "project='",
    ):  # fmt: skip
        answer, name = service.get(f"{API}/history?{query}"), query.split("=", 1)[0]
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "invalid_parameter")
        assert error["message"].split()[0] == name
        assert error["hint"].startswith("Expected ")


def test_what_a_client_has_already_is_not_sent_again(serve: Serve, log: Log) -> None:
    log.done()
    service = serve()
    for path in READS:
        first = service.get(f"{API}/{path}")
        assert first.headers["cache-control"] == "private, no-cache"
        again = service.get(f"{API}/{path}", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        other = service.get(f"{API}/{path}", headers={"If-None-Match": '"of-another-answer"'})
        assert (other.status_code, other.json()) == (200, first.json())


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
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "warehouse_unavailable"
        assert "check WAREHOUSE_URL" in answer.json()["error"]["message"]
        assert "s3cr3t" not in answer.text
        assert int(answer.headers["retry-after"]) > 0
    assert service.get("/healthz").json() == {"status": "ok"}
    assert "backlog_elt_warehouse_up 0.0" in service.get("/metrics").text


def test_metrics_count_syncs_and_requests_and_never_show_a_path(serve: Serve, log: Log) -> None:
    log.done(items=100)
    log.done("users", error="GET /users: 500")
    service = serve()
    service.get("/webhooks/backlog/a-wrong-secret-in-a-path")
    service.get("/healthz")
    service.request("PROPFIND", "/healthz")
    text = service.get("/metrics").text
    for line in (
        'backlog_elt_syncs_24h{status="completed",type="issues"} 1.0',
        'backlog_elt_syncs_24h{status="failed",type="users"} 1.0',
        'backlog_elt_sync_items_24h{type="issues"} 100.0',
        'backlog_elt_sync_requests_24h{type="issues"} 2.0',
        "backlog_elt_warehouse_up 1.0",
        "backlog_elt_syncs_active 0.0",
        'backlog_elt_service_requests_total{method="GET",route="/healthz",status="200"} 1.0',
    ):
        assert line in text
    assert 'backlog_elt_sync_last_success_timestamp_seconds{type="issues"}' in text
    assert "a-wrong-secret" not in text
    assert "PROPFIND" not in text
    assert (
        'backlog_elt_service_requests_total{method="other",route="/healthz",status="405"} 1.0'
        in text
    )


def test_the_page_and_its_files_are_served_and_known_again(serve: Serve) -> None:
    service = serve()
    page = service.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in ("/static/page.js", "/static/words.js", "/static/page.css", "/static/icon.svg"):
        assert path in page.text or path == "/static/words.js"
        first = service.get(path)
        assert first.status_code == 200
        assert (
            service.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        )

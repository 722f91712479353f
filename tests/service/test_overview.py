"""What is next, how current the projects are, and what ran, run by run and half hour by
half hour.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from resources.cadences import FRESH_WITHIN, ISSUES
from resources.problems.alert_texts import CODES
from resources.problems.problem import Problem
from resources.warehouse.history.run_kinds import kind_of_run
from resources.warehouse.state import sync_state
from resources.warehouse.state.heartbeats import alerts_of, beat
from resources.warehouse.state.reconciliations import Reconciled, record
from tests.databases import execute
from tests.documents import DOCS, spans, tables
from tests.service.conftest import ACME, API, DagsterStandIn, Log, Serve
from tests.sync_log import SMALL_DAY
from tests.waiting import eventually


def test_schedules_come_by_their_next_tick_and_say_whether_dagster_has_them_on(
    serve: Serve, dagster: DagsterStandIn
) -> None:
    before = datetime.now(UTC)
    found = serve(**ACME).get(f"{API}/schedules").json()
    assert found["dagster"] == {"reachable": True, "error": None}
    by_name = {one["name"]: one for one in found["items"]}
    assert not {"tokens_hourly", "housekeeping_nightly"} & set(by_name), "they sync nothing"
    ticks = [one["next_at"] for one in found["items"]]
    known = sorted(tick for tick in ticks if tick)
    assert ticks == known + [None] * (len(ticks) - len(known))
    issues, feed = by_name["issues_every_12_hours"], by_name["activity_feed"]
    expected = ISSUES.next_tick(before, ZoneInfo("Asia/Tokyo"), "http://acme.example.com")
    assert datetime.fromisoformat(issues["next_at"]) == expected
    assert issues.items() >= {"job": "issues", "every_seconds": 43_200, "on": True}.items()
    assert feed.items() >= {"next_at": None, "every_seconds": 30, "on": False}.items()
    assert by_name["marts_after_loads"]["on"] is by_name["users_daily"]["on"] is None
    assert [name for name, one in by_name.items() if not one["on_by_default"]] == ["webhook_inbox"]


#: Projects in every state, and issues of which the history of one is complete.
_PROJECTS = """
WITH projects (id, key, archived) AS (
    VALUES (300, 'OPS', false), (301, 'WEB', false), (302, 'NEW', false), (303, 'OLD', true)
), listed AS (
    INSERT INTO raw.projects (space_key, id, project_key, name, archived, payload, content_hash,
        loaded_at, run_id)
    SELECT 'acme', id, key, 'Project ' || key, archived, '{}', '', now(), 'r' FROM projects
), synced (id, age, error) AS (
    VALUES (300, interval '1 hour', NULL), (301, CAST(:stale AS interval), 'GET /issues: 500')
), states AS (
    INSERT INTO ops.sync_state (space_key, scope, project_id, watermark, last_success_at,
        last_error)
    SELECT 'acme', 'issues', id, now() - age, now() - age, error FROM synced
), issues AS (
    INSERT INTO raw.issues (space_key, id, project_id, issue_key, key_id, payload, content_hash,
        loaded_at, run_id)
    SELECT 'acme', id, 300, 'OPS-' || id, id, '{}', '', now(), 'r'
    FROM (VALUES (901), (902)) AS issues (id)
)
INSERT INTO ops.issue_sync_state (space_key, issue_id, project_id, updated_at)
VALUES ('acme', 901, 300, now())
"""


@pytest.fixture
def projects(log: Log, warehouse: Engine) -> Log:
    """Return a space with a project that is fresh and equal, a stale one that differs, a new one
    and an archived one.
    """
    stale = FRESH_WITHIN["issues"] + timedelta(minutes=1)
    with warehouse.begin() as connection:
        sync_state.note_space_url(connection, "acme", "http://acme.example.com")
        connection.execute(text(_PROJECTS), {"stale": stale})
        rows = [Reconciled(300, 40, 40, 0), Reconciled(301, 50, 48, 2, "look")]
        record(connection, "acme", "rows", rows)
    with warehouse.begin() as connection:
        record(connection, "acme", "count", [Reconciled(300, 41, 41, 0)])
    return log


def test_each_project_says_whether_it_is_fresh_and_proven(serve: Serve, projects: Log) -> None:
    found = serve(**ACME).get(f"{API}/projects").json()
    assert found["fresh_within_seconds"] == FRESH_WITHIN["issues"].total_seconds()
    by_key = {one["key"]: one for one in found["items"]}
    fresh = {key: one["fresh"] for key, one in by_key.items()}
    assert fresh == {"NEW": False, "OLD": None, "OPS": True, "WEB": False}
    assert list(fresh) == sorted(fresh)
    assert by_key["NEW"].items() >= {"last_success_at": None, "proof": None}.items()
    assert by_key["WEB"].items() >= {
        "last_error": "GET /issues: 500", "name": "Project WEB", "history": None
    }.items()  # fmt: skip
    assert by_key["OPS"]["history"] == {"issues": 2, "complete": 1}
    ops, web = by_key["OPS"]["proof"], by_key["WEB"]["proof"]
    # Counted after each row was compared: equal since the first of both.
    assert ops["since"] == ops["rows_compared_at"] < ops["checked_at"]
    assert ops.items() >= {
        "equal": True, "level": "count", "source_rows": 41, "row_differences": 0
    }.items()  # fmt: skip
    assert web.items() >= {
        "equal": False, "differences": 2, "note": "look", "warehouse_rows": 48
    }.items()  # fmt: skip


def test_the_last_success_of_a_project_is_of_any_sync_that_covered_it(
    serve: Serve, projects: Log
) -> None:
    service = serve(**ACME)
    projects.done("issues", mode="targeted", project="WEB", run="of-a-webhook")
    [sync] = service.get(f"{API}/history").json()["items"]
    by_key = {one["key"]: one for one in service.get(f"{API}/projects").json()["items"]}
    last = {key: one["last_success_at"] for key, one in by_key.items()}
    assert last == {"NEW": None, "OLD": None, "OPS": None, "WEB": sync["ended_at"]}
    # Just some issues were read: it is as stale as before, and says how far it is complete.
    assert by_key["WEB"]["fresh"] is False
    assert by_key["WEB"]["complete_until"] < sync["started_at"]
    connection = service.get(f"{API}/connection/status").json()
    assert connection["last_success_at"] == sync["ended_at"]


def test_metrics_have_the_state_of_projects_and_open_problems(
    serve: Serve, projects: Log, warehouse: Engine
) -> None:
    projects.write(*SMALL_DAY)
    url = ACME["BACKLOG_URL"]
    of = {"subject": "raw/issues", "said": "GET /issues: 500", "partition": ""}
    problems = [Problem("run/issues", "run_failed", of), Problem("run/users", "run_failed", of)]
    begun = {"since": datetime.now(UTC).isoformat(), "times": 1}
    beat(
        warehouse,
        alerts_of(url),
        {"open": [problem.as_json() | begun for problem in problems], "channels": []},
    )
    found = figures_of(serve(**ACME).get("/metrics").text)
    assert found["backlog_elt_project_fresh"] == {"OPS": 1, "WEB": 0, "NEW": 0}
    assert found["backlog_elt_project_equal"] == {"OPS": 1, "WEB": 0}
    assert set(found["backlog_elt_project_compared_timestamp_seconds"]) == {"OPS", "WEB"}
    assert set(found["backlog_elt_project_complete_until_timestamp_seconds"]) == {"OPS", "WEB"}
    ends = found["backlog_elt_project_last_success_timestamp_seconds"]
    assert round(ends["WEB"] - ends["OPS"]) == 18 * 60
    assert found["backlog_elt_sync_last_success_timestamp_seconds"]["issues"] == ends["WEB"]
    severities = {f"{code} {kind.severity}": 0 for code, kind in CODES.items()}
    assert found["backlog_elt_open_problems"] == severities | {"run_failed warning": 2}
    assert found["backlog_elt_runs_24h"] == {"completed": 2, "failed": 1}
    assert found["backlog_elt_type_runs_24h"].items() >= {
        "completed marts": 1, "failed marts": 0, "completed issues": 1, "failed issues": 1,
    }.items()  # fmt: skip
    assert found["backlog_elt_syncs_24h"] == {
        "completed comments": 1, "failed comments": 0, "completed issues": 2, "failed issues": 1,
        "completed users": 0, "failed users": 0,
    }  # fmt: skip


def figures_of(exposition: str) -> dict[str, dict[str, float]]:
    """Return metric -> the values of its labels, in the order of their names -> the figure."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            labels = " ".join(sample.labels.values())
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_each_metric_is_described_in_both_languages(serve: Serve) -> None:
    shown = set(re.findall(r"(?m)^# TYPE (backlog_elt_\w+)", serve().get("/metrics").text))
    for document, title in (("service.md", "Metrics"), ("service.ja.md", "メトリクス")):
        _, _, section = (DOCS / document).read_text().partition(f"\n## {title}\n")
        [table, *_] = tables(section)
        assert {one for row in table[1:] for one in spans(row[0])} - {"process_*"} == shown


def test_the_history_by_run_has_each_run_once_with_its_tables(serve: Serve, log: Log) -> None:
    for table in ("activities", "issues", "comments"):
        log.done(table, run="run-1", project="OPS", items=5)
    log.done("users", run="run-2", error="GET /users: 500")
    log.done("issues", run="run-3", mode="targeted", project="WEB")
    log.done("users", run="run-4", error="the run was canceled")
    service = serve()
    with log.alive("projects", run="run-5", mode="full"):
        found = service.get(f"{API}/runs").json()["items"]
        reported = [(one["run_id"], one["kind"], one["state"], one["error"]) for one in found]
        assert reported == [
            ("run-5", "projects", "running", None),
            ("run-4", "users", "canceled", "the run was canceled"),
            ("run-3", "targeted_sync", "completed", None),
            ("run-2", "users", "failed", "GET /users: 500"),
            ("run-1", "issues", "completed", None),
        ]
        assert [sync["type"] for sync in found[-1]["syncs"]] == ["activities", "issues", "comments"]
        figures = {"items_synced": 15, "requests": 6, "projects": ["OPS"]}
        assert found[-1].items() >= figures.items()
        assert found[-1]["seconds"] is not None
        assert found[0].items() >= {"ended_at": None, "seconds": None}.items()
        log.done("activities", run="run-5", error="GET /activities: 500")
        page = service.get(f"{API}/runs?limit=2").json()
        for query, runs in (
            # One of the tables of the fifth has failed, and it goes on.
            ("status=failed", "4 2"),
            ("status=completed", "3 1"),
            ("status=in_progress", "5"),
            ("type=comments", "1"),
            ("project=WEB", "3"),
            ("project=WEB&status=failed", ""),
            ("limit=2", "5 4"),
            (f"limit=2&before={page['next_before']}", "3 2"),
        ):
            found = service.get(f"{API}/runs?{query}").json()["items"]
            assert [one["run_id"] for one in found] == [f"run-{one}" for one in runs.split()], query
        assert service.get(f"{API}/runs?limit=5").json()["next_before"] is None
    assert service.get(f"{API}/runs?status=odd").status_code == 400


def test_the_timeline_has_each_kind_of_run_in_each_half_hour_in_which_it_was_at_work(
    serve: Serve, log: Log, warehouse: Engine
) -> None:
    service = serve()
    empty = service.get(f"{API}/monitor/timeline").json()
    since, until = datetime.fromisoformat(empty["since"]), datetime.fromisoformat(empty["until"])
    assert until - since == timedelta(hours=24)
    assert empty.items() >= {"slot_seconds": 1_800, "slots": []}.items()
    assert until - timedelta(minutes=30) <= datetime.now(UTC) < until
    log.done("issues", run="long", error="GET /issues: 500")
    for run in ("a", "b", "yesterday"):
        log.done("users", run=run)
    execute(
        warehouse,
        *(
            f"UPDATE ops.sync_history SET started_at = '{until - timedelta(minutes=begin)}', "
            f"ended_at = '{until - timedelta(minutes=end)}' WHERE run_id = '{run}'"
            for run, begin, end in (
                ("long", 90, 20), ("a", 65, 64), ("b", 70, 69), ("yesterday", 1_600, 1_590),
            )
        ),
    )  # fmt: skip
    slots: list[dict[str, Any]] = []

    def are_there() -> bool:
        slots[:] = service.get(f"{API}/monitor/timeline").json()["slots"]
        return bool(slots)

    eventually(are_there)
    # The half hour in which the long run failed is the one where it ended.
    assert [
        (one["kind"], until - datetime.fromisoformat(one["start"]), one["runs"], one["failed"])
        for one in slots
    ] == [
        ("issues", timedelta(minutes=90), 1, 0),
        ("issues", timedelta(minutes=60), 1, 0),
        ("issues", timedelta(minutes=30), 1, 1),
        ("users", timedelta(minutes=90), 2, 0),
    ]


@pytest.mark.parametrize(
    ("types", "modes", "kind"),
    [
        (["issues", "comments"], ["incremental"], "issues"),
        (["activities", "issues"], ["targeted", "waiting"], "targeted_sync"),
        (["comments"], ["refresh"], "rolling_refresh"),
        (["space"], ["full"], "projects"),
        (["users"], ["full"], "users"),
        (["marts"], ["run"], "marts"),
        (["users", "issues", "statuses"], ["full", "incremental"], "load"),
    ],
)
def test_a_run_is_named_by_what_it_syncs(types: list[str], modes: list[str], kind: str) -> None:
    assert kind_of_run(types, modes) == kind

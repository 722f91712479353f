"""What `up` shows: each event once, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import insert

from pipelines.alerting.problems import of_source
from pipelines.hosting.following import SOURCE_FAILED, Facts, Load, lines, progress, read
from resources.conditions import Outcome
from resources.warehouse.builds import begin_build, end_build
from resources.warehouse.heartbeats import alerts_of, beat
from resources.warehouse.history import Sync, fail_sync, lock_of, start_sync
from resources.warehouse.locks import Locks
from resources.warehouse.run_log import OF_COMMAND
from resources.warehouse.schema_ops import spaces
from resources.warehouse.seen_conditions import Condition, note
from resources.warehouse.warehouse_resource import WarehouseResource

DAGSTER = "http://127.0.0.1:3000"
BEGAN, LATER = datetime(2026, 7, 1, 3, 4, 5, tzinfo=UTC), datetime(2026, 7, 1, 3, 9, 46, tzinfo=UTC)
REST = Facts(known=True)
ALERT = {
    "asset": "raw/users",
    "partition": "",
    "cause": "GET /users: 500",
    "step": "look",
    "run_id": "",
    "since": BEGAN.isoformat(),
}
SUMMARY = {
    "tables": {
        "issues": {"read": 2_000, "inserted": 2_000},
        "comments": {"inserted": 7, "updated": 1},
        "activities": {"inserted": 1},
        "teams": {"inserted": 3},
    },
    "requests": {"read": 40, "search": 3, "retries": 2, "rate_limited": 0},
    "seconds": 18.7,
    "errors": [],
}


def reported(before: Facts, now: Facts) -> list[str]:
    return list(lines(before, now, DAGSTER, LATER))


def test_nothing_is_shown_while_nothing_happens() -> None:
    assert reported(REST, REST) == []
    assert reported(REST, replace(REST, built=(7, 12.0))) == []


def test_a_run_that_failed_is_one_line_with_its_cause_and_where_to_see_it() -> None:
    failed = replace(REST, failed={"r1": "users: GET /users: 500"})
    assert reported(REST, failed) == [f"failed: users: GET /users: 500  {DAGSTER}/runs/r1"]
    assert reported(failed, failed) == []
    command = replace(REST, failed={f"{OF_COMMAND}1": "projects: GET /space: 401"})
    assert reported(REST, command) == ["failed: projects: GET /space: 401"]


def test_an_alert_about_a_run_already_shown_is_not_repeated_but_its_end_is_shown() -> None:
    failed = replace(REST, failed={"r1": "users: GET /users: 500"})
    alerted = replace(failed, alerts={"run/users": ALERT | {"run_id": "r1"}})
    assert reported(failed, alerted) == []
    assert reported(alerted, failed) == ["resolved: raw/users: GET /users: 500 (after 0:05:41)"]


def test_an_alert_about_something_else_says_what_to_do() -> None:
    alerted = replace(REST, alerts={"silent/users": ALERT | {"partition": "OPS|2026-05"}})
    assert reported(REST, alerted) == ["alert: raw/users (OPS|2026-05): GET /users: 500; look"]


def test_what_was_before_the_start_is_no_news_but_an_alert_that_is_still_open() -> None:
    found = replace(
        REST,
        failed={"r1": "users: GET /users: 500"},
        built=(7, 12.0),
        alerts={"silent/users": ALERT},
    )
    assert reported(Facts(), found) == ["alert: raw/users: GET /users: 500; look"]


def test_a_successful_load_shows_its_figures_and_where_the_data_is() -> None:
    working = replace(REST, load=Load(3.0))
    assert reported(REST, working) == []
    done = replace(working, load=Load(19.0, 0, SUMMARY))
    assert reported(working, done) == [
        "loaded: 2,000 issues, 8 comments, 1 activity in schema raw (19 s, 43 requests)"
    ]
    assert reported(working, replace(working, load=Load(19.0, 0, SUMMARY | {"tables": {}}))) == [
        "loaded: nothing has changed (19 s, 43 requests)"
    ]
    simulated = replace(working, load=Load(19.0, 0, SUMMARY | {"simulated": True}))
    assert reported(working, simulated)[0].startswith(
        "loaded: 2,000 issues, 8 comments, 1 activity from a simulated space in schema raw"
    )


def test_a_failed_load_shows_why_unless_its_run_was_shown_already() -> None:
    working = replace(REST, load=Load(3.0))
    failed = replace(
        working, load=Load(4.0, 1, SUMMARY | {"errors": ["GET /space: 401; check BACKLOG_API_KEY"]})
    )
    assert reported(working, failed) == [
        "the load has failed: GET /space: 401; check BACKLOG_API_KEY; the schedules try again"
    ]
    known = replace(failed, failed={"r1": "users: GET /space: 401; check BACKLOG_API_KEY"})
    assert reported(working, known) == [
        f"failed: users: GET /space: 401; check BACKLOG_API_KEY  {DAGSTER}/runs/r1",
        "the load has failed (see above); the schedules try again",
    ]
    assert reported(working, replace(working, load=Load(4.0, 2))) == [
        "the load has failed (see the log); the schedules try again"
    ]


def test_a_source_that_is_gone_and_back_are_two_lines_and_its_alert_is_none() -> None:
    condition = Condition("unreachable", BEGAN, "no answer from acme", LATER)
    gone = replace(REST, condition=condition)
    assert reported(REST, gone) == ["the source is unreachable: no answer from acme"]
    assert reported(gone, REST) == ["the source answers again (after 0:05:41)"]
    assert (
        reported(REST, replace(REST, condition=Condition("rate_limited", BEGAN, "429", BEGAN)))
        == []
    )
    [problem], _ = of_source("http://acme.example", condition, LATER)
    assert (problem.key, problem.kind) == SOURCE_FAILED


def test_a_warehouse_that_is_gone_and_back_are_two_lines() -> None:
    gone = replace(REST, warehouse="The disk is full.")
    assert reported(REST, gone) == ["the warehouse cannot be used: The disk is full."]
    assert reported(gone, replace(gone, warehouse="The disk is full!")) == []
    assert reported(gone, REST) == ["the warehouse can be used again"]


def test_progress_says_how_far_each_table_is_and_what_it_waits_for() -> None:
    sync = Sync(
        1,
        "issues",
        "backfill",
        "OPS",
        "in_progress",
        BEGAN,
        None,
        0,
        0,
        0,
        None,
        "r1",
        None,
        None,
        1_200,
        2_000,
    )
    waits = replace(
        sync, sync_type="comments", waiting_for="read rate limit", progress_done=5, progress_total=9
    )
    now = replace(REST, load=Load(65.4), active=(sync, replace(sync, project_key="WEB"), waits))
    assert progress(now) == (
        "loading, 0:01:05; issues 1,200 of 2,000; comments 5 of 9 issues (waiting "
        "for the read rate limit)"
    )
    assert progress(replace(now, load=Load(70.0, 0, SUMMARY))) == ""
    assert progress(REST) == ""


def test_the_facts_are_those_of_the_warehouse(warehouse_url: str) -> None:
    warehouse, url = WarehouseResource(url=warehouse_url), "http://acme.example"
    engine = warehouse.engine
    with engine.begin() as connection:
        connection.execute(insert(spaces).values(space_key="acme", url=url))
    old = start_sync(engine, space_key="acme", sync_type="users", mode="full", run_id="old")
    fail_sync(engine, old, "an error of yesterday")
    end_build(engine, begin_build(engine, "p1", "b1"))
    first = read(warehouse, url, Facts())
    assert reported(Facts(), first) == []
    with Locks(engine, "acme") as locks:
        locks.acquire(lock_of("r1", "issues"), 1.0)
        working = start_sync(
            engine, space_key="acme", sync_type="issues", mode="full", run_id="r1", projects=["OPS"]
        )
        second = read(warehouse, url, first)
        assert [sync.project_key for sync in second.active] == ["OPS"]
        fail_sync(engine, working, "GET /issues: 500\nand more")
    end_build(engine, begin_build(engine, "p1", "b2"))
    note(engine, url, Outcome("unreachable", "no answer from acme"), 1)
    problems = [
        ALERT | {"key": "silent/users", "kind": "silent"},
        ALERT | {"key": "source", "kind": "failed"},
    ]
    beat(engine, alerts_of(url), {"open": problems, "waiting": 0, "channels": []})
    third = read(warehouse, url, second)
    assert reported(second, third) == [
        "the source is unreachable: no answer from acme",
        f"failed: issues of OPS: GET /issues: 500 and more  {DAGSTER}/runs/r1",
        "the marts are built (0 s): tables in schema mart",
        "alert: raw/users: GET /users: 500; look",
    ]
    warehouse.close()

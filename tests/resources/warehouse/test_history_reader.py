"""What is read of the sync history: pages, the last day, and whether anything has changed."""

from sqlalchemy import Engine

from resources.warehouse.history.history_reader import Requested, history_version, sync_page
from resources.warehouse.history.history_writer import (
    finish_sync,
    forget_sync,
)
from resources.warehouse.history.sync_outcomes import last_day, last_ends
from resources.warehouse.known_spaces import known_projects, space_at
from tests.databases import execute
from tests.deployment import Deployment
from tests.sync_log import Log


def test_it_moves_when_a_sync_begins_or_ends_and_not_else(warehouse: Engine, log: Log) -> None:
    seen = [history_version(warehouse, "acme")]

    def look() -> None:
        seen.append(history_version(warehouse, "acme"))

    number = log.begun()
    look()
    other = log.begun("users")
    look()
    finish_sync(warehouse, number, items_synced=0, items_failed=0, requests=0)
    look()
    forget_sync(warehouse, other)
    look()
    log.done()
    look()
    assert len(set(seen)) == len(seen)
    assert history_version(warehouse, "acme") == seen[-1]


def test_pages_follow_each_other_newest_first_whatever_comes_meanwhile(
    warehouse: Engine, log: Log
) -> None:
    numbers = [log.done() for _ in range(5)]
    Log(warehouse, "other").done()
    first = sync_page(warehouse, "acme", 2)
    assert [sync.id for sync in first] == numbers[:-3:-1]
    log.done()
    second = sync_page(warehouse, "acme", 2, before=first[-1].id)
    third = sync_page(warehouse, "acme", 2, before=second[-1].id)
    assert [sync.id for sync in (*first, *second, *third)] == numbers[::-1]


def test_a_page_has_only_what_was_asked_for(warehouse: Engine, log: Log) -> None:
    log.done(project="OPS")
    log.done(error="GET /issues: 500")
    log.done("users")
    for requested, found in (
        (Requested(), ["users", "issues", "issues"]),
        (Requested(sync_type="users"), ["users"]),
        (Requested(status="failed"), ["issues"]),
        (Requested(project_key="OPS"), ["issues"]),
        (Requested(sync_type="users", status="failed"), []),
        (Requested(sync_type="'; DROP SCHEMA ops CASCADE; --"), []),
    ):
        page = sync_page(warehouse, "acme", 10, requested=requested)
        assert [sync.sync_type for sync in page] == found


def test_figures_of_the_last_day_are_given_in_total_and_by_type(
    warehouse: Engine, log: Log
) -> None:
    log.done(items=100, failed=1)
    log.done(items=20, error="GET /issues: 500")
    log.done("users", items=3, run="run-2")
    log.begun(run="run-3")
    log.done(items=1_000, run="run-0")
    execute(
        warehouse,
        "UPDATE ops.sync_history SET started_at = now() - interval '25 hours' "
        "WHERE run_id = 'run-0'",
        "UPDATE ops.sync_history SET ended_at = started_at + "
        "CASE status WHEN 'failed' THEN interval '4 s' ELSE interval '2 s' END "
        "WHERE status <> 'in_progress'",
    )
    everything, issues, users = last_day(warehouse, "acme")
    assert (everything.type, issues.type, users.type) == (None, "issues", "users")
    assert (everything.runs, everything.completed, everything.failed) == (3, 1, 1)
    assert (everything.syncs, everything.syncs_completed, everything.syncs_failed) == (4, 2, 1)
    assert (issues.runs, issues.completed, issues.failed, users.success_rate) == (2, 0, 1, 1.0)
    assert (issues.items, issues.items_failed, issues.requests) == (120, 1, 4)
    assert (issues.mean_seconds, issues.longest_seconds) == (3.0, 4.0)
    assert (users.runs, users.mean_seconds) == (1, 2.0)


def test_the_last_good_end_of_each_type_is_known(warehouse: Engine, log: Log) -> None:
    log.done()
    log.done("users", error="GET /users: 500")
    assert set(last_ends(warehouse, "acme")) == {"issues"}
    assert last_ends(warehouse, "acme", but={"targeted", "incremental", "backfill"}) == {}


def test_the_space_at_a_url_and_its_projects_are_known_after_a_load(loaded: Deployment) -> None:
    assert space_at(loaded.engine, "https://nowhere.example") is None
    [url] = [str(row["url"]) for row in loaded.query("SELECT url FROM ops.spaces")]
    assert space_at(loaded.engine, url + "/") == "acme"
    assert [key for key, _ in known_projects(loaded.engine, "acme")] == ["APP", "OPS", "WEB"]
    loaded.change("UPDATE raw.projects SET deleted_reason = 'no access' WHERE project_key = 'OPS'")
    assert [key for key, _ in known_projects(loaded.engine, "acme")] == ["APP", "WEB"]

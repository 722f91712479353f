"""What is read of the sync history: pages, the last day, and whether anything has changed."""

from sqlalchemy import Engine

from resources.warehouse.history.history_reader import history_version, sync_page
from resources.warehouse.history.history_writer import (
    finish_sync,
    forget_sync,
)
from resources.warehouse.history.run_kinds import CANCELED
from resources.warehouse.history.sync_outcomes import Totals, last_day, last_ends, last_slots
from resources.warehouse.state.known_spaces import known_projects, space_at
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
    assert issues == Totals(
        type="issues", runs=2, completed=0, failed=1, success_rate=0.0,
        syncs=3, syncs_completed=1, syncs_failed=1, items=120, items_failed=1, requests=4,
        mean_seconds=3.0, longest_seconds=4.0,
    )  # fmt: skip
    assert (users.type, users.runs, users.success_rate, users.mean_seconds) == (
        "users",
        1,
        1.0,
        2.0,
    )
    assert (everything.type, everything.runs, everything.completed, everything.failed) == (
        None, 3, 1, 1,
    )  # fmt: skip
    assert (everything.syncs, everything.syncs_completed, everything.syncs_failed) == (4, 2, 1)


def test_what_somebody_has_canceled_is_neither_completed_nor_failed(
    warehouse: Engine, log: Log
) -> None:
    log.done(run="run-1")
    log.done(run="run-2", error=f"{CANCELED}: asked by somebody")
    everything = last_day(warehouse, "acme")[0]
    assert (everything.runs, everything.completed, everything.failed) == (2, 1, 0)
    assert (everything.syncs_failed, everything.success_rate) == (0, 1.0)
    assert sum(slot.failed for slot in last_slots(warehouse, "acme")[1]) == 0


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

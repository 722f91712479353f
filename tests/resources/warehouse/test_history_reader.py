"""What is read of the sync history: pages, the last day, and whether anything has changed."""

from sqlalchemy import Engine, text

from resources.warehouse.history.history_reader import history_version, sync_page
from resources.warehouse.history.history_writer import (
    finish_sync,
    forget_sync,
)
from resources.warehouse.history.run_kinds import CANCELED
from resources.warehouse.history.sync_outcomes import (
    Totals,
    last_day,
    last_ends,
    last_project_ends,
    last_slots,
)
from resources.warehouse.state.known_spaces import known_projects, space_at
from tests.deployment import Deployment
from tests.sync_log import SMALL_DAY, Log, Row


def test_it_moves_when_a_sync_begins_or_ends_and_not_else(warehouse: Engine, log: Log) -> None:
    seen = [history_version(warehouse, "acme")]
    begun = list[int]()
    for step in (
        lambda: begun.append(log.begun()),
        lambda: begun.append(log.begun("users")),
        lambda: finish_sync(warehouse, begun[0], items_synced=0, items_failed=0, requests=0),
        lambda: forget_sync(warehouse, begun[1]),
        lambda: log.done(),
    ):
        step()
        seen.append(history_version(warehouse, "acme"))
    assert len(set(seen)) == len(seen)
    assert history_version(warehouse, "acme") == seen[-1]


def test_pages_follow_each_other_newest_first_whatever_comes_meanwhile(
    warehouse: Engine, log: Log
) -> None:
    numbers = [log.done() for _ in range(5)]
    Log(warehouse, "other").done()
    found = [sync.id for sync in sync_page(warehouse, "acme", 2)]
    assert found == numbers[:-3:-1]
    log.done()
    for _ in range(2):
        found += [sync.id for sync in sync_page(warehouse, "acme", 2, before=found[-1])]
    assert found == numbers[::-1]


def test_figures_of_the_last_day_are_those_worked_out_by_hand(warehouse: Engine, log: Log) -> None:
    [nothing] = last_day(warehouse, "acme")
    log.write(*SMALL_DAY)
    Log(warehouse, "other").write(SMALL_DAY[0])
    everything, *by_type = last_day(warehouse, "acme")
    # Runs a and c have completed and b has failed; they lasted 10, 8 and 4 minutes.
    assert everything == Totals(
        type=None, runs=4, completed=2, failed=1, success_rate=2 / 3,
        syncs=5, syncs_completed=3, syncs_failed=1, items=132, items_failed=0, requests=0,
        mean_seconds=440, longest_seconds=600,
    )  # fmt: skip
    names = ("runs", "completed", "failed", "success_rate", "syncs", "mean_seconds")
    assert {one.type: tuple(getattr(one, name) for name in names) for one in by_type} == {
        "comments": (1, 1, 0, 1, 1, 360),
        "issues": (2, 1, 1, 0.5, 3, 300),
        "marts": (1, 1, 0, 1, 0, 480),
        "users": (1, 0, 0, None, 1, None),
    }
    unknown = dict.fromkeys(("type", "mean_seconds", "longest_seconds", "success_rate"))
    zeros = dict.fromkeys(Totals.model_fields, 0)
    assert nothing == Totals.model_validate(zeros | unknown)


def test_the_last_success_of_a_project_is_the_newest_sync_that_covered_it(
    warehouse: Engine, log: Log
) -> None:
    def last() -> dict[str, int]:
        """Return when they succeeded last, in minutes."""
        with warehouse.connect() as connection:
            began = connection.execute(text("SELECT now() - interval '3 hours'")).scalar_one()
            ends = last_project_ends(connection, "acme", "issues", ["OPS", "WEB", "NEW"])
        return {key: round((end - began).total_seconds() / 60) for key, end in ends.items()}

    assert last() == {}
    log.write(*SMALL_DAY[:-1])
    # That of OPS at minute 22 has failed.
    assert last() == {"OPS": 6, "WEB": 24}
    log.write(
        Row("f", "issues", "backfill", "completed", 25, 60, projects=("OPS",)),
        Row("g", "issues", "targeted", "completed", 40, 41, projects=("OPS", "WEB")),
        Row("h", "comments", "refresh", "completed", 70, 71, projects=("OPS",)),
        Row("i", "issues", "run", "completed", 80, 81, projects=("OPS",)),
    )
    assert last() == {"OPS": 60, "WEB": 41}, "the one that ended last, of issues, and no mere run"
    log.write(Row("j", "issues", "full", "completed", 90, 91))
    assert last() == {"OPS": 91, "WEB": 91, "NEW": 91}, "one without projects covers the space"


def test_what_somebody_has_canceled_is_neither_completed_nor_failed(
    warehouse: Engine, log: Log
) -> None:
    log.done(run="run-1")
    log.done(run="run-2", error=f"{CANCELED}: asked by somebody")
    day = last_day(warehouse, "acme")[0]
    assert (day.runs, day.completed, day.failed, day.syncs_failed) == (2, 1, 0, 0)
    assert day.success_rate == 1.0
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

"""The sync history and what `status` shows of it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from resources.problems.causes import Failure
from resources.warehouse.history.history_reader import (
    active_syncs,
    history_version,
    run_syncs,
    sync_page,
)
from resources.warehouse.history.history_writer import (
    fail_sync,
    finish_sync,
    note_progress,
    note_wait,
)
from resources.warehouse.history.sync_outcomes import summary
from resources.warehouse.state.known_spaces import known_spaces
from tests.databases import one
from tests.sync_log import Log


def test_a_space_that_was_never_synced_has_no_history(warehouse: Engine) -> None:
    state = summary(warehouse, "acme")
    assert (state.active, state.last) == ((), {})
    day = state.last_24h
    assert (day.runs, day.syncs, day.success_rate, day.mean_seconds) == (0, 0, None, None)
    assert known_spaces(warehouse) == []


def test_a_sync_is_seen_from_start_to_end(warehouse: Engine, log: Log) -> None:
    number = log.begun(mode="backfill", project="OPS")
    (active,) = summary(warehouse, "acme").active
    assert (active.status, active.mode, active.project_key, active.ended_at) == (
        "in_progress",
        "backfill",
        "OPS",
        None,
    )
    finish_sync(warehouse, number, items_synced=120, items_failed=1, requests=3)
    state = summary(warehouse, "acme")
    assert state.active == ()
    last = state.last["issues"]
    assert (last.status, last.items_synced, last.items_failed, last.requests) == (
        "completed",
        120,
        1,
        3,
    )
    # PostgreSQL adds up bigint to numeric, which JSON cannot say.
    assert {type(figure) for figure in (last.items_synced, last.items_failed, last.requests)} == {
        int
    }
    assert last.ended_at is not None
    assert last.ended_at >= last.started_at


def test_a_sync_in_progress_is_interrupted_once_nobody_holds_the_lock_of_its_load(
    warehouse: Engine, log: Log
) -> None:
    def state() -> tuple[list[tuple[str, str]], list[str], str]:
        at_work = [(sync.run_id, sync.sync_type) for sync in active_syncs(warehouse, "acme")]
        dead = [
            sync.run_id for sync in sync_page(warehouse, "acme", 9) if sync.cause == "interrupted"
        ]
        return at_work, dead, history_version(warehouse, "acme")

    with log.alive(run="alive"), Log(warehouse, "other") as other:
        log.dead(run="dead")
        log.dead("users", run="alive")
        other.begun(run="dead")
        log.done(run="dead")
        at_work, dead, version = state()
        assert (at_work, dead) == ([("alive", "issues")], ["alive", "dead"])
        assert len(active_syncs(warehouse, "other")) == 1
    assert state()[:2] == ([], ["alive", "dead", "alive"])
    assert state()[2] != version, "an answer that is kept with it is out of date"
    [first, *_] = run_syncs(warehouse, "alive")
    assert (first.status, first.cause, first.ended_at) == (
        "interrupted", "interrupted", first.started_at
    )  # fmt: skip
    note_progress(warehouse, first.id, 300, 2_000)
    [noted, *_] = run_syncs(warehouse, "alive")
    assert (noted.ended_at or first.started_at) > first.started_at, (
        "so long it is known to have worked"
    )
    assert noted.progress_done is None


def test_a_sync_that_waits_says_for_what_and_until_when(warehouse: Engine, log: Log) -> None:
    now, minute, what = datetime.now(UTC), timedelta(minutes=1), "search rate limit of Backlog"
    number = log.begun()
    for wait, shown in (
        ((what, now + minute), (what, now + minute)),
        ((None, None), (None, None)),
        ((what, now - minute), (None, None)),
    ):
        note_wait(warehouse, number, *wait)
        (active,) = summary(warehouse, "acme").active
        assert (active.waiting_for, active.waiting_until) == shown


def test_a_sync_that_has_ended_waits_for_nothing_and_says_not_how_far_it_was(
    warehouse: Engine, log: Log
) -> None:
    numbers = [log.begun(run=run) for run in ("completed", "failed")]
    for number in numbers:
        note_progress(warehouse, number, 300, 2_000)
        note_wait(warehouse, number, "other load to end", datetime.now(UTC) + timedelta(hours=6))
    finish_sync(warehouse, numbers[0], items_synced=1, items_failed=0, requests=1)
    fail_sync(warehouse, numbers[1], Failure("no_answer", "down"))
    query = (
        "SELECT count(*) FROM ops.sync_history WHERE num_nulls(waiting_for, waiting_until, "
        "progress_done, progress_total) = 4"
    )
    assert one(warehouse, query) == 2


def test_a_sync_in_progress_says_how_far_it_is(warehouse: Engine, log: Log) -> None:
    number = log.begun()
    note_progress(warehouse, number, 300, 2_000)
    (active,) = active_syncs(warehouse, "acme")
    assert (active.progress_done, active.progress_total) == (300, 2_000)
    assert summary(warehouse, "acme").active == (active,)
    assert active_syncs(warehouse, "other") == []
    finish_sync(warehouse, number, items_synced=2_000, items_failed=0, requests=21)
    assert active_syncs(warehouse, "acme") == []

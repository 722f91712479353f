"""Conditions of the source as the warehouse keeps them: begin, go on, end, one at a time."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from resources.conditions import Outcome
from resources.warehouse.history.history_writer import finish_sync
from resources.warehouse.state.seen_conditions import Observed, current, note
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute
from tests.sync_log import Log

URL = "https://acme.backlog.test"
DOWN = Outcome("unreachable", "GET /space: no answer", seconds=9.0, cause="no_answer")
BUSY = Outcome("rate_limited", "GET /space: 429")
UNSURE = Outcome("rate_limited", "requests wait", sure=False)


def conditions(engine: Engine) -> list[tuple[str, bool]]:
    """Return kind, and whether it is over, of all that ever were, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT kind, ended_at IS NOT NULL FROM ops.source_conditions ORDER BY id")
        )
        return [(row[0], row[1]) for row in rows]


def test_a_condition_begins_with_its_first_failure_and_ends_with_an_answer(
    warehouse: Engine,
) -> None:
    note(warehouse, URL, DOWN, 0)
    note(warehouse, URL, Outcome("unreachable", "said otherwise", cause="unavailable"), 0)
    found = current(warehouse, URL + "/")
    assert found is not None
    assert (found.kind, found.message, found.cause, found.disconnected) == (
        "unreachable",
        "GET /space: no answer",
        "no_answer",
        True,
    )
    assert timedelta(seconds=8) < datetime.now(UTC) - found.since < timedelta(seconds=40)
    assert current(warehouse, "https://other.backlog.test") is None
    note(warehouse, URL, Outcome(throttled=True), 0)
    assert current(warehouse, URL) is None
    assert conditions(warehouse) == [("unreachable", True)]


def test_another_condition_ends_the_one_before(warehouse: Engine) -> None:
    for outcome in (DOWN, Outcome("refused", "GET /space: 401"), DOWN):
        note(warehouse, URL, outcome, 0)
    assert conditions(warehouse) == [
        ("unreachable", True),
        ("refused", True),
        ("unreachable", False),
    ]


def test_a_condition_of_before_there_were_codes_has_none(warehouse: Engine) -> None:
    note(warehouse, URL, DOWN, 0)
    execute(warehouse, "UPDATE ops.source_conditions SET cause = NULL")
    found = current(warehouse, URL)
    assert found is not None
    assert found.cause is None


def test_rate_limited_by_others_ends_when_requests_do_not_wait_for_a_whole_window(
    warehouse: Engine,
) -> None:
    note(warehouse, URL, BUSY, 1)
    note(warehouse, URL, Outcome(), 1)
    execute(
        warehouse,
        "UPDATE ops.source_conditions SET last_seen_at = last_seen_at - interval '61 seconds'",
    )
    note(warehouse, URL, Outcome(throttled=True), 1)
    assert conditions(warehouse) == [("rate_limited", False)]
    note(warehouse, URL, Outcome(), 1)
    assert conditions(warehouse) == [("rate_limited", True)]


def test_a_wait_that_another_run_of_ours_may_have_caused_begins_no_condition(
    warehouse: Engine, log: Log
) -> None:
    execute(warehouse, f"INSERT INTO ops.spaces (space_key, url) VALUES ('acme', '{URL}')")
    _, other = (log.begun(mode="full", run=run) for run in ("r1", "r2"))
    note(warehouse, URL, UNSURE, 1)
    finish_sync(warehouse, other, items_synced=0, items_failed=0, requests=0)
    note(warehouse, URL, UNSURE, 1)
    assert conditions(warehouse) == []
    execute(
        warehouse,
        f"UPDATE ops.sync_history SET ended_at = now() - interval '61 s' WHERE id = {other}",
    )
    note(warehouse, URL, UNSURE, 1)
    assert conditions(warehouse) == [("rate_limited", False)]


def test_many_requests_write_only_changes_and_a_lost_warehouse_fails_no_request(
    warehouse: Engine,
) -> None:
    asked: list[int] = []

    def engine() -> Engine:
        asked.append(1)
        return warehouse

    observed = Observed(engine, URL, 0)
    for outcome in (Outcome(), Outcome(), DOWN, DOWN, Outcome(), Outcome()):
        observed(outcome)
    assert len(asked) == 3

    def gone() -> Engine:
        raise WarehouseError("The warehouse cannot be used")

    Observed(gone, URL, 0)(DOWN)
    assert conditions(warehouse) == [("unreachable", True)]

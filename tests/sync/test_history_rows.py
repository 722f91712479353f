"""What the rows of a load in the log of syncs say to whoever watches, and in the end."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Engine

from resources.problems.causes import Failure
from resources.redact import LONGEST
from resources.warehouse.history.history_reader import active_syncs
from resources.warehouse.history.run_kinds import UNFINISHED
from resources.warehouse.raw.loader import MergeResult
from resources.warehouse.state.locks import Locks
from sync.events import Events
from sync.history_rows import HistoryRows
from tests.syncs import Syncs


@pytest.fixture
def clock() -> list[float]:
    """Return the time by which notes are made; it stands still until it is changed."""
    return [1_000.0]


@pytest.fixture
def events(syncs: Syncs, clock: list[float]) -> Iterator[Events]:
    """Return the events of a load of issues, between two rows."""
    with syncs.client() as client, Locks(syncs.engine, "acme") as locks:
        rows = HistoryRows(client, syncs.engine, "acme", "issues", "run-1", lambda: clock[0])
        rows.begin(locks)
        yield Events((rows,))


def _seen(warehouse: Engine) -> list[tuple[int | None, int | None]]:
    return [(sync.progress_done, sync.progress_total) for sync in active_syncs(warehouse, "acme")]


def _merged(read: int, rejected: int) -> MergeResult:
    return MergeResult(read, (), (), read - rejected, rejected, (), (), (), ())


def _ended(syncs: Syncs) -> list[tuple[object, ...]]:
    found = syncs.query(
        "SELECT status, error, items_synced, items_failed, cause FROM ops.sync_history ORDER BY id"
    )
    return [tuple(row.values()) for row in found]


def test_a_load_says_now_and_then_how_far_it_is(
    events: Events, clock: list[float], warehouse: Engine
) -> None:
    events.expected(2_000)
    events.advanced(50)
    with events.reading("backfill", ["OPS"]):
        assert _seen(warehouse) == [(None, None)]
        events.advanced(100)
        assert _seen(warehouse) == [(150, 2_000)]
        events.advanced(100)
        assert _seen(warehouse) == [(150, 2_000)], "a second has not passed"
        clock[0] += 1.0
        events.advanced(100)
        assert _seen(warehouse) == [(350, 2_000)]


def test_a_load_that_does_not_know_its_end_says_how_much_it_has_done(
    events: Events, warehouse: Engine
) -> None:
    with events.reading("backfill", ["OPS"]):
        events.expected(None)
        events.advanced(7)
        assert _seen(warehouse) == [(7, None)]


def test_a_row_counts_what_its_own_pass_has_read_of_the_table(events: Events, syncs: Syncs) -> None:
    for read, rejected in ((5, 1), (3, 0)):
        with events.reading("incremental"):
            events.merged("issues", [], _merged(read, rejected))
            events.merged("issue_changes", [], _merged(100, 0))
    assert _ended(syncs) == [
        ("completed", None, 4, 1, None),
        ("completed", None, 3, 0, None),
    ]


def test_a_row_fails_by_the_parts_that_failed_or_by_what_broke_it_off(
    events: Events, syncs: Syncs
) -> None:
    with events.reading("incremental"):
        events.failed(Failure("no_answer", "OPS: refused"))
        events.failed(Failure("not_allowed", "WEB: refused"))
    with suppress(LookupError), events.reading("incremental"):
        events.failed(Failure("no_answer", "OPS: refused"))
        raise LookupError("gone\nfor good")
    with suppress(KeyboardInterrupt), events.reading("incremental"):
        raise KeyboardInterrupt
    assert [(*row[:2], row[-1]) for row in _ended(syncs)] == [
        ("failed", "OPS: refused; WEB: refused", "not_allowed"),
        ("failed", "LookupError: gone for good", "defect"),
        ("failed", UNFINISHED, "interrupted"),
    ]


def test_long_failures_of_many_parts_are_one_line_of_the_row(events: Events, syncs: Syncs) -> None:
    with events.reading("incremental"):
        for key in ("OPS", "WEB", "APP"):
            events.failed(Failure("bad_request", f"{key}: {'x' * 1_500}"))
    [(status, error, *_)] = _ended(syncs)
    assert status == "failed"
    assert len(str(error)) <= LONGEST

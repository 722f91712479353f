"""How far a load is, noted in the log of syncs for whoever watches."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from resources.progress import LogProgress
from resources.warehouse.history import history_writer
from resources.warehouse.history.history_reader import active_syncs
from resources.warehouse.locks import Locks
from sync.noted_progress import NotedProgress
from sync.sync_locks import SyncLocks


class Clock:
    """A clock that stands still until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def said() -> list[str]:
    """Return the lines that the progress behind it writes."""
    return []


@pytest.fixture
def noted(warehouse: Engine, said: list[str]) -> Iterator[NotedProgress]:
    """Return the progress of a load of issues, between two rows."""
    with Locks(warehouse, "acme") as locks:
        inner = LogProgress(write=said.append)
        sync_locks = SyncLocks(locks, warehouse, "acme", "issues", "run-1", inner, said.append)
        yield NotedProgress(inner, sync_locks, Clock())


def _begin(noted: NotedProgress) -> None:
    noted.sync_locks.row = history_writer.start_sync(
        noted.sync_locks.engine,
        space_key="acme",
        sync_type="issues",
        mode="backfill",
        run_id="run-1",
        projects=["OPS"],
    )


def _seen(noted: NotedProgress) -> list[tuple[int | None, int | None]]:
    return [
        (sync.progress_done, sync.progress_total)
        for sync in active_syncs(noted.sync_locks.engine, "acme")
    ]


def test_a_load_says_now_and_then_how_far_it_is(noted: NotedProgress, said: list[str]) -> None:
    noted.start("issues", 2_000)
    noted.advance("issues", 50)
    _begin(noted)
    assert _seen(noted) == [(None, None)]
    noted.advance("issues", 100)
    assert _seen(noted) == [(150, 2_000)]
    noted.advance("issues", 100)
    assert _seen(noted) == [(150, 2_000)], "a second has not passed"
    noted.clock.now += 1.0  # type: ignore[attr-defined]
    noted.advance("issues", 100)
    assert _seen(noted) == [(350, 2_000)]
    noted.done("issues", {"read": 350}, {})
    assert said == ["issues: 350 read"], "it passes everything on"


def test_a_load_that_does_not_know_its_end_says_how_much_it_has_done(noted: NotedProgress) -> None:
    _begin(noted)
    noted.start("issues", None)
    noted.advance("issues", 7)
    assert _seen(noted) == [(7, None)]

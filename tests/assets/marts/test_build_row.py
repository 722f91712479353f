"""The row of a build of the marts in the history."""

import dagster as dg
import pytest
from sqlalchemy import Engine

from assets.marts.build_row import noted
from resources.problems.run_causes import CAUSE_METADATA
from resources.warehouse.history.history_reader import active_syncs, run_syncs
from resources.warehouse.history.run_kinds import UNFINISHED
from resources.warehouse.state.known_spaces import known_spaces
from resources.warehouse.state.marts_behind import news

URL = "https://acme.backlog.com"


def test_a_build_is_at_work_and_then_ends_as_it_did(warehouse: Engine) -> None:
    before = news(warehouse)
    with noted(warehouse, URL, "good"):
        [row] = active_syncs(warehouse, URL)
        assert (row.sync_type, row.mode, row.run_id) == ("marts", "build", "good")
        assert news(warehouse) == before, "no mart waits for a build"
    refusal = dg.Failure("the marts: no room\n\nand details", {CAUSE_METADATA: "disk_full"})
    with pytest.raises(dg.Failure), noted(warehouse, URL, "bad"):
        raise refusal
    with pytest.raises(KeyboardInterrupt), noted(warehouse, URL, "ended"):
        raise KeyboardInterrupt

    def told(run_id: str) -> tuple[str, str | None, str | None]:
        [row] = run_syncs(warehouse, run_id)
        return row.status, row.cause, row.error

    assert told("good") == ("completed", None, None)
    assert told("bad") == ("failed", "disk_full", "the marts: no room")
    assert told("ended") == ("interrupted", "interrupted", UNFINISHED)
    assert news(warehouse) == before


def test_a_location_without_a_space_has_no_history(warehouse: Engine) -> None:
    with noted(warehouse, None, "one"):
        rows = run_syncs(warehouse, "one")
    assert rows == []
    assert known_spaces(warehouse) == []

"""Runs that end without a sync, as commands and the alerter hand them to the history."""

from contextlib import closing
from datetime import UTC, datetime

import pytest

from pipelines.ended_runs import ALL, record_run_ends, recording_ends
from resources.backlog.errors import AuthenticationError
from resources.warehouse.history.sync_outcomes import DAY
from simulator import Fault
from sync.projects import note_project_keys
from tests.deployment import Deployment


def rows(deployment: Deployment) -> list[tuple[str, str, str, str | None]]:
    found = deployment.query("SELECT * FROM ops.sync_history WHERE mode = 'run' ORDER BY id")
    return [(str(row["run_id"]), row["sync_type"], row["status"], row["error"]) for row in found]


def test_a_run_of_checks_is_recorded_with_its_end_and_its_cause(loaded: Deployment) -> None:
    warehouse = loaded.warehouse
    place = (loaded.instance, warehouse, loaded.sim.url)
    loaded.sim.faults.add(Fault(status=403, path="/issues/count", times=None))
    with recording_ends(*place):
        bad = loaded.run("count_reconciliation")
    [(*of, said)] = rows(loaded)
    assert of == [bad.run_id, "count_reconciliation", "failed"]
    assert str(said).startswith("issue_counts_match_source: GET /issues/count: 403")
    loaded.sim.faults.clear()
    good = loaded.run("count_reconciliation")
    for _ in range(2):
        record_run_ends(*place, datetime.now(UTC) - DAY, ALL)
    assert rows(loaded)[1:] == [(good.run_id, "count_reconciliation", "completed", None)], (
        "loads have rows of their own"
    )
    warehouse.close()


def test_a_load_that_fails_before_its_first_run_is_recorded(loaded: Deployment) -> None:
    loaded.sim.faults.add(Fault(status=401, times=None))
    with (
        closing(loaded.backlog) as backlog,
        closing(loaded.warehouse) as warehouse,
        pytest.raises(AuthenticationError),
        recording_ends(loaded.instance, warehouse, loaded.sim.url),
    ):
        note_project_keys(backlog.client, warehouse.engine)
    [(run_id, kind, status, error)] = rows(loaded)
    assert (run_id.startswith("command-"), kind, status) == (True, "projects", "failed")
    assert "401" in str(error)

"""Syncs that somebody starts at the sync service."""

import time
from typing import Any

import httpx
import pytest

from tests.integration.running import PATIENCE_SECONDS, Up

ENDED = {"completed", "failed", "canceled"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_a_sync_is_canceled_and_the_next_one_reads_what_it_left(up: Up) -> None:
    """By a real Dagster; what the page shows of it is in `tests/service`."""
    run = _started(up, "project/WEB/tasks")
    url = f"{up.service_url}/api/v1/sync/runs/{run}"
    httpx.post(f"{url}/cancel", timeout=PATIENCE_SECONDS).raise_for_status()
    assert _ended(url) == "canceled"
    again = httpx.post(f"{url}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_ended")
    run = _started(up, "project/WEB/tasks")
    assert _ended(f"{up.service_url}/api/v1/sync/runs/{run}") == "completed"
    rows = up.query(
        "SELECT sync_type, mode, project_key, status FROM ops.sync_history WHERE run_id = :run",
        run=run,
    )
    assert ("issues", "backfill", "WEB", "completed") in rows
    assert {status for *_, status in rows} == {"completed"}


@pytest.mark.parametrize("name", ["rolling_refresh_nightly", "webhook_inbox"])
def test_a_schedule_and_a_sensor_are_paused_and_resumed_in_place(up: Up, name: str) -> None:
    """By a real Dagster; each is left as it was."""
    schedules = f"{up.service_url}/api/v1/sync/schedules"

    def is_on() -> bool:
        items = httpx.get(schedules, timeout=PATIENCE_SECONDS).json()["items"]
        [on] = [one["on"] for one in items if one["name"] == name]
        return bool(on)

    before = is_on()
    for on in (not before, before, before):
        act = "resume" if on else "pause"
        answer = httpx.post(f"{schedules}/{name}/{act}", timeout=PATIENCE_SECONDS)
        assert answer.json() == {"name": name, "on": on}
        assert is_on() is on


def _started(up: Up, path: str) -> str:
    """Start a sync that reads everything again as soon as that can be; return its run."""

    def start() -> httpx.Response:
        return httpx.post(f"{up.service_url}/api/v1/sync/{path}", json={"full": True}, timeout=60)

    while (answer := start()).status_code == 409:
        time.sleep(1.0)
    return str(answer.json()["run_id"])


def _ended(url: str) -> Any:
    """Wait for the end of a run, and return how it ended."""
    while (state := httpx.get(url, timeout=60).json()["state"]) not in ENDED:
        time.sleep(0.5)
    return state

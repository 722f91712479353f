"""What ended runs mean for the history, whoever finds them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from resources.problems.causes import Failure
from resources.warehouse.history.history_reader import run_syncs
from resources.warehouse.history.history_writer import fail_sync, finish_sync, start_sync
from resources.warehouse.history.run_kinds import CANCELED, UNFINISHED
from sync.run_ends import record, unrecorded
from sync.runs import Run, RunState

BEGAN = datetime(2026, 7, 1, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=5)


def run(run_id: str, state: RunState = "failed", job: str = "issues", **more: Any) -> Run:
    tags, assets = more.get("tags", {}), more.get("assets", ())
    return Run(run_id, job, state, BEGAN, BEGAN, ENDED, tags, assets)


NO_ANSWER, REFUSED = Failure("no_answer", "teams: no answer"), Failure("bad_request", "users: 400")


def a_sync(engine: Engine, run_id: str, error: str | None = None) -> None:
    """Write a sync of a run that has ended."""
    number = start_sync(
        engine, space_key="acme", sync_type="issues", mode="incremental", run_id=run_id
    )
    if error is None:
        finish_sync(engine, number, items_synced=1, items_failed=0, requests=1)
    else:
        fail_sync(engine, number, Failure("unavailable", error))


def recorded(engine: Engine, run_id: str) -> list[tuple[str, str, str | None]]:
    return [(row.sync_type, row.status, row.error) for row in run_syncs(engine, run_id)]


def test_each_run_is_recorded_once_and_its_own_rows_win(warehouse: Engine) -> None:
    a_sync(warehouse, "reported", "GET /issues: 500")
    a_sync(warehouse, "half")
    runs = [run("reported"), run("half"), run("good", "completed", "marts"), run("bad")]
    missing = unrecorded(warehouse, "acme", runs)
    assert [one.run_id for one in missing] == ["half", "good", "bad"]
    assert unrecorded(warehouse, "acme", [run("half", "completed")]) == []
    for _ in range(2):  # two processes that found them at the same time
        record(warehouse, "acme", runs, {"half": [NO_ANSWER, REFUSED]})
    assert recorded(warehouse, "reported") == [("issues", "failed", "GET /issues: 500")]
    assert recorded(warehouse, "half")[1] == ("issues", "failed", "teams: no answer; users: 400")
    assert recorded(warehouse, "good") == [("marts", "completed", None)]
    [(_, status, error)] = recorded(warehouse, "bad")
    assert (status, bool(error)) == ("failed", True), "there is a cause, also where none is known"
    assert unrecorded(warehouse, "acme", runs) == []


def test_the_syncs_of_a_canceled_run_say_so(warehouse: Engine) -> None:
    a_sync(warehouse, "canceled", UNFINISHED)
    a_sync(warehouse, "by-itself", "GET /issues: 500")
    runs = [run("canceled", "canceled"), run("by-itself", "canceled"), run("in-queue", "canceled")]
    missing = unrecorded(warehouse, "acme", runs)
    assert recorded(warehouse, "canceled") == [("issues", "canceled", CANCELED)]
    assert recorded(warehouse, "by-itself") == [("issues", "failed", "GET /issues: 500")]
    record(warehouse, "acme", missing, {"in-queue": [Failure("interrupted", "asked by somebody")]})
    assert recorded(warehouse, "in-queue") == [
        ("issues", "canceled", f"{CANCELED}: asked by somebody")
    ]


def test_the_end_of_a_run_is_known_by_the_row_of_its_killed_process(warehouse: Engine) -> None:
    start_sync(warehouse, space_key="acme", sync_type="users", mode="full", run_id="killed")
    assert unrecorded(warehouse, "acme", [run("killed")]) == []
    assert recorded(warehouse, "killed") == [
        ("users", "interrupted", "the process of the run was killed")
    ]


@pytest.mark.parametrize(
    ("tags", "location", "prefix", "ours"),
    [
        ({"dagster/code_location": "acme"}, "acme", (), True),
        (
            {"dagster/code_location": "beta", "backlog_elt/kind": "users@acme"},
            "acme",
            ("acme",),
            False,
        ),
        ({"backlog_elt/kind": "users@acme"}, "acme", ("acme",), True),
        ({"backlog_elt/kind": "users"}, "acme", ("acme",), False),
        ({"backlog_elt/kind": "users"}, "backlog_elt", (), True),
        ({}, "backlog_elt", (), True),
    ],
)
def test_a_run_belongs_to_its_location_and_a_command_to_the_prefix_of_its_kind(
    tags: dict[str, str], location: str, prefix: tuple[str, ...], ours: bool
) -> None:
    assert run("any", tags=tags).is_of(location, prefix) is ours


def test_the_end_of_a_run_has_the_kind_and_the_project_of_the_run(warehouse: Engine) -> None:
    tags = {"dagster/partition": "OPS|2026-01"}
    assets = [["raw", "issues"], ["raw", "comments"]]
    record(
        warehouse, "acme", [run("one", "completed", "__ASSET_JOB", tags=tags, assets=assets)], {}
    )
    [row] = run_syncs(warehouse, "one")
    assert (row.sync_type, row.mode, row.projects) == ("comments", "run", ["OPS"])
    assert (row.started_at, row.ended_at) == (BEGAN, ENDED)

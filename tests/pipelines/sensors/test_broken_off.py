"""What was broken off is started again: after a pause, not for ever, and not what was canceled."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.errors import DagsterAssetBackfillDataLoadError
from dagster._core.events import AssetMaterializationPlannedData
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster_shared.error import SerializableErrorInfo

from assets.dagster_internals import request_backfill
from assets.issues import issues
from pipelines.jobs import issues_config
from pipelines.sensors.broken_off import broken_off_loads, due_at
from resources.cadences import PAUSES
from resources.dagster_tags import (
    AGAIN_TAG,
    BACKFILL_TAG,
    KIND_TAG,
    PARENT_BACKFILL_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    ROOT_BACKFILL_TAG,
    WILL_RETRY_TAG,
)
from resources.problems.causes import Failure
from tests.deployment import Deployment
from tests.pipelines.failed_steps import failed_step
from tests.pipelines.reports import alerter, look
from tests.pipelines.ticking import Daemon, add_run

KILLED, REFUSED = None, Failure("not_allowed", "GET /issues: 403, code 5, no")
PARTITIONS = ("OPS|2026-05", "OPS|2026-06")
CORNERS = {RANGE_START_TAG: PARTITIONS[0], RANGE_END_TAG: PARTITIONS[1]}
ISSUES = dg.AssetKey(["raw", "issues"])


def ended(
    deployment: Deployment,
    job: str,
    why: Failure | None = KILLED,
    *,
    minutes: float = 2,
    again: int = 0,
    planned: Sequence[str] = (),
    how: DagsterEventType = DagsterEventType.RUN_FAILURE,
    mode: str = "",
    of: str = "",
    will_retry: bool = False,
) -> str:
    """Write down a run that Dagster has launched, and that ended some minutes ago, by a failed step
    or because it was killed.
    """
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="backlog_elt")
    origin = RemoteRepositoryOrigin(server, "__repository__").get_job_origin(job)
    tags = ({AGAIN_TAG: str(again)} if again else {}) | ({BACKFILL_TAG: of} if of else {})
    tags |= {WILL_RETRY_TAG: "true"} if will_retry else {}
    run = deployment.instance.add_run(
        dg.DagsterRun(
            job_name=job,
            remote_job_origin=origin,
            run_config=issues_config("incremental") if mode else {},
            tags=tags | (CORNERS if planned or mode else {}) | ({KIND_TAG: job} if mode else {}),
        )
    )
    for partition in planned:
        event = DagsterEvent.build_asset_materialization_planned_event(
            job, "issue_tables", AssetMaterializationPlannedData(ISSUES, partition=partition)
        )
        deployment.instance.report_dagster_event(event, run.run_id)
    events = [failed_step(job, why)] if why else []
    for event in (*events, DagsterEvent(how.value, job)):
        deployment.instance.report_dagster_event(
            event, run.run_id, timestamp=time.time() - 60 * minutes
        )
    return run.run_id


def backfill(deployment: Deployment, why: Failure | None = KILLED, **how: Any) -> str:
    return ended(deployment, "__ASSET_JOB", why, planned=PARTITIONS, **how)


def requested(deployment: Deployment) -> list[tuple[set[str], dict[str, str]]]:
    """Return partitions and tags of the backfills that were requested."""
    graph = deployment.raw_definitions.resolve_asset_graph()
    return [
        (
            set(
                one.get_asset_backfill_data(graph)
                .target_subset.get_partitions_subset(ISSUES)
                .get_partition_keys()
            ),
            dict(one.tags),
        )
        for one in deployment.instance.get_backfills()
    ]


@pytest.mark.parametrize("times", range(len(PAUSES) + 1))
def test_what_is_broken_off_is_started_again_ever_later_and_three_times(
    near: Deployment, times: int
) -> None:
    run = backfill(near, again=times, minutes=0)
    [record] = near.instance.get_run_records(dg.RunsFilter(run_ids=[run]))
    due = due_at(record)
    assert (due is None) == (times == len(PAUSES))
    if due is not None:
        left = due - datetime.now(UTC)
        assert timedelta(0) <= PAUSES[times] - left < timedelta(minutes=1)


def test_partitions_that_a_kill_has_left_are_loaded_again_once(near: Deployment) -> None:
    daemon = Daemon(near, broken_off_loads)
    backfill(near, again=1, minutes=11)
    assert daemon.tick() == (None, "loaded again: OPS, 2 months")
    assert requested(near) == [({*PARTITIONS}, {AGAIN_TAG: "2"})]
    assert daemon.tick() == (None, "nothing was broken off")
    assert Daemon(near, broken_off_loads).tick() == (None, "it waits"), "a backfill is at work"
    assert len(requested(near)) == 1


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"minutes": 0}, "it waits"),
        ({"why": REFUSED}, "nothing was broken off"),
        ({"how": DagsterEventType.RUN_CANCELED}, "nothing was broken off"),
        ({"again": len(PAUSES), "minutes": 600}, "nothing was broken off"),
    ],
    ids=["a pause", "refused", "canceled by a person", "often enough"],
)
def test_nothing_else_is_loaded_again(near: Deployment, how: dict[str, Any], said: str) -> None:
    backfill(near, **how)
    assert Daemon(near, broken_off_loads).tick() == (None, said)
    assert requested(near) == []


def test_what_a_canceled_backfill_has_left_stays(near: Deployment) -> None:
    before = request_backfill(near.instance, issues, {ISSUES: PARTITIONS}, "by hand", {})
    backfill(near, of=before)
    [found] = near.instance.get_backfills()
    near.instance.update_backfill(
        found.with_status(BulkActionStatus.CANCELED)  # type: ignore[no-untyped-call]
    )
    assert Daemon(near, broken_off_loads).tick() == (None, "nothing was broken off")


def test_while_backlog_cannot_be_read_nothing_is_started(near: Deployment) -> None:
    daemon = Daemon(near, broken_off_loads)
    backfill(near)
    near.sim.stop()
    assert not near.run("users").success
    _, said = daemon.tick()
    assert (said or "").startswith("Backlog cannot be read: ")
    near.sim.start()
    assert near.run("users").success
    assert daemon.tick() == (None, "loaded again: OPS, 2 months")


@pytest.mark.parametrize("cause", ["database_stopped", "disk_full"])
def test_the_newest_run_of_a_kind_is_done_again_as_it_was(near: Deployment, cause: str) -> None:
    daemon = Daemon(near, broken_off_loads)
    run = ended(near, "issues", Failure(cause, "issues: no"), mode="incremental")
    request, _ = daemon.tick()
    assert request is not None
    assert (request.job_name, request.run_key) == ("issues", run)
    assert request.run_config == issues_config("incremental")
    assert request.tags.items() >= (CORNERS | {AGAIN_TAG: "1"}).items()
    ended(near, "issues", mode="incremental")
    add_run(near.instance, "issues")
    assert daemon.tick() == (None, "it is over")


@pytest.mark.parametrize(
    ("minutes", "left", "said"),
    [(0.5, "true", "it waits"), (2, "false", "loaded again: OPS, 2 months")],
)
def test_a_run_that_dagster_was_to_start_once_more_and_did_not_keeps_nothing_waiting(
    near: Deployment, minutes: float, left: str, said: str
) -> None:
    run = backfill(near, minutes=minutes, will_retry=True)
    assert Daemon(near, broken_off_loads).tick() == (None, said)
    found = near.instance.get_run_by_id(run)
    assert found is not None
    assert found.tags[WILL_RETRY_TAG] == left


@pytest.mark.parametrize("minutes", [1.5, -60], ids=["since then", "by that clock"])
def test_a_clock_that_was_ahead_keeps_nothing_waiting(near: Deployment, minutes: float) -> None:
    daemon = Daemon(near, broken_off_loads)
    daemon.cursor = (datetime.now(UTC) + timedelta(minutes=50)).isoformat()
    backfill(near, minutes=minutes)
    assert daemon.tick() == (None, "loaded again: OPS, 2 months")
    assert daemon.tick() == (None, "it waits"), "a backfill is at work"
    assert len(requested(near)) == 1


UNLOADED = DagsterAssetBackfillDataLoadError.__name__


def lost(
    deployment: Deployment,
    *,
    minutes: float = 2,
    error: str = UNLOADED,
    status: BulkActionStatus = BulkActionStatus.FAILED,
    again: int = 0,
    loaded: Sequence[str] = (),
) -> str:
    """Write down a backfill that Dagster gave up some minutes ago, and whose runs it canceled."""
    instance = deployment.instance
    tags = {AGAIN_TAG: str(again)} if again else {}
    name = request_backfill(instance, issues, {ISSUES: PARTITIONS}, "by hand", tags)
    for partition in PARTITIONS:
        how = DagsterEventType.RUN_CANCELED
        ended(deployment, "__ASSET_JOB", planned=[partition], how=how, of=name)
    found = instance.get_backfill(name)
    assert found is not None
    assert found.asset_backfill_data is not None
    assert issues.partitions_def is not None
    done = {ISSUES: issues.partitions_def.subset_with_partition_keys(loaded)} if loaded else {}
    data = found.asset_backfill_data._replace(materialized_subset=AssetGraphSubset(done))  # type: ignore[call-arg]
    given_up = SerializableErrorInfo("it is in a location that fails to load", [], error)
    instance.update_backfill(
        found.with_status(status)  # type: ignore[no-untyped-call]
        .with_error(given_up)
        .with_end_timestamp(time.time() - 60 * minutes)
        ._replace(asset_backfill_data=data)
    )
    return str(name)


def test_what_a_lost_backfill_has_left_is_requested_once(near: Deployment) -> None:
    daemon = Daemon(near, broken_off_loads)
    before = lost(near, loaded=PARTITIONS[:1])
    assert daemon.tick() == (None, "loaded again: OPS, 2026-06")
    family = {PARENT_BACKFILL_TAG: before, ROOT_BACKFILL_TAG: before}
    new, _ = requested(near)
    assert new == ({PARTITIONS[1]}, family | {AGAIN_TAG: "1"})
    assert daemon.tick() == (None, "nothing was broken off")
    assert len(requested(near)) == 2


@pytest.mark.parametrize(
    ("how", "said", "told"),
    [
        ({"status": BulkActionStatus.CANCELED}, "nothing was broken off", False),
        ({"status": BulkActionStatus.COMPLETED_FAILED}, "nothing was broken off", False),
        ({"loaded": PARTITIONS}, "nothing was broken off", False),
        ({"minutes": 0}, "it waits", False),
        ({"minutes": 9, "again": 1}, "it waits", False),
        ({"error": "DagsterInvariantViolationError"}, "nothing was broken off", True),
        ({"minutes": 600, "again": len(PAUSES)}, "nothing was broken off", True),
    ],
    ids=["canceled", "failed runs", "all loaded", "a pause", "a longer one", "broken", "thrice"],
)
def test_a_backfill_that_does_not_go_on_by_itself_is_told_until_another_is_through(
    near: Deployment, how: dict[str, Any], said: str, told: bool
) -> None:
    name = lost(near, **how)
    assert Daemon(near, broken_off_loads).tick() == (None, said)
    assert len(requested(near)) == 1
    one = alerter(near)
    problems = look(one).open
    assert (f"lost/{name}" in problems) == told
    if told:
        problem = problems[f"lost/{name}"].problem
        assert problem.place("en") == "OPS, 2 months"
        assert "Dagster" in problem.texts("ja").cause
        lost(near, status=BulkActionStatus.COMPLETED_SUCCESS)
        assert look(one).open == {}

"""Partitions that are left failed: known, told by the check, and requested again by the job, no more and no fewer."""

import dagster as dg

from assets.failed_partitions import NAME, failed_partitions
from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from pipelines.retrying import RETRY_JOB
from resources.simulator import Fault
from tests.deployment import Deployment, checks

ISSUES = dg.AssetKey(["raw", "issues"])
CORNERS = {RANGE_START_TAG: "OPS|2026-05", RANGE_END_TAG: "OPS|2026-06"}


def fail(deployment: Deployment) -> None:
    """Let a backfill of two months fail before it has recorded anything."""
    deployment.sim.faults.add(Fault(status=400, path="/issues", times=50))
    assert not deployment.by_hand("issues", "comments", "issue_changes", tags=CORNERS).success
    deployment.sim.faults.clear()


def test_partitions_of_a_run_that_failed_are_left_failed_until_they_are_loaded(loaded: Deployment) -> None:
    assert failed_partitions(loaded.instance) == {}
    fail(loaded)
    assert failed_partitions(loaded.instance)[ISSUES] == {"OPS|2026-05", "OPS|2026-06"}
    assert loaded.by_hand("issues", "comments", "issue_changes", tags=CORNERS).success
    assert failed_partitions(loaded.instance) == {}


def test_the_check_names_them(loaded: Deployment) -> None:
    assert checks(loaded.run("census"))[NAME] is True
    fail(loaded)
    run = loaded.run("census")
    assert checks(run)[NAME] is False
    [said] = [
        event.asset_check_evaluation_data.description
        for event in run.events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION and event.asset_check_evaluation_data.check_name == NAME
    ]
    assert said is not None
    assert "raw/issues: OPS|2026-05, OPS|2026-06" in said
    assert RETRY_JOB in said


def test_the_job_requests_a_backfill_of_just_those(loaded: Deployment) -> None:
    assert loaded.run(RETRY_JOB).success
    assert list(loaded.instance.get_backfills()) == []
    fail(loaded)
    assert loaded.run(RETRY_JOB).success
    [backfill] = loaded.instance.get_backfills()
    graph = loaded.raw_definitions.get_repository_def().asset_graph
    subset = backfill.get_asset_backfill_data(graph).target_subset.get_partitions_subset(ISSUES)
    assert set(subset.get_partition_keys()) == {"OPS|2026-05", "OPS|2026-06"}

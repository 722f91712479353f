"""Failed partitions: exactly these are known, reported by the check, and requested again by the
job.
"""

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from assets.checks.operation import FAILED, failed_partitions
from assets.partitions import PROJECT_MONTHS
from pipelines.retrying import RETRY_JOB
from pipelines.sensors.project_discovery import remove_unknown_keys
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from simulator import Fault
from tests.deployment import Deployment, checks

ISSUES = dg.AssetKey(["raw", "issues"])
CORNERS = {RANGE_START_TAG: "OPS|2026-05", RANGE_END_TAG: "OPS|2026-06"}


def fail(deployment: Deployment, path: str = "/issues") -> None:
    """Let a backfill of two months fail before it has recorded anything of issues."""
    deployment.sim.faults.add(Fault(status=400, path=path, times=50))
    assert not deployment.by_hand("issues", "comments", "issue_changes", tags=CORNERS).success
    deployment.sim.faults.clear()


def test_what_a_scheduled_run_has_left_is_for_the_next_one_and_not_left_failed(
    loaded: Deployment,
) -> None:
    loaded.sim.faults.add(Fault(status=400, path="/issues", times=50))
    assert not loaded.run_issues(mode="incremental").success
    loaded.sim.faults.clear()
    assert failed_partitions(loaded.instance, loaded.partitions) == {}
    assert failed_in_dagster(loaded)


def test_the_check_names_them(loaded: Deployment) -> None:
    assert checks(loaded.run("count_reconciliation"))[FAILED] is True
    fail(loaded)
    run = loaded.run("count_reconciliation")
    [said] = [
        event.asset_check_evaluation_data
        for event in run.events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and event.asset_check_evaluation_data.check_name == FAILED
    ]
    assert said.passed is False
    for part in ("raw/issues: OPS, 2 months", RETRY_JOB):
        assert part in str(said.description)


def test_an_unknown_key_counts_as_failed_nowhere(
    loaded: Deployment,
) -> None:
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    assert not loaded.by_hand(
        "issues", "comments", "issue_changes", tags={"dagster/partition": "TYPO|2026-05"}
    ).success
    assert failed_in_dagster(loaded) == {"TYPO|2026-05"}
    assert checks(loaded.run("count_reconciliation"))[FAILED] is True
    fail(loaded)
    assert requested(loaded)["issues"] == {"OPS|2026-05", "OPS|2026-06"}
    assert remove_unknown_keys(loaded.instance, {"OPS", "WEB", "APP"}) == [], (
        "a backfill is at work"
    )
    [backfill] = loaded.instance.get_backfills()
    loaded.instance.update_backfill(
        backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS)  # type: ignore[no-untyped-call]
    )
    assert remove_unknown_keys(loaded.instance, {"OPS", "WEB", "APP"}) == ["TYPO"]
    assert failed_in_dagster(loaded) == {"OPS|2026-05", "OPS|2026-06"}


def failed_in_dagster(loaded: Deployment) -> set[str]:
    """Return the partitions of issues that the page of the asset counts as failed."""
    found = get_and_update_asset_status_cache_value(
        loaded.instance, ISSUES, PROJECT_MONTHS, loaded.instance
    )
    assert found is not None
    with partition_loading_context(None, loaded.instance):
        return set(found.deserialize_failed_partition_subsets(PROJECT_MONTHS).get_partition_keys())


@pytest.mark.parametrize(
    ("path", "tables"),
    [
        # Comments were read all the same, of the issues that were known.
        ("/issues", ["issues"]),
        ("/.*", ["issues", "comments", "issue_changes"]),
    ],
)
def test_the_job_requests_a_backfill_of_just_those_which_heals_them(
    loaded: Deployment, path: str, tables: list[str]
) -> None:
    assert loaded.run(RETRY_JOB).success
    assert list(loaded.instance.get_backfills()) == []
    fail(loaded, path)
    assert requested(loaded) == {key: {"OPS|2026-05", "OPS|2026-06"} for key in tables}
    assert loaded.by_hand(*tables, tags=CORNERS).success
    assert failed_partitions(loaded.instance, loaded.partitions) == {}


def test_the_next_scheduled_run_repairs_comments_read_while_their_issues_failed(
    loaded: Deployment,
) -> None:
    space = loaded.sim.space
    issue = max(space.project("OPS").issues.values(), key=lambda one: one.updated)
    said = space.comment(issue.id, "said meanwhile", at=issue.updated + 60)
    fail(loaded)
    assert loaded.by_hand("issues", tags=CORNERS).success
    assert loaded.row("issues", issue.id)["updated_at"].timestamp() == issue.updated
    assert loaded.run_issues(mode="incremental").success
    assert loaded.row("comments", said.id)["content"] == "said meanwhile"
    assert failed_partitions(loaded.instance, loaded.partitions) == {}


def requested(loaded: Deployment) -> dict[str, set[str]]:
    """Return table -> the partitions of the backfill that the job requests."""
    assert loaded.run(RETRY_JOB).success
    [backfill] = loaded.instance.get_backfills()
    graph = loaded.raw_definitions.resolve_asset_graph()
    subset = backfill.get_asset_backfill_data(graph).target_subset
    return {
        key.path[-1]: set(subset.get_partitions_subset(key).get_partition_keys())
        for key in subset.asset_keys
    }

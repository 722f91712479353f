"""What the UI shows of the raw tables follows every load: numbers of rows, a few rows, own
durations, and what is in sync.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from assets.partitions import month_keys, month_of
from sync.counts import durations
from sync.modes import Mode
from tests.deployment import Deployment, Run, failures, metadata, observed, recorded

TABLES = ("issues", "comments", "issue_changes")


def shown(run: Run) -> dict[str, int]:
    """Return the number of rows that a run has recorded for each of the tables that are
    partitioned, where it has.
    """
    seen = [
        event.asset_observation_data.asset_observation
        for event in run.events
        if event.is_asset_observation
    ]
    return {
        one.asset_key.path[-1]: int(str(one.metadata["dagster/row_count"].value)) for one in seen
    }


def stored(deployment: Deployment) -> dict[str, int]:
    return {table: len(deployment.rows(table)) for table in TABLES}


def out_of_sync(deployment: Deployment, table: str, partition: str) -> bool:
    """Whether the UI calls a partition "Unsynced"."""
    graph = deployment.raw_definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(
        deployment.instance, graph, LoadingContextForTest(deployment.instance)
    )
    return resolver.get_status(dg.AssetKey(["raw", table]), partition) == StaleStatus.STALE


@pytest.mark.parametrize("mode", ["backfill", "incremental", "targeted", "refresh"])
def test_the_number_of_rows_moves_with_every_load_that_writes(
    loaded: Deployment, mode: Mode
) -> None:
    space, before = loaded.sim.space, stored(loaded)
    for project in ("OPS", "WEB"):
        space.comment(space.create_issue(project), "new")
    space.delete_issue(
        next(issue.id for issue in space.project("OPS").issues.values() if issue.comments)
    )
    run = loaded.run_issues(mode=mode)
    assert run.success, failures(run)
    assert shown(run) == stored(loaded)
    assert mode == "refresh" or stored(loaded)["issues"] == before["issues"] + 1


def test_a_load_that_writes_to_other_tables_says_how_many_rows_they_have(
    loaded: Deployment,
) -> None:
    space = loaded.sim.space
    gone = next(issue for issue in space.project("OPS").issues.values() if issue.comments)
    space.delete_issue(gone.id)
    month = max(month_of(datetime.fromtimestamp(gone.updated, UTC)), month_keys()[0])
    alone = loaded.run("issues", only=["issues"], partition_key=f"OPS|{month}")
    assert alone.success, failures(alone)
    assert shown(alone) == stored(loaded)
    space.delete_project("WEB")
    run = loaded.run("projects", only=["projects"])
    assert run.success, failures(run)
    assert {table: shown(run)[table] for table in TABLES} == stored(loaded)


def test_a_partition_shows_rows_and_the_time_that_it_took_itself(loaded: Deployment) -> None:
    run = loaded.run_issues()
    assert run.success, failures(run)
    for table in TABLES:
        found = recorded(run, table)
        assert [key for key, said in found.items() if "preview" in said][-1] == [*found][-1], (
            "the newest is what the UI shows"
        )
        took: dict[str, float] = defaultdict(float)
        for key, said in found.items():
            took[key.split("|")[0]] += said["load/duration_seconds"]
        assert sum(took.values()) <= observed(run, table)["load/duration_seconds"] + 0.1
    assert [*metadata(loaded.run("users"), "users")][:2] == ["preview", "dagster/row_count"], (
        "what is looked for stands first"
    )


@pytest.mark.parametrize(
    ("seconds", "rows", "expected"),
    [
        (8, {"a": 3, "b": 1, "c": 0}, {"a": 6, "b": 2, "c": 0}),
        (8, {"a": 0, "b": 0}, {"a": 4, "b": 4}),
        (0, {}, {}),
    ],
)
def test_the_seconds_of_a_pass_are_divided_by_rows_and_evenly_where_there_are_none(
    seconds: int, rows: dict[str, int], expected: dict[str, int]
) -> None:
    began = datetime(2026, 7, 1, tzinfo=UTC)
    assert durations(began, began + timedelta(seconds=seconds), rows) == expected


def test_a_loaded_partition_is_in_sync_until_a_table_above_it_has_changed(
    loaded: Deployment,
) -> None:
    assert loaded.run("projects", only=["projects"]).success
    assert loaded.run_issues("WEB").success
    assert loaded.run("projects", only=["projects"]).success
    loaded.sim.space.edit_issue(min(loaded.sim.space.issues), summary="seen by the feed")
    assert loaded.run_activities().success
    assert [table for table in TABLES if out_of_sync(loaded, table, "WEB|2026-03")] == []
    loaded.sim.space.rename_project("WEB", name="renamed")
    assert loaded.run("projects", only=["projects"]).success
    assert out_of_sync(loaded, "issues", "WEB|2026-03")

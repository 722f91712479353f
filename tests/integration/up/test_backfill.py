"""A backfill of some months of some projects, launched in the Dagster UI, and its figures there and
in the warehouse.
"""

from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import HAS_A_LINE, Analyst, Chromium, analyst_at
from tests.integration.running import Up
from tests.integration.up.conftest import FIRST_MONTH, MONTHS, PROJECTS

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: Run -> partition -> number by name of metadata.
Runs = dict[str, dict[str, dict[str, int]]]

CHOSEN = {f"{project}|{month}" for project in PROJECTS for month in MONTHS}
METRICS = (
    "load/rows_read",
    "load/rows_updated",
    "load/api_requests",
    "load/duration_seconds",
    "dagster/partition_row_count",
)

RUNS_OF_BACKFILL = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status numPartitions } }
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results {
      runId status assetMaterializations {
        partition metadataEntries { label ... on IntMetadataEntry { intValue } }
      }
    } }
  }
}"""


@pytest.fixture(scope="module")
def runs(chromium: Chromium, up: Up) -> Runs:
    """Return what the runs of a backfill, launched in the browser and seen to end there, have
    recorded.
    """
    with analyst_at(chromium, up) as analyst:
        backfill = analyst.backfill(PROJECTS, MONTHS[0], MONTHS[-1])
    return _runs(up, backfill)


def test_a_backfill_of_two_projects_and_three_months_turns_their_partitions_green(
    analyst: Analyst, runs: Runs
) -> None:
    page = analyst.open("/assets/raw/issues?view=partitions")
    expect(page.get_by_text("Failed (0)")).to_be_visible()
    expect(page.get_by_text("Missing (0)")).to_be_visible()
    page.get_by_title(PROJECTS[1], exact=True).click()
    page.get_by_title(MONTHS[1], exact=True).click()
    expect(page.get_by_title(f"{PROJECTS[1]}|{MONTHS[1]}", exact=True)).to_be_visible()
    expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    expect(page.get_by_text("Unsynced")).to_have_count(0)
    link = page.locator('a[href*="/runs/"]').filter(
        has_text=_run_of(runs, f"{PROJECTS[1]}|{MONTHS[1]}")[:8]
    )
    expect(link).to_be_visible()


def test_the_backfill_reports_each_partition_as_the_warehouse_holds_it(up: Up, runs: Runs) -> None:
    figures = {partition: numbers for run in runs.values() for partition, numbers in run.items()}
    assert {
        key: numbers["dagster/partition_row_count"] for key, numbers in figures.items()
    } == _rows(up)
    for numbers in figures.values():
        outcome = sum(
            numbers[f"load/rows_{name}"]
            for name in ("inserted", "updated", "unchanged", "rejected")
        )
        assert numbers["load/rows_read"] == outcome
    read = Counter[str]()
    for partition, numbers in figures.items():
        read[partition.split("|")[0]] += numbers["load/rows_read"]
    assert _synced(up, list(runs)) == read
    assert len({numbers["load/rows_read"] for numbers in figures.values()}) > 1


def test_the_load_metrics_are_plotted(analyst: Analyst) -> None:
    page = analyst.plots()
    for metric in METRICS:
        expect(page.get_by_text(metric, exact=True)).to_be_visible()
    plots = page.locator("canvas").all()
    assert len(plots) >= len(METRICS)
    for plot in plots:
        plot.scroll_into_view_if_needed()
        page.wait_for_function(HAS_A_LINE, arg=plot.element_handle())


def _runs(up: Up, backfill: str) -> Runs:
    """Return what all runs of a backfill have recorded; they must have covered the chosen
    partitions, each once.
    """
    answer = up.graphql(RUNS_OF_BACKFILL, id=backfill)
    assert answer["partitionBackfillOrError"] == {
        "status": "COMPLETED_SUCCESS",
        "numPartitions": len(CHOSEN),
    }
    runs = answer["runsOrError"]["results"]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    found = {
        run["runId"]: {
            event["partition"]: _numbers(event) for event in run["assetMaterializations"]
        }
        for run in runs
    }
    assert Counter(partition for run in found.values() for partition in run) == Counter(CHOSEN)
    return found


def _numbers(event: dict[str, Any]) -> dict[str, int]:
    return {
        entry["label"]: entry["intValue"]
        for entry in event["metadataEntries"]
        if "intValue" in entry
    }


def _run_of(runs: Runs, partition: str) -> str:
    return next(run for run, partitions in runs.items() if partition in partitions)


def _rows(up: Up) -> dict[str, int]:
    """Return the issues in the warehouse by partition, of those chosen; the first month holds
    everything older.
    """
    query = """
        SELECT p.project_key || '|' || greatest(to_char(i.updated_at AT TIME ZONE :zone,
            'YYYY-MM'), :first) AS partition,
               count(*) AS issues
        FROM raw.issues i JOIN raw.projects p ON p.space_key = i.space_key AND p.id = i.project_id
        WHERE i.deleted_at IS NULL GROUP BY 1"""
    return {
        key: issues
        for key, issues in up.query(query, first=FIRST_MONTH, zone=up.timezone)
        if key in CHOSEN
    }


def _synced(up: Up, runs: list[str]) -> dict[str, int]:
    """Return project -> issues that the history says some runs have synced well."""
    query = """
        SELECT project_key, sum(items_synced) FROM ops.sync_history
        WHERE run_id = ANY(:runs) AND status = 'completed' AND mode = 'backfill' GROUP BY 1"""
    return {key: int(items) for key, items in up.query(query, runs=runs)}

"""A backfill of some months of some projects, launched in the Dagster UI, and what it shows."""

import pytest
from playwright.sync_api import expect

from tests.browser import HAS_A_LINE, Analyst, Chromium, analyst_at
from tests.integration.running import Up
from tests.integration.up.conftest import MONTHS, PROJECTS

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: Partition -> run.
Runs = dict[str, str]

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
      runId status assetMaterializations { partition }
    } }
  }
}"""


@pytest.fixture(scope="module")
def runs(chromium: Chromium, up: Up) -> Runs:
    """Return the runs of a backfill, launched in the browser and seen to end there, by the
    partitions that they have covered, each once.
    """
    with analyst_at(chromium, up) as analyst:
        backfill = analyst.backfill(PROJECTS, MONTHS[0], MONTHS[-1])
    answer = up.graphql(RUNS_OF_BACKFILL, id=backfill)
    assert answer["partitionBackfillOrError"] == {
        "status": "COMPLETED_SUCCESS",
        "numPartitions": len(CHOSEN),
    }
    runs = answer["runsOrError"]["results"]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    found = {
        event["partition"]: run["runId"] for run in runs for event in run["assetMaterializations"]
    }
    assert found.keys() == CHOSEN
    assert sum(len(run["assetMaterializations"]) for run in runs) == len(CHOSEN)
    return found


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
    link = page.locator('a[href*="/runs/"]').filter(has_text=runs[f"{PROJECTS[1]}|{MONTHS[1]}"][:8])
    expect(link).to_be_visible()


def test_the_load_metrics_are_plotted(analyst: Analyst) -> None:
    page = analyst.plots()
    for metric in METRICS:
        expect(page.get_by_text(metric, exact=True)).to_be_visible()
    plots = page.locator("canvas").all()
    assert len(plots) >= len(METRICS)
    for plot in plots:
        plot.scroll_into_view_if_needed()
        page.wait_for_function(HAS_A_LINE, arg=plot.element_handle())

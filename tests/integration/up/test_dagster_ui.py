"""What an analyst sees and does in the Dagster UI."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from pipelines.hosting.chart_pictures import WIDTH_ON_PAGE
from tests.browser import Analyst
from tests.integration.compose import wait_until
from tests.integration.running import PATIENCE_SECONDS, RUNS_OF_PARTITION, Up
from tests.integration.up.conftest import MONTHS, PROJECTS

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: How the UI writes an instant in a table.
MOMENT = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d")

LAST_RUN = """
query($job: String!) {
  pipelineOrError(params: {
    pipelineName: $job, repositoryName: "__repository__", repositoryLocationName: "backlog_elt"
  }) {
    ... on Pipeline { runs(limit: 1) { status } }
  }
}"""
NEWEST = """
query($table: [String!]!) {
  assetOrError(assetKey: {path: $table}) { ... on Asset {
    assetMaterializations(limit: 1) { metadataEntries { label } }
    assetObservations(limit: 1) { metadataEntries { label ... on IntMetadataEntry { intValue } } }
  } }
}"""
PROJECT_KEYS = """
{ assetNodeOrError(assetKey: {path: ["raw", "issues"]}) {
  ... on AssetNode { partitionStats { numFailed } partitionKeysByDimension { name partitionKeys } }
} }"""


def test_each_project_shows_whether_it_is_equal_and_what_was_deleted(
    analyst: Analyst, up: Up
) -> None:
    key, month = up.delete_issue(PROJECTS[0])
    analyst.load_partition(PROJECTS[0], month)
    page = analyst.open("/assets/raw/issues?view=checks")
    # Those that ask the source were evaluated too: "skipped" would hide what they had found.
    expect(page.get_by_text("Succeeded", exact=True)).to_have_count(9)
    page.get_by_text("issue_counts_match_source", exact=True).first.click()
    project = page.get_by_role("row").filter(has_text=PROJECTS[0]).filter(has_text="equal").first
    for said in ("✓ equal", MOMENT, "never", re.compile("[0-9]+ rows deleted")):
        expect(project).to_contain_text(said)
    gone = page.get_by_role("row").filter(has_text=f"issues {key} (").first
    for said in (PROJECTS[0], MOMENT, "deleted", "confirmed by GET /issues?id[]"):
        expect(gone).to_contain_text(said)


def test_what_a_first_load_has_done_looks_like_it(analyst: Analyst, up: Up) -> None:
    for job in ("users", "projects", "issues", "count_reconciliation", "marts"):
        assert up.graphql(LAST_RUN, job=job)["pipelineOrError"]["runs"], (
            f"{job} looks as if it had never run"
        )
    counted = up.graphql(NEWEST, table=["raw", "issues"])["assetOrError"]
    [rows] = [
        entry["intValue"]
        for entry in _entries(counted["assetObservations"])
        if entry["label"] == "dagster/row_count"
    ]
    assert rows > 1_900, "2,000 issues at first, of which people delete some"
    assert "preview" in [entry["label"] for entry in _entries(counted["assetMaterializations"])]
    page = analyst.open("/runs")
    expect(page.get_by_text("backlog_elt/kind").first).to_be_visible()
    expect(page.get_by_text("backlog_elt/process")).to_have_count(0)


def test_a_mart_shows_its_chart_without_a_click(analyst: Analyst) -> None:
    page = analyst.open("/assets/mart/flow_daily?view=overview")
    expect(page.get_by_text("Passing").first).to_be_visible()
    expect(page.get_by_text("bigint").first).to_be_visible()
    expect(page.get_by_text("Unsynced")).to_have_count(0)
    picture = page.get_by_role("img", name="累積フロー / Cumulative flow")
    expect(picture).to_be_visible()
    page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
    assert picture.evaluate("picture => picture.naturalWidth") == WIDTH_ON_PAGE
    page = analyst.open("/assets/mart/issue?view=overview")  # a table: dagster-dbt counts no views
    expect(page.get_by_text("Row count")).to_be_visible()
    assert analyst.strangers == []


def test_a_name_that_looks_like_an_image_is_text_and_nothing_is_fetched(
    analyst: Analyst, up: Up
) -> None:
    named = "![x](http://e.test/x.png)"
    month = up.create_issue(PROJECTS[0], f"{named} www.e.test")
    analyst.load_partition(PROJECTS[0], month)
    # The overview shows the newest partition of all, which is another as soon as somebody
    # works.
    page = analyst.open(f"/assets/raw/issues?view=partitions&partition={PROJECTS[0]}%7C{month}")
    page.get_by_text("Show Markdown").first.click()
    table = page.get_by_role("dialog").get_by_role("table")
    expect(table.get_by_role("cell").filter(has_text=f"{named} www.e.test")).to_be_visible()
    expect(table.get_by_role("img")).to_have_count(0)
    expect(table.get_by_role("link")).to_have_count(0)
    assert analyst.strangers == []


def test_a_project_key_that_is_none_is_refused_and_leaves_nothing_behind(
    analyst: Analyst, up: Up
) -> None:
    month = MONTHS[1]

    def status() -> str:
        runs = up.graphql(RUNS_OF_PARTITION, partition=f"TYPO|{month}")["runsOrError"]["results"]
        return str(runs[0]["status"]) if runs else ""

    analyst.add_project("TYPO")
    analyst.launch_partition("TYPO", month)
    wait_until(
        lambda: status() == "FAILURE",
        "the run of TYPO has not failed",
        seconds=PATIENCE_SECONDS,
    )
    run = up.graphql(RUNS_OF_PARTITION, partition=f"TYPO|{month}")["runsOrError"]["results"][0][
        "runId"
    ]
    live: list[str | bytes] = []
    analyst.page.on(
        "websocket", lambda opened: opened.on("framereceived", lambda frame: live.append(frame))
    )
    page = analyst.open(f"/runs/{run}")
    expect(
        page.get_by_text("issues: no project has or had the key TYPO: nothing was loaded.").first
    ).to_be_visible()
    assert any("pipelineRunLogs" in str(frame) for frame in live), (
        "the log does not come by the websocket"
    )
    page = analyst.open("/assets/raw/issues?view=partitions")
    expect(page.get_by_text("Failed (1)")).to_be_visible()
    wait_until(
        lambda: "removed TYPO" in up.evaluate_sensor("project_discovery"),
        "TYPO stays",
        seconds=PATIENCE_SECONDS,
    )
    found = up.graphql(PROJECT_KEYS)["assetNodeOrError"]
    assert found["partitionStats"]["numFailed"] == 0
    assert "TYPO" not in found["partitionKeysByDimension"][0]["partitionKeys"]
    page = analyst.open("/assets/raw/issues?view=partitions")
    expect(page.get_by_text("Failed (0)")).to_be_visible()
    expect(page.get_by_text("Missing (0)")).to_be_visible()


def _entries(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for event in events for entry in event["metadataEntries"]]

"""The analyst's way through the Dagster UI, in headless Chromium on a real `backlog-elt up`."""

import re
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from assets.marts.charts.canvas import WIDTH
from resources.warehouse import embedded
from resources.warehouse.connect import engine
from resources.warehouse.schema import SPECS
from tests.browser import HAS_A_LINE, Chromium, analyst_at, reader, visitor_at
from tests.integration.compose import wait_until
from tests.integration.running import Up, running_up
from tests.integration.strangers import a_page_of_another_site_starts_and_reads_nothing
from tests.integration.visits import a_project_key_that_is_none, a_sync_that_is_refused_by_backlog

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]

#: Run -> partition -> number by name of metadata.
Runs = dict[str, dict[str, dict[str, int]]]

FIRST_MONTH = "2026-04"
PROJECTS = ("WEB", "INFRA")
MONTHS = ("2026-04", "2026-05", "2026-06")
CHOSEN = {f"{project}|{month}" for project in PROJECTS for month in MONTHS}
CHECKED_IN_EVERY_RUN = ("keys_unique", "references_resolve", "no_unexpected_fields", "no_rejected_records")
METRICS = ("load/rows_read", "load/rows_updated", "load/api_requests", "load/duration_seconds", "dagster/partition_row_count")

RUNS_OF_BACKFILL = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status numPartitions } }
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results {
      runId status assetMaterializations { partition metadataEntries { label ... on IntMetadataEntry { intValue } } }
    } }
  }
}"""

RUNS_OF_JOB = """
query($job: String!) { runsOrError(filter: {pipelineName: $job}) { ... on Runs { results { runId status } } } }"""

LAST_RUN = """
query($job: String!) {
  pipelineOrError(params: {pipelineName: $job, repositoryName: "__repository__", repositoryLocationName: "backlog_elt"}) {
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

#: What a browser says of an answer with 409.
CONFLICT = "Failed to load resource: the server responded with a status of 409 (Conflict)"

#: Charts whose marts have been there from the beginning.
SHOWN_CHARTS = 4

#: How the UI writes an instant in a table.
MOMENT = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d")


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """Return a deployment that has done its first load and built its marts; it is ended after the last test at the latest.

    People work in its space all the time: the marts are not built again and again, which would take half of this machine.
    """
    with running_up(history_start=FIRST_MONTH) as started:
        started.wait_for_marts()
        started.stop_sensor("marts_after_loads")
        yield started


@pytest.fixture(scope="module")
def runs(chromium: Chromium, up: Up) -> Runs:
    """Return what the runs of a backfill, launched in the browser and seen to end there, have recorded."""
    with analyst_at(chromium, up) as analyst:
        backfill = analyst.backfill(PROJECTS, MONTHS[0], MONTHS[-1])
    return _runs(up, backfill)


def test_a_terminal_shows_what_runs_and_that_the_data_are_ready_and_keeps_the_rest_for_the_log(up: Up) -> None:
    wait_until(lambda: "  the report is written: " in up.terminal.written, "nothing says that the marts and the report are there")
    lines, log = [line for line in up.terminal.lines if line], up.home / "logs" / "up.log"
    shown = "\n".join(lines)
    assert len(lines) <= 12, shown
    assert f"Dagster UI  {up.url}" in shown
    assert f"sync page   {up.service_url}" in shown
    assert f"log         {log}" in shown
    assert "  the marts are built " in shown
    assert f"  the report is written: {up.home / 'report.html'}" in shown
    assert up.file_of_report() == str(up.home / "report.html")
    assert re.search(r"loaded: 2,\d\d\d issues, [\d,]+ comments, .* in schema raw", shown)
    assert not re.search(r"WARNING|ERROR|Traceback|\x1b", up.terminal.written)
    assert "loading, 0:0" in up.terminal.written
    assert "dbt" in log.read_text()
    assert "No cursor for event type" not in log.read_text()
    [command] = re.findall(r"  SQL +(.*)", shown)
    counted = subprocess.run([*shlex.split(command), "-Atc", "SELECT count(*) FROM mart.issue"], capture_output=True, text=True)
    assert int(counted.stdout) >= 2_000, counted.stderr


def test_nothing_greets_or_phones_home(chromium: Chromium, up: Up) -> None:
    with analyst_at(chromium, up) as analyst:
        page = analyst.open("/")
        expect(page.get_by_role("link", name="Catalog")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        analyst.open("/locations/backlog_elt/asset-groups/raw")
        # The graph is larger than the window: some of its tables are in sight.
        tables = re.compile(f"^({'|'.join(SPECS)})$")
        expect(page.locator("foreignObject").get_by_text(tables).first).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert '"telemetryEnabled": false' in page.content()
        assert analyst.strangers == []
    assert up.graphql("{ shouldShowNux }") == {"shouldShowNux": False}


def test_a_backfill_of_two_projects_and_three_months_turns_their_partitions_green(chromium: Chromium, up: Up, runs: Runs) -> None:
    with analyst_at(chromium, up) as analyst:
        page = analyst.open("/assets/raw/issues?view=partitions")
        expect(page.get_by_text("Failed (0)")).to_be_visible()
        expect(page.get_by_text("Missing (0)")).to_be_visible()
        page.get_by_title(PROJECTS[1], exact=True).click()
        page.get_by_title(MONTHS[1], exact=True).click()
        expect(page.get_by_title(f"{PROJECTS[1]}|{MONTHS[1]}", exact=True)).to_be_visible()
        expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
        expect(page.get_by_text("Unsynced")).to_have_count(0)
        link = page.locator('a[href*="/runs/"]').filter(has_text=_run_of(runs, f"{PROJECTS[1]}|{MONTHS[1]}")[:8])
        expect(link).to_be_visible()


def test_the_backfill_reports_each_partition_as_the_warehouse_holds_it(up: Up, runs: Runs) -> None:
    figures = {partition: numbers for run in runs.values() for partition, numbers in run.items()}
    assert {key: numbers["dagster/partition_row_count"] for key, numbers in figures.items()} == _rows(up)
    for numbers in figures.values():
        outcome = sum(numbers[f"load/rows_{name}"] for name in ("inserted", "updated", "unchanged", "rejected"))
        assert numbers["load/rows_read"] == outcome
    read = Counter[str]()
    for partition, numbers in figures.items():
        read[partition.split("|")[0]] += numbers["load/rows_read"]
    assert _synced(up, list(runs)) == read
    assert len({numbers["load/rows_read"] for numbers in figures.values()}) > 1


def test_the_load_metrics_are_plotted(chromium: Chromium, up: Up) -> None:
    with analyst_at(chromium, up) as analyst:
        page = analyst.plots()
        for metric in METRICS:
            expect(page.get_by_text(metric, exact=True)).to_be_visible()
        plots = page.locator("canvas").all()
        assert len(plots) >= len(METRICS)
        for plot in plots:
            plot.scroll_into_view_if_needed()
            page.wait_for_function(HAS_A_LINE, arg=plot.element_handle())


def test_lineage_shows_issues_below_projects(chromium: Chromium, up: Up) -> None:
    with analyst_at(chromium, up) as analyst:
        # With all marts below, the graph would be drawn so small that its nodes show no more than names.
        page = analyst.open("/assets/raw/issues?view=lineage&lineageScope=upstream")
        projects, issues = (page.locator("foreignObject").filter(has_text=name) for name in ("projects", "issues"))
        expect(issues.get_by_text("100% filled")).to_be_visible()
        expect(projects.get_by_text("Materialized")).to_be_visible()
        left, right = projects.bounding_box(), issues.bounding_box()
        assert left is not None
        assert right is not None
        # The graph runs from left to right.
        assert left["x"] + left["width"] < right["x"]


def test_checks_are_shown_with_what_they_found(chromium: Chromium, up: Up) -> None:
    with analyst_at(chromium, up) as analyst:
        page = analyst.open("/assets/raw/issues?view=checks")
        expect(page.get_by_text("Checks (9)")).to_be_visible()
        for name in ("every_project_is_fresh", "issue_counts_match_source"):
            expect(page.get_by_text(name, exact=True).first).to_be_visible()
        for name in CHECKED_IN_EVERY_RUN:
            page.get_by_text(name, exact=True).first.click()
            page.wait_for_url(f"**checkDetail={name}")
            expect(page.get_by_text("Evaluation result").locator("xpath=..")).to_contain_text("Passed")


def test_of_each_project_one_sees_whether_it_is_equal_since_when_how_proven_and_what_was_deleted_and_why(
    chromium: Chromium, up: Up
) -> None:
    key, month = up.delete_issue(PROJECTS[0])
    with analyst_at(chromium, up) as analyst:
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


def test_what_a_first_load_has_done_looks_like_it(chromium: Chromium, up: Up) -> None:
    for job in ("users", "projects", "issues", "count_reconciliation", "marts"):
        assert up.graphql(LAST_RUN, job=job)["pipelineOrError"]["runs"], f"{job} looks as if it had never run"
    counted = up.graphql(NEWEST, table=["raw", "issues"])["assetOrError"]
    [rows] = [entry["intValue"] for entry in _entries(counted["assetObservations"]) if entry["label"] == "dagster/row_count"]
    assert rows > 1_900, "2,000 issues at first, of which people delete some"
    assert "preview" in [entry["label"] for entry in _entries(counted["assetMaterializations"])]
    with analyst_at(chromium, up) as analyst:
        page = analyst.open("/runs")
        expect(page.get_by_text("backlog_elt/kind").first).to_be_visible()
        expect(page.get_by_text("backlog_elt/process")).to_have_count(0)
        page = analyst.open("/asset-groups")
        groups = [page.locator("foreignObject").filter(has_text=name).first for name in ("raw", "staging", "mart", "dashboard")]
        expect(groups[-1]).to_be_visible()
        places = [box["x"] for group in groups if (box := group.bounding_box())]
        assert places == sorted(set(places)), "raw, staging, mart, dashboard: from left to right"


def test_a_mart_shows_its_chart(chromium: Chromium, up: Up) -> None:
    with analyst_at(chromium, up) as analyst:
        page = analyst.open("/assets/mart/flow_daily?view=overview")
        expect(page.get_by_text("Row count")).to_be_visible()
        expect(page.get_by_text("Passing").first).to_be_visible()
        expect(page.get_by_text("bigint").first).to_be_visible()
        expect(page.get_by_text("Raw SQL")).to_have_count(0)
        expect(page.get_by_text("Unsynced")).to_have_count(0)
        page.get_by_text("Show Markdown").first.click()
        picture = page.get_by_role("dialog").get_by_role("img", name="累積フロー / Cumulative flow")
        expect(picture).to_be_visible()
        page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
        assert picture.evaluate("picture => picture.naturalWidth") == WIDTH
        assert analyst.strangers == []


def test_the_report_opens_without_a_network_and_shows_every_chart_also_on_a_phone(chromium: Chromium, up: Up) -> None:
    file = up.report()
    assert up.file_of_report() == str(file)
    with reader(chromium, width=1000) as somebody:
        page = somebody.open(file)
        expect(page).to_have_title("Backlog レポート / report")
        charts = page.locator("figure svg")
        assert charts.count() >= SHOWN_CHARTS
        for width in (1000, 390):
            page.set_viewport_size({"width": width, "height": 1000})
            for chart in charts.all():
                box = chart.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) > 100
            assert somebody.collisions() == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "wide things scroll in themselves"
        for project in (*PROJECTS, "OPS"):
            expect(page.get_by_role("cell", name=project, exact=True).first).to_be_visible()
        assert somebody.noted == []


def test_the_page_of_the_service_asks_before_it_starts_a_sync_and_then_shows_it(chromium: Chromium, up: Up) -> None:
    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = up.graphql(RUNS_OF_JOB, job="projects")["runsOrError"]["results"]
        return found

    before = len(runs())
    with visitor_at(chromium, up.service_url) as visitor:
        page = visitor.page
        expect(page).to_have_title("Backlog 同期")
        expect(page.get_by_role("status").filter(has_text="acme（シミュレーション） に接続中")).to_be_visible()
        expect(page.get_by_label("プロジェクト")).to_have_value("APP")
        start, dialog = page.get_by_role("button", name="プロジェクト情報を同期"), page.get_by_role("dialog")
        start.click()
        expect(dialog).to_contain_text("同期を始めますか？")
        expect(dialog.get_by_role("button", name="やめる")).to_be_focused()
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        assert len(runs()) == before
        start.click()
        dialog.get_by_role("button", name="始める").click()
        news = page.get_by_role("status").filter(has_text="同期を始めました。")
        run_url = news.get_by_role("link").get_attribute("href") or ""
        assert run_url.startswith(f"{up.url}/runs/")
        running = page.get_by_role("region", name="実行中の同期")
        expect(running.get_by_text("プロジェクト情報")).to_be_visible()
        start.click()
        dialog.get_by_role("button", name="始める").click()
        expect(page.get_by_role("status").filter(has_text="すでに同期中です。")).to_be_visible()
        # It looks by itself, and what has ended is in the history.
        history = page.get_by_role("region", name="履歴")
        expect(history.get_by_role("row").filter(has=page.locator(f"a[href='{run_url}']")).first).to_contain_text("完了")
        expect(running.get_by_text("プロジェクト情報")).to_have_count(0)
        expect(page.get_by_role("status").filter(has_text="同期が完了しました。")).to_have_class("news good")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("heading", name="Running syncs")).to_be_visible()
        assert visitor.noted == [CONFLICT]
    assert len(runs()) == before + 1
    assert [run["status"] for run in runs() if run["runId"] == run_url.rsplit("/", 1)[1]] == ["SUCCESS"]


def test_a_sync_that_backlog_refuses_turns_its_banner_red_and_the_badge_says_why(chromium: Chromium, up: Up) -> None:
    a_sync_that_is_refused_by_backlog(chromium, up)


def test_a_project_key_that_is_none_is_refused_and_leaves_nothing_behind(chromium: Chromium, up: Up) -> None:
    a_project_key_that_is_none(chromium, up, MONTHS[1])


def test_a_page_of_another_site_in_the_browser_of_an_analyst_starts_and_reads_nothing(chromium: Chromium, up: Up) -> None:
    a_page_of_another_site_starts_and_reads_nothing(chromium, up)


def test_issues_of_a_project_are_synced_by_a_request_to_the_service(up: Up) -> None:
    answer = httpx.post(f"{up.service_url}/api/v1/sync/project/WEB/tasks", json={"full": True}, timeout=60)
    while answer.status_code == 409:
        time.sleep(1.0)
        answer = httpx.post(f"{up.service_url}/api/v1/sync/project/WEB/tasks", json={"full": True}, timeout=60)
    run_id = answer.json()["run_id"]
    rows: list[tuple[Any, ...]] = []
    while not rows or any(status == "in_progress" for _, _, _, status in rows):
        time.sleep(0.5)
        query = "SELECT sync_type, mode, project_key, status FROM ops.sync_history WHERE run_id = :run ORDER BY id"
        found = _query(up, query, run=run_id)
        rows = found if {"issues", "comments"} <= {row[0] for row in found} else []
    assert ("issues", "backfill", "WEB", "completed") in rows
    assert {status for _, _, _, status in rows} == {"completed"}


def test_when_up_ends_no_process_is_left(up: Up) -> None:
    up.stop()
    # The embedded server goes on for BI tools, until it is stopped by itself.
    assert {process.name() for process in up.processes()} <= {"postgres"}
    assert embedded.stop(up.home)
    assert up.processes() == []


def _runs(up: Up, backfill: str) -> Runs:
    """Return what all runs of a backfill have recorded; they must have covered the chosen partitions, each once."""
    answer = up.graphql(RUNS_OF_BACKFILL, id=backfill)
    assert answer["partitionBackfillOrError"] == {"status": "COMPLETED_SUCCESS", "numPartitions": len(CHOSEN)}
    runs = answer["runsOrError"]["results"]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    found = {run["runId"]: {event["partition"]: _numbers(event) for event in run["assetMaterializations"]} for run in runs}
    assert Counter(partition for run in found.values() for partition in run) == Counter(CHOSEN)
    return found


def _entries(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for event in events for entry in event["metadataEntries"]]


def _numbers(event: dict[str, Any]) -> dict[str, int]:
    return {entry["label"]: entry["intValue"] for entry in event["metadataEntries"] if "intValue" in entry}


def _run_of(runs: Runs, partition: str) -> str:
    return next(run for run, partitions in runs.items() if partition in partitions)


def _rows(up: Up) -> dict[str, int]:
    """Return the issues in the warehouse by partition, of those chosen; the first month holds everything older."""
    query = """
        SELECT p.project_key || '|' || greatest(to_char(i.updated_at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM'), :first) AS partition,
               count(*) AS issues
        FROM raw.issues i JOIN raw.projects p ON p.space_key = i.space_key AND p.id = i.project_id
        WHERE i.deleted_at IS NULL GROUP BY 1"""
    return {key: issues for key, issues in _query(up, query, first=FIRST_MONTH) if key in CHOSEN}


def _synced(up: Up, runs: list[str]) -> dict[str, int]:
    """Return project -> issues that the history says some runs have synced well."""
    query = """
        SELECT project_key, sum(items_synced) FROM ops.sync_history
        WHERE run_id = ANY(:runs) AND status = 'completed' AND mode = 'backfill' GROUP BY 1"""
    return {key: int(items) for key, items in _query(up, query, runs=runs)}


def _query(up: Up, query: str, **values: Any) -> list[tuple[Any, ...]]:
    warehouse = engine(embedded.ensure_server(up.home).url())
    try:
        with warehouse.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]
    finally:
        warehouse.dispose()

"""What somebody sees once the first load has ended; `make test` runs these too."""

import json
import re
import shlex
import subprocess
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import expect

from resources.warehouse.raw.schema import SPECS
from tests.browser import Analyst, Chromium, analyst_at, visitor_at
from tests.integration.compose import wait_until
from tests.integration.running import PATIENCE_SECONDS, Up

pytestmark = [pytest.mark.smoke, pytest.mark.timeout(600)]

RUNS_OF_JOB = """
query($job: String!) {
  runsOrError(filter: {pipelineName: $job}) { ... on Runs { results { runId status } } }
}"""

ASSETS = """
{ assetNodes { assetKey { path } groupName assetChecksOrError { ... on AssetChecks { checks {
  name executionForLatestMaterialization { status evaluation { severity } }
} } } } }"""


def test_a_terminal_shows_what_runs_and_that_the_data_are_ready(
    up: Up,
) -> None:
    built = "  the marts are built: "
    wait_until(lambda: built in up.terminal.written, "nothing says that the marts are there")
    lines, log = [line for line in up.terminal.lines if line], up.home / "logs" / "up.log"
    # What other tests do in this `up` is shown below.
    lines = lines[: next(number for number, line in enumerate(lines, 1) if built in line)]
    shown = "\n".join(lines)
    assert len(lines) <= 12, shown
    assert f"Dagster UI  {up.url}" in shown
    assert f"sync page   {up.service_url}" in shown
    assert f"log         {log}" in shown
    assert str(up.home / "report.html") in lines[-1]
    assert str(up.home / "report.html") in up.files_of_reports()
    assert re.search(r"loaded: 2,\d\d\d issues, [\d,]+ comments, .* in schema raw", shown)
    assert not re.search(r"WARNING|ERROR|Traceback|\x1b", up.terminal.written)
    assert "loading, 0:0" in up.terminal.written
    assert "dbt" in log.read_text()
    [command] = re.findall(r"  SQL +(.*)", shown)
    counted = subprocess.run(
        [*shlex.split(command), "-Atc", "SELECT count(*) FROM mart.issue"],
        capture_output=True,
        text=True,
    )
    assert int(counted.stdout) >= 2_000, counted.stderr


def test_nothing_greets_or_phones_home(analyst: Analyst, up: Up) -> None:
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
    assert "127.0.0.1:1:" not in up.tail(1_000), "something asked a dead proxy"


def test_all_assets_are_green_and_every_check_that_has_run_has_passed(
    chromium: Chromium, up: Up
) -> None:
    def assets() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = up.graphql(ASSETS)["assetNodes"]
        return found

    passed: set[str] = set()

    def not_passed() -> list[str]:
        """Return the checks that have run and were never seen passed; those of a load that is at
        work were passed before it.
        """
        nodes = [
            (node["assetKey"]["path"], node["assetChecksOrError"].get("checks", ()))
            for node in assets()
        ]
        checks = {
            f"{path}: {check['name']}": check["executionForLatestMaterialization"]
            for path, found in nodes
            for check in found
        }
        # What people do in the space now and then is worth a warning, and no more.
        run = {
            name: how["status"]
            for name, how in checks.items()
            if how and not ("FAILED" in how["status"] and how["evaluation"]["severity"] == "WARN")
        }
        assert not [name for name, status in run.items() if "FAILED" in status]
        passed.update(name for name, status in run.items() if status == "SUCCEEDED")
        return sorted(run.keys() - passed)

    groups = Counter(node["groupName"] for node in assets())
    assert groups["raw"] == len(SPECS)
    # A narrow window has a small graph, whose nodes show no more than names.
    with analyst_at(chromium, up, width=2000) as analyst:
        page = analyst.open("/asset-groups")
        for group, number in groups.items():
            # One number of one colour: none is failed, late, at work or never materialized.
            node = page.locator("foreignObject").filter(has_text=group)
            expect(node).to_have_text(f"{group}{number}")
            colour = node.get_by_text(str(number), exact=True).last.evaluate(
                "shown => getComputedStyle(shown).color"
            )
            red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
            assert green > max(red, blue), f"{group} is {colour}"
    # People work all the time, so that some check is nearly always at work again.
    # Each look takes a core a second.
    wait_until(lambda: not not_passed(), "a check has not passed", PATIENCE_SECONDS, pause=3.0)
    assert len(passed) > 120


def test_status_says_what_the_page_says(chromium: Chromium, up: Up) -> None:
    found = json.loads(up.run("status", "--json"))
    expected = {"space": "acme", "connected": True, "simulated": True, "condition": None}
    assert {name: found[name] for name in expected} == expected
    assert (found["dagster"]["url"], found["service"]["url"]) == (up.url, up.service_url)
    assert {sync["status"] for sync in found["last_syncs"]} <= {"completed", "in_progress"}
    with visitor_at(chromium, up.service_url, locale="en-US") as visitor:
        page = visitor.page
        expect(page.get_by_text("Connected to acme (simulated)")).to_be_visible()
        expect(page.get_by_role("link", name="Dagster")).to_have_attribute("href", up.url)
        expect(page.get_by_role("region", name="Needs attention")).to_be_hidden()
        assert visitor.noted == []


def test_the_page_of_the_service_starts_a_sync_and_shows_its_end(
    chromium: Chromium, up: Up
) -> None:
    with visitor_at(chromium, up.service_url) as visitor:
        page = visitor.page
        page.get_by_text("ほかの同期").click()
        project = page.locator("#start-full").get_by_label("プロジェクト")
        expect(project.get_by_role("option")).to_have_count(6)
        page.get_by_role("button", name="プロジェクト情報を同期").click()
        page.get_by_role("dialog").get_by_role("button", name="始める").click()
        news = page.get_by_role("status").filter(has_text="同期を始めました。")
        run_url = news.get_by_role("link").get_attribute("href") or ""
        assert run_url.startswith(f"{up.url}/runs/")
        # It looks by itself, and what has ended is in the timeline.
        ended = page.locator("#runs > li").filter(has=page.locator(f"a[href='{run_url}']"))
        expect(ended).to_contain_text("完了")
        ended.locator("summary").click()
        expect(ended.locator(".lines")).to_contain_text("Finished execution of run")
        expect(page.get_by_role("status").filter(has_text="同期が完了しました。")).to_have_class(
            "news good"
        )
        assert visitor.noted == []
    runs = up.graphql(RUNS_OF_JOB, job="projects")["runsOrError"]["results"]
    assert {"runId": run_url.rsplit("/", 1)[1], "status": "SUCCESS"} in runs

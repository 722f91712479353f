"""What somebody does on a running deployment when something goes wrong, and what they see: a sync that fails, a mistyped key.

`test_browser.py` has the deployment and calls these.
"""

import json
import re

import httpx
from playwright.sync_api import Page, expect

from tests.browser import Chromium, analyst_at, visitor_at
from tests.integration.compose import wait_until
from tests.integration.running import PATIENCE_SECONDS, RUNS_OF_PARTITION, Up

PROJECT_KEYS = """
{ assetNodeOrError(assetKey: {path: ["raw", "issues"]}) {
  ... on AssetNode { partitionStats { numFailed } partitionKeysByDimension { name partitionKeys } }
} }"""


def a_sync_that_is_refused_by_backlog(chromium: Chromium, up: Up) -> None:
    """Start a sync that Backlog refuses: its banner turns red, the badge says why, and both are good again afterwards."""
    source = json.loads((up.home / "runtime.json").read_text())["backlog_url"]
    with visitor_at(chromium, up.service_url) as visitor:
        page = visitor.page
        expect(page.get_by_role("status").filter(has_text="acme（シミュレーション） に接続中")).to_be_visible()
        httpx.post(f"{source}/_simulator/faults", json={"status": 401, "times": None}).raise_for_status()
        try:
            _start(page)
            banner = page.get_by_role("status").filter(has_text="同期が失敗しました。")
            expect(banner).to_have_class("news bad")
            expect(banner).to_contain_text("BACKLOG_API_KEY")
            run_url = banner.get_by_role("link").get_attribute("href") or ""
            row = page.get_by_role("region", name="履歴").get_by_role("row").filter(has=page.locator(f"a[href='{run_url}']"))
            expect(row.filter(has_text="失敗").first).to_contain_text("BACKLOG_API_KEY")
            expect(page.get_by_role("region", name="対応が必要")).to_contain_text("BACKLOG_API_KEY")
            badge = page.get_by_role("status").filter(has_text="acme（シミュレーション） にアクセスを拒否されています")
            expect(badge).to_contain_text(re.compile(r"\d から · GET /.*BACKLOG_API_KEY"))
        finally:
            httpx.delete(f"{source}/_simulator/faults").raise_for_status()
        _start(page)
        expect(page.get_by_role("status").filter(has_text="同期が完了しました。")).to_have_class("news good")
        expect(page.get_by_role("status").filter(has_text="acme（シミュレーション） に接続中")).to_be_visible()


def _start(page: Page) -> None:
    page.get_by_role("button", name="プロジェクト情報を同期").click()
    page.get_by_role("dialog").get_by_role("button", name="始める").click()
    expect(page.get_by_role("status").filter(has_text="プロジェクト情報")).to_be_visible()


def a_project_key_that_is_none(chromium: Chromium, up: Up, month: str) -> None:
    """Type a key that is no project into the dialog and load it: it is refused in one line, and leaves nothing when removed."""

    def status() -> str:
        runs = up.graphql(RUNS_OF_PARTITION, partition=f"TYPO|{month}")["runsOrError"]["results"]
        return str(runs[0]["status"]) if runs else ""

    with analyst_at(chromium, up) as analyst:
        analyst.add_project("TYPO")
        analyst.launch_partition("TYPO", month)
        wait_until(lambda: status() == "FAILURE", "the run of TYPO has not failed", seconds=PATIENCE_SECONDS)
        run = up.graphql(RUNS_OF_PARTITION, partition=f"TYPO|{month}")["runsOrError"]["results"][0]["runId"]
        live: list[str | bytes] = []
        analyst.page.on("websocket", lambda opened: opened.on("framereceived", lambda frame: live.append(frame)))
        page = analyst.open(f"/runs/{run}")
        expect(page.get_by_text("issues: no project has or had the key TYPO: nothing was loaded.").first).to_be_visible()
        assert any("pipelineRunLogs" in str(frame) for frame in live), "the log does not come by the websocket"
        page = analyst.open("/assets/raw/issues?view=partitions")
        expect(page.get_by_text("Failed (1)")).to_be_visible()
        wait_until(lambda: "removed TYPO" in up.evaluate_sensor("project_discovery"), "TYPO stays", seconds=PATIENCE_SECONDS)
        found = up.graphql(PROJECT_KEYS)["assetNodeOrError"]
        assert found["partitionStats"]["numFailed"] == 0
        assert "TYPO" not in found["partitionKeysByDimension"][0]["partitionKeys"]
        page = analyst.open("/assets/raw/issues?view=partitions")
        expect(page.get_by_text("Failed (0)")).to_be_visible()
        expect(page.get_by_text("Missing (0)")).to_be_visible()

"""Syncs that somebody starts at the sync service."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import Chromium, visitor_at
from tests.integration.running import Up

ENDED = {"completed", "failed", "canceled"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_a_sync_that_backlog_refuses_turns_its_banner_red_and_the_badge_says_why(
    chromium: Chromium, up: Up
) -> None:
    source = json.loads((up.home / "runtime.json").read_text())["backlog_url"]
    with visitor_at(chromium, up.service_url) as visitor:
        page = visitor.page
        expect(
            page.get_by_role("status").filter(has_text="acme（シミュレーション） に接続中")
        ).to_be_visible()
        httpx.post(
            f"{source}/_simulator/faults", json={"status": 401, "times": None}
        ).raise_for_status()
        try:
            _start(page)
            banner = page.get_by_role("status").filter(has_text="同期が失敗しました。")
            expect(banner).to_have_class("news bad")
            expect(banner).to_contain_text("BACKLOG_API_KEY")
            run_url = banner.get_by_role("link").get_attribute("href") or ""
            run = page.locator("#history > li").filter(has=page.locator(f"a[href='{run_url}']"))
            expect(run.filter(has_text="失敗").first).to_contain_text("BACKLOG_API_KEY")
            expect(page.get_by_role("region", name="対応が必要")).to_contain_text("BACKLOG_API_KEY")
            badge = page.get_by_role("status").filter(
                has_text="acme（シミュレーション） にアクセスを拒否されています"
            )
            expect(badge).to_contain_text(re.compile(r"\d から · GET /.*BACKLOG_API_KEY"))
        finally:
            httpx.delete(f"{source}/_simulator/faults").raise_for_status()
        _start(page)
        expect(page.get_by_role("status").filter(has_text="同期が完了しました。")).to_have_class(
            "news good"
        )
        expect(
            page.get_by_role("status").filter(has_text="acme（シミュレーション） に接続中")
        ).to_be_visible()
    # A targeted sync may have met the refusal, too.
    _synced(up, "projects/all/tasks")


def test_an_operator_starts_a_sync_watches_it_and_cancels_it(chromium: Chromium, up: Up) -> None:
    with visitor_at(chromium, up.service_url, locale="en-US", width=390) as visitor:
        page = visitor.page
        page.get_by_role("region", name="Start a sync").get_by_label("Project").select_option("OPS")
        page.get_by_label("Read everything again").check()
        page.get_by_role("button", name="Sync issues", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Start").click()
        banner = page.get_by_role("status").filter(has_text="issues OPS (full)")
        expect(banner).to_contain_text("The sync has been started.")
        run_url = banner.get_by_role("link").get_attribute("href") or ""
        bar = page.get_by_role("progressbar", name=re.compile("OPS"))
        expect(bar.first).to_be_visible()
        page.get_by_role("button", name="Cancel issues").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
        expect(banner).to_contain_text("The sync was canceled.")
        run = page.locator("#history > li").filter(has=page.locator(f"a[href='{run_url}']"))
        expect(run).to_contain_text("canceled")
    again = httpx.post(f"{up.service_url}/api/v1/sync/runs/{run_url.rsplit('/', 1)[1]}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_ended")
    # What it left unread is read, so that whoever looks next finds all green.
    assert {status for _, _, _, status in _synced(up, "project/OPS/tasks", full=True)} == {
        "completed"
    }


def _start(page: Page) -> None:
    page.get_by_role("button", name="プロジェクト情報を同期").click()
    page.get_by_role("dialog").get_by_role("button", name="始める").click()
    expect(page.get_by_role("status").filter(has_text="プロジェクト情報")).to_be_visible()


def test_issues_of_a_project_are_synced_by_a_request_to_the_service(up: Up) -> None:
    rows = _synced(up, "project/WEB/tasks", full=True)
    assert ("issues", "backfill", "WEB", "completed") in rows
    assert {status for _, _, _, status in rows} == {"completed"}


def _synced(up: Up, path: str, *, full: bool = False) -> list[tuple[Any, ...]]:
    """Start a sync as soon as that can be, wait for its end, and return what the history says of
    it.
    """

    def start() -> httpx.Response:
        return httpx.post(f"{up.service_url}/api/v1/sync/{path}", json={"full": full}, timeout=60)

    while (answer := start()).status_code == 409:
        time.sleep(1.0)
    run_id = answer.json()["run_id"]
    while (
        httpx.get(f"{up.service_url}/api/v1/sync/runs/{run_id}", timeout=60).json()["state"]
        not in ENDED
    ):
        time.sleep(0.5)
    return up.query(
        "SELECT sync_type, mode, project_key, status FROM ops.sync_history WHERE "
        "run_id = :run ORDER BY id",
        run=run_id,
    )

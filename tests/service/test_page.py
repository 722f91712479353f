"""The page in headless Chromium: what somebody sees of a service with a history, in the language of the browser.

Add here: what the page shows. Keep out: that a sync really starts (`tests/integration/test_browser.py`).
"""

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from resources.simulator import Simulator
from resources.warehouse.history import finish_sync, note_progress
from tests.deployment import SMALL
from tests.integration.browser import visitor_at
from tests.service.conftest import TOKEN, DagsterStandIn, Log, Serve

EVIL = "GET /issues: 500 <img src=x onerror=\"document.title='owned'\">"


def test_the_page_shows_what_fails_and_how_far_what_works_is(
    serve: Serve, log: Log, dagster: DagsterStandIn, warehouse: Engine
) -> None:
    log.done("users", items=1_234)
    log.done(error=EVIL, run="run-2", project="OPS")
    dagster.works("issues", "run-3")
    with Simulator(SMALL) as sim, log.alive(run="run-3", project="WEB", mode="backfill") as number:
        note_progress(warehouse, number, 300, 2_000)
        service = serve(BACKLOG_URL=sim.url, BACKLOG_API_KEY=sim.api_key)
        with visitor_at(str(service.base_url)) as visitor:
            page = visitor.page
            expect(page.get_by_role("status").filter(has_text="acme に接続中 · 失敗中の同期: 1")).to_be_visible()
            bar = page.get_by_role("progressbar", name="課題 WEB (全件)")
            expect(bar).to_have_attribute("value", "300")
            expect(page.get_by_text("300 / 2,000 件")).to_be_visible()
            expect(page.get_by_role("row").filter(has_text="GET /issues: 500 <img src=x")).to_contain_text("失敗")
            tile = page.get_by_role("term").filter(has_text="成功率").locator("xpath=following-sibling::dd")
            expect(tile).to_have_text("50%")
            # It goes on by itself.
            note_progress(warehouse, number, 1_700, 2_000)
            expect(bar).to_have_attribute("value", "1700")
            finish_sync(warehouse, number, items_synced=2_000, items_failed=0, requests=21)
            dagster.answers["runsOrError"]["results"].clear()
            expect(page.get_by_text("実行中の同期はありません。")).to_be_visible()
            expect(page.get_by_role("row").filter(has_text="WEB")).to_contain_text("完了")
            page.get_by_label("失敗のみ").check()
            expect(page.get_by_role("row").filter(has_text="ユーザー")).to_have_count(0)
            page.set_viewport_size({"width": 390, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, "wide things scroll in themselves"
            expect(page).to_have_title("Backlog 同期")
            assert visitor.noted == []


def test_the_page_asks_for_the_token_and_forgets_it_on_demand(serve: Serve, log: Log) -> None:
    log.done()
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN)
    with visitor_at(str(service.base_url), locale="en-US", color_scheme="dark") as visitor:
        page = visitor.page
        field = page.get_by_label("Access token")
        expect(field).to_be_focused()
        field.fill("not-the-token-at-all")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This is not the token.")
        field.fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("row").filter(has_text="incremental")).to_contain_text("completed")
        expect(page.get_by_role("alert")).to_be_hidden()
        assert TOKEN not in page.url
        assert TOKEN not in page.content()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 27)", "it follows the dark scheme"
        page.get_by_role("button", name="日本語").click()
        expect(page.get_by_role("heading", name="履歴")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="履歴")).to_be_visible()
        page.get_by_role("button", name="サインアウト").click()
        expect(page.get_by_label("アクセストークン")).to_be_visible()


@pytest.mark.parametrize("locale", ["ja-JP", "fr-FR"])
def test_every_text_is_there_in_both_languages(serve: Serve, locale: str) -> None:
    with visitor_at(str(serve().base_url), locale=locale) as visitor:
        missing = visitor.page.evaluate(
            """async () => {
              const { WORDS } = await import('/static/words.js');
              const used = [...document.querySelectorAll('[data-say]')].map(element => element.dataset.say);
              const keys = new Set([...Object.keys(WORDS.ja), ...Object.keys(WORDS.en), ...used]);
              return [...keys].filter(key => !(key in WORDS.ja) || !(key in WORDS.en));
            }"""
        )
        assert missing == []
        expect(visitor.page.locator("html")).to_have_attribute("lang", "ja" if locale == "ja-JP" else "en")

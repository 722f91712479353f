"""The page in headless Chromium: what somebody sees of a service with a history, in the language of
the browser.
"""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Engine

from resources.conditions import Outcome
from resources.problems.causes import CAUSES
from resources.problems.problem import Problem
from resources.warehouse.history.history_writer import finish_sync, note_progress, note_wait
from resources.warehouse.state.heartbeats import alerts_of, beat
from resources.warehouse.state.seen_conditions import note
from resources.warehouse.state.sync_state import note_space_url
from simulator import Simulator
from tests.browser import Chromium, visitor_at
from tests.service.conftest import TOKEN, DagsterStandIn, Log, Serve, at
from tests.service.test_operator import complaints
from tests.unsafe import EVIL as UNSAFE_TEXT
from tests.unsafe import unsafe

EVIL = "GET /issues: 500 <img src=x onerror=\"document.title='owned'\">"


def runs(page: Page) -> Locator:
    """Return the runs of the timeline."""
    return page.locator("#runs > li")


def test_the_page_shows_what_fails_and_how_far_what_works_is(
    chromium: Chromium,
    serve: Serve,
    sim: Simulator,
    log: Log,
    dagster: DagsterStandIn,
    warehouse: Engine,
) -> None:
    log.done("users", items=1_234)
    log.done(error=EVIL, run="run-2", project="OPS")
    dagster.works("issues", "run-3")
    with log.alive(run="run-3", project="WEB", mode="backfill") as number:
        note_progress(warehouse, number, 300, 2_000)
        service = serve(**at(sim))
        with visitor_at(chromium, str(service.base_url)) as visitor:
            page = visitor.page
            expect(page.get_by_role("status")).to_have_text("問題が 1 件あります")
            facts = page.locator("#facts")
            expect(facts).to_contain_text("acme に接続中 · 最後に成功した同期 たった今")
            bar = page.get_by_role("progressbar", name="課題 WEB (全件)")
            expect(bar).to_have_attribute("value", "300")
            expect(page.get_by_text("300 / 2,000 件")).to_be_visible()
            expect(runs(page).filter(has_text="GET /issues: 500")).to_contain_text("失敗")
            # It goes on by itself.
            note_progress(warehouse, number, 1_700, 2_000)
            expect(bar).to_have_attribute("value", "1700")
            note_wait(
                warehouse,
                number,
                "read rate limit of Backlog",
                datetime.now(UTC) + timedelta(minutes=1),
            )
            expect(
                page.get_by_text("Backlog の API の上限(読み取り)の回復を待っています")
            ).to_be_visible()
            finish_sync(warehouse, number, items_synced=2_000, items_failed=0, requests=21)
            dagster.answers["runsOrError"]["results"].clear()
            expect(page.get_by_role("region", name="実行中")).to_be_hidden()
            expect(runs(page).filter(has_text="WEB")).to_contain_text("完了")
            expect(page).to_have_title("Backlog 同期")
            assert visitor.noted == []


def test_the_page_asks_for_the_token_and_forgets_it_on_demand(
    chromium: Chromium, serve: Serve, log: Log
) -> None:
    log.done()
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN)
    with visitor_at(
        chromium, str(service.base_url), locale="en-US", color_scheme="dark"
    ) as visitor:
        page = visitor.page
        field = page.get_by_label("Access token")
        expect(field).to_be_focused()
        field.fill("not-the-token-at-all")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("The token is wrong.")
        assert complaints(page) == []
        field.fill(TOKEN)
        page.keyboard.press("Enter")
        expect(runs(page).filter(has_text="incremental")).to_contain_text("completed")
        expect(page.get_by_role("alert")).to_be_hidden()
        assert TOKEN not in page.url
        assert TOKEN not in page.content()
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 27)"
        ), "it follows the dark scheme"
        page.get_by_role("button", name="日本語").click()
        expect(page.get_by_role("heading", name="タイムライン")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="タイムライン")).to_be_visible()
        page.get_by_role("button", name="サインアウト").click()
        expect(page.get_by_label("アクセストークン")).to_be_visible()


#: Confirms a start, and returns what the page says first, and after how many milliseconds.
FIRST_WORDS = """() => new Promise(resolve => {
  const began = performance.now();
  const news = document.getElementById('news');
  const observer = new MutationObserver(() =>
    resolve([news.textContent, performance.now() - began]));
  observer.observe(news, {childList: true, subtree: true});
  document.querySelector('#confirm button[value=yes]').click();
})"""


def start(page: Page) -> tuple[str, float]:
    """Start a sync of the projects, and return what is said first, and after how many
    milliseconds.
    """
    page.locator("#others").evaluate("others => { others.open = true; }")
    page.locator("#start-projects").click()
    said, milliseconds = page.evaluate(FIRST_WORDS)
    return said, milliseconds


def test_a_start_is_said_at_once_and_its_banner_follows_the_run_until_it_has_failed(
    chromium: Chromium, serve: Serve, sim: Simulator, log: Log, dagster: DagsterStandIn
) -> None:
    log.done("users")
    service = serve(**at(sim))
    with visitor_at(chromium, str(service.base_url)) as visitor:
        page = visitor.page
        expect(runs(page).filter(has_text="ユーザー")).to_be_visible()
        said, milliseconds = start(page)
        assert said.startswith("プロジェクト情報 同期を始めています…")
        assert milliseconds < 1_000
        banner = page.get_by_role("status").filter(has_text="プロジェクト情報")
        expect(banner).to_contain_text("同期を始めました。順番を待っています…")
        expect(banner.get_by_role("link")).to_have_attribute(
            "href", f"{dagster.url}/runs/11111111-2222"
        )
        run = dagster.answers["runsOrError"]["results"].pop()
        dagster.works("projects", run["runId"])
        expect(banner).to_contain_text("同期を始めました。実行中です…")
        # A hiccup of the network ends nothing.
        page.context.set_offline(True)
        expect(page.get_by_role("alert")).to_have_text(
            "サービスに接続できません。再接続しています…"
        )
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("alert")).to_have_text(
            "The service cannot be reached. Trying again…"
        )
        dagster.answers["runsOrError"]["results"].clear()
        why = "projects: GET /space: 401: check BACKLOG_API_KEY"
        dagster.ended("projects", run["runId"], why, codes=["key_refused"])
        page.context.set_offline(False)
        expect(page.get_by_role("alert")).to_be_hidden()
        banner = page.get_by_role("status").filter(
            has_text=f"The sync has failed: {CAUSES['key_refused'].en} ({why})"
        )
        expect(banner).to_have_class("news bad")
        # Also in the timeline, its figures and what needs attention.
        expect(runs(page).filter(has_text="check BACKLOG_API_KEY")).to_contain_text("Failed")
        expect(page.get_by_role("region", name="Needs attention")).to_contain_text(
            "check BACKLOG_API_KEY"
        )
        expect(page.locator("#stats")).to_contain_text("success rate 50%")
        page.get_by_role("button", name="Close").click()
        expect(banner).to_have_count(0)


def test_a_refusal_is_not_green_and_says_what_to_do_in_the_language_of_the_page(
    chromium: Chromium, serve: Serve, sim: Simulator, log: Log, dagster: DagsterStandIn
) -> None:
    log.done()
    dagster.works("projects", "the-first")
    service = serve(**at(sim))
    with visitor_at(chromium, str(service.base_url)) as visitor:
        page = visitor.page
        start(page)
        expect(
            page.get_by_role("status").filter(has_text="すでに同期中です。終わるのを待つか")
        ).to_have_class("news warn")
        page.get_by_role("button", name="English").click()
        dagster.answers["runsOrError"]["results"].clear()
        dagster.answers["launchRun"] = {"__typename": "UnauthorizedError", "message": "no"}
        start(page)
        refused = page.get_by_role("status").filter(
            has_text="Dagster refused the request. Check BACKLOG_DAGSTER_URL"
        )
        expect(refused).to_have_class("news bad")
        expect(refused).to_contain_text(
            "Dagster says: Dagster does not accept runs: it is read-only."
        )
        page.get_by_role("button", name="日本語").click()
        expect(
            page.get_by_role("status").filter(has_text="Dagster が受け付けません。")
        ).to_be_visible()


def test_no_sync_that_matches_is_said_and_what_the_source_says_turns_nothing_around(
    chromium: Chromium, serve: Serve, sim: Simulator, log: Log
) -> None:
    with visitor_at(chromium, str(serve(**at(sim)).base_url), locale="en-US") as visitor:
        page = visitor.page
        history = page.get_by_role("region", name="Timeline")
        expect(history).to_contain_text("No sync yet.")
        log.done("users")
        expect(runs(page).filter(has_text="users")).to_be_visible()
        history.get_by_text("Filter", exact=True).click()
        page.get_by_label("Result").select_option("failed")
        expect(history).to_contain_text("No sync matches the filter.")
        log.done(error=f"GET /issues: 500, {UNSAFE_TEXT}", run="run-2", project="OPS")
        expect(runs(page).first).to_contain_text(r"forged\u202egnp.exe")
        assert unsafe(page.inner_text("body").replace("\n", " ")) == []
        assert visitor.noted == []


def test_the_page_says_what_is_wrong_with_backlog_and_lists_open_alerts(
    chromium: Chromium, serve: Serve, sim: Simulator, log: Log, warehouse: Engine
) -> None:
    cause = "2 of 3 projects are equal; not WEB"
    for table in ("issues", "comments"):
        log.done(table, error=EVIL, project="OPS")
    with warehouse.begin() as connection:
        note_space_url(connection, "acme", sim.url)
    check = "raw/issues: issue_counts_match_source"
    problems = [
        Problem("check/a", "check_red", {"subject": check, "said": cause}, "run-1"),
        Problem("run/issues", "run_failed", {"subject": "raw/issues", "said": EVIL}, "run-1"),
    ]
    since = "2026-11-27T00:00:00+00:00"
    recorded = [one.as_json() | {"since": since} for one in problems]
    beat(warehouse, alerts_of(sim.url), {"open": recorded})
    with visitor_at(chromium, str(serve(**at(sim)).base_url), width=390) as visitor:
        page = visitor.page
        expect(page.get_by_role("status")).to_have_text("1 件に対応が必要です")
        note(
            warehouse,
            sim.url,
            Outcome("refused", "GET /space/activities: 401", cause="key_refused"),
            0,
        )
        sentence = page.get_by_role("status")
        expect(sentence).to_have_text("acme にアクセスを拒否されています")
        expect(sentence).to_have_class("sentence bad")
        expect(page.locator("#facts")).to_contain_text(
            "期限切れ、または別のスペースのものです(GET /space/activities: 401)"
        )
        attention = page.get_by_role("region", name="対応が必要")
        expect(attention.get_by_role("listitem").filter(has_text=f"{check} ")).to_be_visible()
        expect(attention.get_by_role("listitem").filter(has_text="GET /issues: 500")).to_have_count(
            1
        )
        expect(
            attention.get_by_role("listitem").filter(has_text="コメント OPS, 課題 OPS 失敗")
        ).to_be_visible()
        # On a phone result and error are in sight.
        run = runs(page).filter(has_text="GET /issues: 500").locator("summary")
        for cell in (run.get_by_text("失敗", exact=True), run.get_by_text("GET /issues: 500")):
            box = cell.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        assert page.evaluate(
            "[...document.querySelectorAll('.wide')].every(one => "
            "one.scrollWidth <= one.clientWidth)"
        )

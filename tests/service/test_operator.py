"""The ways of an operator on the page: see how it stands, start, watch, cancel, look at a failure;
by keyboard, on a phone.
"""

import re
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from resources.problems.causes import Failure
from resources.problems.problem import Problem
from resources.warehouse.history.history_writer import note_progress
from resources.warehouse.state.heartbeats import alerts_of, beat
from resources.warehouse.state.sync_state import record_project_failures
from simulator import Simulator
from tests.browser import Chromium, visitor_at
from tests.databases import execute
from tests.service.conftest import DagsterStandIn, Log, Serve, at
from tests.service.test_overview import projects as projects  # the fixture

pytestmark = pytest.mark.full


@pytest.fixture
def place(serve: Serve, sim: Simulator, projects: Log, warehouse: Engine) -> str:
    """Return where a service is whose space has projects in every state, and an open alert."""
    execute(warehouse, f"UPDATE ops.spaces SET url = '{sim.url}'")
    alert = {
        "key": "check/raw",
        "code": "check_red",
        "parameters": {"subject": "raw/issues: keys_are_unique", "said": "2 rows"},
        "times": 3,
        "since": datetime.now(UTC).isoformat(),
        "run_id": "run-9",
    }
    beat(warehouse, alerts_of(sim.url), {"open": [alert]})
    projects.done("issues", run="run-1", project="OPS", items=41)
    projects.done("comments", run="run-1", project="OPS", error="GET /issues/1/comments: 500")
    return str(serve(**at(sim)).base_url)


def complaints(page: Page) -> list[str]:
    """Return what axe finds on a page, with all of it open, in light and in dark colours."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [
            f"{scheme}: {one['id']}: {one['nodes'][0]['html']}"
            for one in Axe().run(page).response["violations"]
        ]
    return found


@pytest.mark.parametrize("width", [1600, 390])
@pytest.mark.parametrize("locale", ["ja-JP", "en-US"])
def test_all_that_an_operator_asks_is_there_for_every_eye(
    chromium: Chromium,
    place: str,
    dagster: DagsterStandIn,
    warehouse: Engine,
    projects: Log,
    locale: str,
    width: int,
) -> None:
    dagster.works("issues", "run-3")
    with (
        projects.alive(run="run-3", project="WEB", mode="backfill") as number,
        visitor_at(chromium, place, locale=locale, width=width) as visitor,
    ):
        note_progress(warehouse, number, 300, 2_000)
        page, japanese = visitor.page, locale == "ja-JP"
        expect(page.locator("#projects tbody tr")).to_have_count(4)
        expect(
            page.get_by_text("残り約" if japanese else "left", exact=False).first
        ).to_be_visible()
        expect(page.locator("#bars i")).to_have_count(48)
        counts = "最新 1 / 3 · 一致 1 / 3" if japanese else "fresh 1 / 3 · equal 1 / 3"
        expect(page.locator("#project-counts")).to_have_text(counts)
        expect(page.locator("#facts")).to_contain_text("次の定期実行" if japanese else "next at")
        expect(page.locator("#limits tbody tr")).not_to_have_count(0)
        web = page.locator("#projects tbody tr").filter(has_text="WEB")
        expect(web).to_contain_text("2 件が不一致" if japanese else "2 rows differ")
        expect(web).to_contain_text("GET /issues: 500")
        expect(web).to_contain_text("look")  # a note that has no words of the page
        attention = page.get_by_role("region", name="対応が必要" if japanese else "Needs attention")
        expect(attention).to_contain_text(
            "該当する行が分かります" if japanese else "it shows the rows"
        )
        line = attention.get_by_role("listitem").filter(has_text="keys_are_unique")
        line.locator("summary").click()
        expect(line.get_by_role("link")).to_have_attribute("href", f"{dagster.url}/runs/run-9")
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert visitor.noted == []


def test_a_fresh_project_says_why_a_later_load_failed_and_the_day_has_its_bars(
    chromium: Chromium, place: str, warehouse: Engine
) -> None:
    with warehouse.begin() as connection:
        record_project_failures(
            connection, "acme", "issues", [300], Failure("not_allowed", "GET /issues: 403")
        )
        connection.exec_driver_sql(
            "UPDATE ops.sync_history SET started_at = now() - interval '95 minutes', "
            "ended_at = now() - interval '2 minutes'"
        )
    with visitor_at(chromium, place, locale="en-US") as visitor:
        ops = visitor.page.locator("#projects tbody tr").filter(has_text="OPS")
        freshness = ops.get_by_role("cell").nth(1)
        expect(freshness.locator(".failed")).to_have_text("fresh")
        expect(freshness).to_contain_text(re.compile(r"\b\d min ago"))
        expect(freshness.locator(".how")).to_have_text(
            [
                "histories 1 / 2",
                "the user lacks the permission (GET /issues: 403)",
            ]
        )
        day = visitor.page.get_by_role("img", name="Last 24 hours: at work in")
        expect(day.locator("i.failed")).to_have_count(1)
        assert day.locator("i.completed").count() in (3, 4)
        expect(day).to_have_accessible_name(re.compile("1 failed$"))


def test_an_operator_starts_watches_and_cancels_with_the_keyboard(
    chromium: Chromium, place: str, dagster: DagsterStandIn
) -> None:
    with visitor_at(chromium, place, locale="en-US", width=390) as visitor:
        page = visitor.page
        page.get_by_role("button", name="Sync all").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Start a sync?")
        expect(dialog).to_contain_text("of all projects")
        assert complaints(page) == []
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        banner = page.get_by_role("status").filter(has_text="issues (incremental)")
        expect(banner).to_contain_text("waiting in the queue")
        expect(banner.get_by_role("link")).to_have_attribute(
            "href", f"{dagster.url}/runs/11111111-2222"
        )
        page.reload()
        expect(banner).to_contain_text("waiting in the queue")
        button = page.get_by_role("button", name="Cancel issues")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Cancel the run?")).to_contain_text(
            "What it has read stays"
        )
        page.get_by_role("button", name="Cancel the run").click()
        expect(banner).to_contain_text("The sync is being canceled")
        expect(page.get_by_role("region", name="Running")).to_contain_text("canceling")
        expect(button).to_have_count(0)
        dagster.answers["runsOrError"]["results"].clear()
        dagster.ended("issues", "11111111-2222", status="CANCELED")
        expect(banner).to_contain_text("The sync was canceled. 0 rows")
        expect(page.locator("#runs > li").filter(has_text="canceled")).to_have_count(1)


def test_a_run_that_has_ended_is_said_to_have_and_a_click_mends_a_problem(
    chromium: Chromium, place: str, dagster: DagsterStandIn, warehouse: Engine, sim: Simulator
) -> None:
    dagster.works("issues", "run-7")
    months = "OPS|2020-10 … OPS|2026-12"
    of = {"subject": "raw/issues", "said": "GET /issues: 400", "partition": months}
    problem = Problem("backfill/issue_tables/OPS", "backfill_failed", of).as_json()
    beat(warehouse, alerts_of(sim.url), {"open": [problem]})
    with visitor_at(chromium, place) as visitor:
        page = visitor.page
        page.get_by_role("button", name="課題 を中止").click()
        dagster.answers["runsOrError"]["results"].clear()
        dagster.ended("issues", "run-7", status="SUCCESS")
        page.get_by_role("button", name="中止する").click()
        ended = page.get_by_role("status").filter(has_text="この実行はすでに終わっています。")
        expect(ended).to_have_class("news warn")
        line = page.locator("#attention li").filter(has_text="OPS、75 か月分")
        line.get_by_role("button", name="失敗した分を読み直す").click()
        page.get_by_role("dialog").get_by_role("button", name="始める").click()
        started = page.get_by_role("status").filter(has_text="失敗したパーティションの再実行")
        expect(started).to_contain_text("順番を待っています")
        [launched] = dagster.launched
        assert launched["selector"]["jobName"] == "retry_failed_partitions"


def test_a_project_is_synced_from_its_line_and_a_run_opens_to_its_tables(
    chromium: Chromium, place: str, dagster: DagsterStandIn, projects: Log
) -> None:
    with visitor_at(chromium, place) as visitor:
        page = visitor.page
        failed = page.locator("#runs > li").filter(has_text="GET /issues/1/comments: 500")
        expect(failed).to_contain_text("失敗")
        failed.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(failed.get_by_role("row")).to_have_count(3)
        expect(failed.get_by_role("row").filter(has_text="コメント")).to_contain_text("500")
        projects.done("users", run="run-2")
        expect(page.locator("#runs > li")).to_have_count(2)
        expect(failed.get_by_role("row")).to_have_count(3)
        expect(failed.locator("summary")).to_be_focused()
        page.get_by_text("絞り込み").click()
        for name, value, count in [
            ("種類", "users", 1),
            ("種類", "", 2),
            ("プロジェクト", "OPS", 1),
            ("結果", "completed", 0),
        ]:
            page.locator("#filters").get_by_label(name).select_option(value)
            expect(page.locator("#runs > li")).to_have_count(count)
        # What one project has changed is read without a question.
        page.get_by_role("button", name="OPS の課題を同期").click()
        expect(page.get_by_role("status").filter(has_text="課題 OPS(差分)")).to_contain_text(
            "順番を待っています"
        )
        assert len(dagster.launched) == 1

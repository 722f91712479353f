"""The page at rest, and what an operator does in place: reads a log, pauses a sensor."""

import re
import socket
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, text

from simulator import Simulator
from tests.browser import Chromium, visitor_at
from tests.service.conftest import API, DagsterStandIn, Log, Serve, at
from tests.service.test_overview import projects as projects  # the fixture

#: Milliseconds in which a page at rest is watched, and the seconds of a core that it may take.
WATCHED, CORE_SECONDS = 16_000, 0.16


@pytest.mark.full
def test_at_rest_the_page_asks_once_in_five_seconds_and_takes_little(
    chromium: Chromium, serve: Serve, sim: Simulator, projects: Log
) -> None:
    for number in range(60):
        projects.done("issues", run=f"run-{number}", project="OPS")
    with visitor_at(chromium, str(serve(**at(sim)).base_url)) as visitor:
        page = visitor.page
        expect(page.locator("#runs > li")).to_have_count(50)
        page.wait_for_timeout(1_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def core_seconds() -> float:
            found = session.send("Performance.getMetrics")["metrics"]
            [spent] = [one["value"] for one in found if one["name"] == "TaskDuration"]
            return float(spent)

        before = core_seconds()
        page.wait_for_timeout(WATCHED)
        assert core_seconds() - before < CORE_SECONDS
        assert {re.sub(r"^[^/]*//[^/]*|\?.*$", "", url) for url in asked} == {f"{API}/page"}
        assert len(asked) in (3, 4)


def test_small_runs_that_went_well_are_one_line_and_open_to_each(
    chromium: Chromium, serve: Serve, sim: Simulator, log: Log, warehouse: Engine
) -> None:
    for number in range(5):
        log.done("issues", mode="targeted", run=f"targeted-{number}", items=0)
    log.done("issues", mode="targeted", run="failed", error="GET /issues: 500")
    log.done("issues", mode="incremental", run="scheduled")
    for number in range(12):
        log.done("issues", mode="targeted", run=f"later-{number}", items=1)
    with warehouse.begin() as connection:
        connection.execute(
            text(
                "UPDATE ops.sync_history SET started_at = started_at - CAST(:age AS interval), "
                "ended_at = ended_at - CAST(:age AS interval) WHERE run_id LIKE 'targeted-%'"
            ),
            {"age": timedelta(hours=3)},
        )
    with visitor_at(chromium, str(serve(**at(sim)).base_url), locale="en-US") as visitor:
        page = visitor.page
        lines = page.locator("#runs > li")
        expect(lines).to_have_count(4)
        recent, scheduled, failed, old = (lines.nth(number) for number in range(4))
        expect(recent).to_contain_text("just nowtargeted synclast hour: 12")
        expect(recent).to_contain_text("12 rows")
        expect(scheduled.locator("summary")).to_contain_text("issues")
        expect(failed).to_contain_text("Failed")
        expect(old).to_contain_text("3 hr agotargeted sync5 runs")
        expect(old.locator("summary").first).not_to_contain_text("rows")
        recent.locator("summary").first.click()
        expect(recent.locator("li")).to_have_count(12)
        stamp = scheduled.locator("summary time")
        expect(stamp).to_have_attribute("title", re.compile(r"2\d{3} at \d+:\d\d:\d\d"))
        # Whoever looks for something sees each.
        page.get_by_text("Filter", exact=True).click()
        page.get_by_label("Result").select_option("completed")
        expect(lines).to_have_count(18)


def test_a_log_is_read_a_sensor_resumed_and_one_that_is_gone_is_said_in_place(
    chromium: Chromium, serve: Serve, sim: Simulator, dagster: DagsterStandIn
) -> None:
    run = dagster.works("issues", "run-7")
    dagster.logs(run, "reading the issues of OPS")
    with visitor_at(chromium, str(serve(**at(sim)).base_url)) as visitor:
        page = visitor.page
        card = page.get_by_role("region", name="実行中")
        card.get_by_text("ログ", exact=True).click()
        expect(card.locator(".lines p")).to_have_text(re.compile("reading the issues of OPS"))
        dagster.logs(run, "40 of 100 issues", later=True)
        expect(card.locator(".lines")).to_contain_text("40 of 100 issues")
        assert visitor.noted == []
        facts = page.locator("#facts")
        expect(facts).to_contain_text("停止中の定期実行 1")
        page.get_by_text("定期実行とセンサー").click()
        page.get_by_role("button", name="アクティビティの監視 を再開").click()
        expect(page.get_by_role("button", name="アクティビティの監視 を停止")).to_be_visible()
        expect(facts).not_to_contain_text("停止中の定期実行")
        dagster.answers["repositoryOrError"]["schedules"].clear()
        page.get_by_role("button", name="課題 を停止").click()
        gone = page.get_by_role("status").filter(has_text="Dagster にもうありません。")
        expect(gone).to_contain_text("課題")
        expect(page.get_by_role("button", name="課題 を停止")).to_have_count(0)


def test_a_dagster_that_does_not_answer_is_one_line_and_the_rest_works(
    chromium: Chromium, serve: Serve, sim: Simulator, projects: Log
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        service = serve(**at(sim), BACKLOG_DAGSTER_URL=url)
        with visitor_at(chromium, str(service.base_url)) as visitor:
            page = visitor.page
            expect(page.get_by_role("status")).to_have_text(
                "Dagster が応答しません。定期実行は止まっています"
            )
            expect(page.locator("#projects tbody tr")).to_have_count(4)
            expect(page.get_by_role("alert")).to_be_hidden()

"""The report as people use it: what is overdue for a team, and on to Backlog; by keyboard, on a phone, in two languages."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from assets.marts.report import report
from assets.marts.report_data import packed
from resources.warehouse.connect import engine
from simulator import Simulator, SpaceSpec
from tests.assets.marts.test_report import unpacked
from tests.browser import Chromium, Reader, reader
from tests.deployment import Deployment, quiet

pytestmark = pytest.mark.xdist_group("browser")

SPACE = SpaceSpec(seed=11, users=8, projects=3, issues=150, history_days=200)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture(scope="module")
def built(shared_warehouse_url: str) -> Iterator[Deployment]:
    """Return a deployment that is loaded and has its marts; the tests share it."""
    made = engine(shared_warehouse_url)
    with Simulator(SPACE) as sim, dg.DagsterInstance.ephemeral() as instance:
        deployment = Deployment(sim, shared_warehouse_url, made, instance, sim.api_key, quiet())
        deployment.load().run("marts")
        yield deployment
    made.dispose()


@pytest.fixture(scope="module")
def file(built: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of all projects."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report(built.engine, TOKYO), encoding="utf-8")
    return path


def opened(somebody: Reader, file: Path) -> Page:
    page = somebody.open(file)
    settled(page)
    return page


def settled(page: Page) -> None:
    page.locator("body[data-drawing=no]").wait_for()


def test_a_manager_finds_what_is_overdue_for_a_team_and_follows_it_to_backlog(
    chromium: Chromium, built: Deployment, file: Path
) -> None:
    teams = built.query(
        "SELECT t.name, i.issue_key, i.url FROM raw.teams AS t JOIN mart.issue_now AS i ON i.assignee_id = ANY(t.member_ids) "
        "WHERE i.is_overdue AND t.deleted_at IS NULL"
    )
    team = next(str(row["name"]) for row in teams)
    late = {str(row["issue_key"]): str(row["url"]) for row in teams if row["name"] == team}
    with reader(chromium, width=1600) as somebody:
        page = opened(somebody, file)
        page.set_default_timeout(20_000)
        page.get_by_label("チーム").select_option(label=team)
        settled(page)
        expect(page.locator("#card-overdue .answer")).to_contain_text(f"{len(late)} 件")
        if page.locator("#table-overdue button.more").count():
            page.locator("#table-overdue button.more").click()
        links = page.locator("#table-overdue tbody a")
        expect(links).to_have_count(len(late))
        assert {link.inner_text(): link.get_attribute("href") for link in links.all()} == late
        assert links.first.get_attribute("rel") == "noopener noreferrer"
        page.reload()
        expect(page.locator("#card-overdue .answer")).to_contain_text(f"{len(late)} 件")
        expect(page.get_by_label("チーム").locator("option:checked")).to_have_text(team)
        page.get_by_role("button", name="絞り込みを解除").click()
        [everybody] = built.query("SELECT count(*) AS n FROM mart.issue_now WHERE is_overdue")
        expect(page.locator("#card-overdue .answer")).to_contain_text(f"{everybody['n']} 件")
        assert somebody.noted == []


def test_the_page_says_what_the_marts_say_of_load_and_plan(chromium: Chromium, built: Deployment, file: Path) -> None:
    [load] = built.query("SELECT sum(hours)::float8 AS laid, sum(undated_hours)::float8 AS undated FROM mart.upcoming_load")
    [plan] = built.query(
        "SELECT sum(planned_hours)::float8 AS planned, sum(actual_hours)::float8 AS actual FROM mart.plan_actual_monthly "
        "WHERE month = date_trunc('month', now() AT TIME ZONE 'Asia/Tokyo')"
    )
    with reader(chromium, width=1600) as somebody:
        page = opened(somebody, file)
        left = number(page.locator("#card-load .answer b").inner_text())
        assert left == pytest.approx(load["laid"] + load["undated"], abs=1)
        actual, planned = page.locator("#card-plan .answer b").inner_text().split("/")
        assert number(actual) == pytest.approx(plan["actual"] or 0, abs=1)
        assert number(planned) == pytest.approx(plan["planned"] or 0, abs=1)


def test_milestones_end_on_the_page_when_the_mart_says(chromium: Chromium, built: Deployment, file: Path) -> None:
    said = built.query(
        "SELECT b.project_key || ' ' || b.milestone AS name, b.projected_done_on AS done, b.day FROM mart.milestone_burn AS b "
        "JOIN mart.milestone_summary AS s ON s.milestone_id = b.milestone_id AND NOT s.archived "
        "WHERE b.is_last AND b.scope > b.done AND b.day = (SELECT max(day) FROM staging.space_today)"
    )
    with reader(chromium, width=1600) as somebody:
        page = opened(somebody, file)
        # As if it was opened on the day of the newest change, to which the mart counts.
        ends = page.evaluate(
            "day => { DATA.today = day; return milestones(selection()).map("
            "one => [`${one.project} ${one.name}`, isFinite(one.end) ? iso(one.end) : null]); }",
            (said[0]["day"] - date(1970, 1, 1)).days,
        )
    assert sum(row["done"] is not None for row in said) >= 2
    assert {row["name"]: row["done"] and row["done"].isoformat() for row in said}.items() <= dict(ends).items()


def number(said: str) -> float:
    return float("".join(one for one in said if one.isdigit() or one == "."))


def test_every_chart_has_its_table_and_tables_are_sorted_by_keyboard(chromium: Chromium, file: Path) -> None:
    with reader(chromium, width=1600) as somebody:
        page = opened(somebody, file)
        shown = page.locator("figure.chart:not(.nothing)")
        assert shown.count() >= 8
        for figure in shown.all():
            assert figure.locator(".plot > svg").count() == 1
            assert figure.locator(".plot").get_attribute("role") == "img"
            assert figure.locator(".plot").get_attribute("aria-label")
            figure.locator("summary").click()
            expect(figure.locator("tbody tr").first).to_be_visible()
        head = page.locator("#table-overdue th").filter(has_text="超過日数")
        for order in ("descending", "ascending"):
            head.get_by_role("button").focus()
            page.keyboard.press("Enter")
            expect(head).to_have_attribute("aria-sort", order)
            days = [int(cell.inner_text().replace(",", "")) for cell in page.locator("#table-overdue tbody td:nth-child(8)").all()]
            assert days == sorted(days, reverse=order == "descending")
        assert somebody.noted == []


def test_one_language_at_a_time_light_or_dark_and_axe_finds_nothing(chromium: Chromium, file: Path) -> None:
    for width, locale, scheme in ((1600, "ja-JP", "light"), (390, "en-US", "dark")):
        # axe is a script of its own, which the policy of the page would refuse.
        with chromium.window(width, 1000, locale=locale, color_scheme=scheme, bypass_csp=True) as page:
            page.goto(file.as_uri())
            settled(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "wide things scroll in themselves"
            for _ in ("as the browser asks", "the other"):
                japanese = page.evaluate("document.documentElement.lang") == "ja"
                expect(page.get_by_role("heading", name="滞留している課題は?" if japanese else "What is stuck?")).to_be_visible()
                violations = Axe().run(page).response["violations"]
                assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations] == []
                page.locator("#language").click()
                page.locator("#theme").click()
                settled(page)


def test_archived_milestones_are_shown_when_asked_for(chromium: Chromium, built: Deployment, file: Path) -> None:
    rows = built.query("SELECT project_key, milestone, archived FROM mart.milestone_summary WHERE NOT is_deleted")
    archived = [row for row in rows if row["archived"]]
    assert archived
    with reader(chromium, width=1600) as somebody:
        page = opened(somebody, file)
        assert page.get_by_role("cell", name="(アーカイブ済み)").count() == 0
        page.get_by_label("アーカイブ済みのマイルストーンも").check()
        settled(page)
        page.locator("#table-milestones button.more").click()
        expect(page.locator("#table-milestones tbody tr")).to_have_count(len(rows))


def with_data(file: Path, data: dict[str, Any], path: Path) -> Path:
    """Write the page with other data, and return where it is."""
    path.write_text(re.sub(r'(?<=id="data">)[A-Za-z0-9+/=]+', packed(data), file.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def test_a_report_says_whose_history_is_not_complete(chromium: Chromium, file: Path, tmp_path: Path) -> None:
    data = unpacked(file.read_text(encoding="utf-8"))
    assert {row["history_share"] for row in data["sync"]} == {1}
    with reader(chromium) as somebody:
        expect(opened(somebody, file).locator("#notes")).to_be_hidden()
        data["sync"][0]["history_share"] = 0.25
        page = opened(somebody, with_data(file, data, tmp_path / "partly.html"))
        key = data["sync"][0]["project_key"]
        expect(page.locator("#notes")).to_have_text(
            f"コメントと変更履歴がまだそろっていないプロジェクトがあります: {key}。過去の値はこれから変わります。"
        )


def test_a_report_with_nothing_in_it_says_so(chromium: Chromium, file: Path, tmp_path: Path) -> None:
    data = unpacked(file.read_text(encoding="utf-8"))
    for name in ("issues", "flow", "burn", "effort", "reopened", "changes"):
        data[name] = {key: [] for key in data[name]}
    data |= {"total": 0, "projects": [], "types": [], "people": [""], "teams": [], "statuses": [], "milestones": [], "sync": []}
    with reader(chromium) as somebody:
        page = opened(somebody, with_data(file, data, tmp_path / "nothing.html"))
        expect(page.get_by_text("課題がまだありません。")).to_be_visible()
        assert page.get_by_text("データなし").count() > 10
        assert somebody.noted == []

"""The report of a space in which there is nothing yet, as a browser shows it."""

from pathlib import Path

import dagster as dg
from playwright.sync_api import expect

from assets.marts.report import report
from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.browser import Chromium, reader
from tests.deployment import Deployment, quiet
from tests.integration.conftest import NewDatabase
from tests.integration.report.report_page import TOKYO, opened


def test_a_space_without_issues_has_marts_and_a_report_that_says_so(
    chromium: Chromium, new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database()
    made = engine(url)
    with (
        Simulator(SpaceSpec(seed=4, users=6, projects=2, issues=0)) as sim,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        assert (
            Deployment(sim, url, made, instance, sim.api_key, quiet()).load().run("marts").success
        )
        (tmp_path / "report.html").write_text(report(made, TOKYO), encoding="utf-8")
    made.dispose()
    with reader(chromium) as somebody:
        page = opened(somebody, tmp_path / "report.html")
        expect(page.get_by_text("課題がまだありません。")).to_be_visible()
        assert page.get_by_text("データなし").count() > 10
        expect(page.get_by_label("チーム").locator("option")).to_have_text(["すべて"])
        assert somebody.noted == []

"""The report and the charts of a build of a loaded space: numbers of the source, escaped, of one project on request."""

import base64
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import dagster as dg
import httpx
import pytest
from sqlalchemy import Engine

from assets.marts.charts.catalogue import CHARTS
from assets.marts.charts.words import duration
from assets.marts.report import NoMartsError, report
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.connect import engine
from resources.warehouse.errors import WarehouseBusyError
from resources.warehouse.history import fail_sync, start_sync
from resources.warehouse.locks import Locks
from resources.warehouse.run_log import RunEnd, record_ends
from resources.warehouse.sync_log import summary
from service.app import create_app
from simulator import Simulator, SpaceSpec
from tests.deployment import Deployment, Run, quiet
from tests.ports import free_port
from tests.service.conftest import running

TOKYO = ZoneInfo("Asia/Tokyo")
TWO_PROJECTS = SpaceSpec(seed=5, users=4, projects=2, issues=30, history_days=90)
SCRIPT = "<script>alert('読める')</script> & <b>"
IN_PROGRESS, CLOSED = 2, 4


@pytest.fixture(scope="module")
def built(shared_warehouse_url: str) -> Iterator[tuple[Deployment, Run]]:
    """Return a deployment that is loaded and has its marts, and the run that built them; the tests share it."""
    made = engine(shared_warehouse_url)
    with Simulator(TWO_PROJECTS) as sim, dg.DagsterInstance.ephemeral() as instance:
        author = min(sim.space.users)
        issue = sim.space.create_issue("OPS", by=author, at=datetime(2020, 1, 1, tzinfo=UTC), summary=SCRIPT)
        sim.space.edit_issue(issue, by=author, at=datetime(2020, 1, 2, tzinfo=UTC), status_id=IN_PROGRESS)
        done = sim.space.create_issue("WEB", by=author, at=datetime(2026, 6, 1, tzinfo=UTC), actual_hours=7.25)
        sim.space.edit_issue(done, by=author, at=datetime(2026, 6, 2, tzinfo=UTC), status_id=IN_PROGRESS)
        sim.space.edit_issue(done, by=author, at=datetime(2026, 6, 5, tzinfo=UTC), status_id=CLOSED)
        deployment = Deployment(sim, shared_warehouse_url, made, instance, sim.api_key, quiet())
        yield deployment, deployment.load().run("marts")
    made.dispose()


def plain(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_each_mart_with_a_chart_has_it_at_its_materialization(built: tuple[Deployment, Run]) -> None:
    _, run = built
    assert run.success
    found = {
        event.asset_key.path[-1]: event.materialization.metadata["chart"]
        for event in run.events
        if event.is_step_materialization and event.asset_key and "chart" in event.materialization.metadata
    }
    expected = {chart.mart: chart.title for chart in CHARTS}
    assert found.keys() == expected.keys()
    for mart, title in expected.items():
        assert isinstance(found[mart], dg.MarkdownMetadataValue)
        picture = re.fullmatch(r"!\[(.+)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", str(found[mart].value))
        assert picture
        assert picture[1] == title
        assert base64.b64decode(picture[2]).decode().startswith("<svg ")


def test_the_page_has_the_numbers_of_the_source_in_both_languages(built: tuple[Deployment, Run]) -> None:
    deployment, _ = built
    page = report(deployment.engine, TOKYO)
    said = plain(page)
    space = deployment.sim.space
    for project in space.projects.values():
        issues = [issue for issue in space.issues.values() if issue.project_id == project.id]
        assert re.search(rf"{project.key} {re.escape(project.name)} {len(issues)} ", said)
    total = sum((Decimal(str(issue.actual_hours)) for issue in space.issues.values() if issue.actual_hours is not None), Decimal(0))
    assert f"合計 total: {total:,.1f} h" in said
    assert page.count("<svg ") == len(CHARTS)
    for heading in (
        "プロジェクト",
        "Projects",
        "マイルストーン",
        "Milestones",
        "仕掛中",
        "Work in progress",
        "実績時間",
        "Hours",
        "同期",
        "Sync",
    ):
        assert heading in said
    assert "✓ 一致 equal" in said
    query = "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY cycle_seconds) AS half FROM mart.issue WHERE NOT is_deleted"
    [cycle] = deployment.query(query)
    assert f"50 %: {duration(cycle['half'])}" in said


def test_what_came_from_the_source_is_escaped_and_nothing_is_asked_of_the_network(built: tuple[Deployment, Run]) -> None:
    deployment, _ = built
    page = report(deployment.engine, TOKYO)
    assert "<script" not in page
    assert set(re.findall(r"https?://[^\"' ]+", page)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "&lt;script&gt;alert(&#39;読める&#39;)&lt;/script&gt; &amp; &lt;b&gt;" in page


def test_the_report_of_a_project_leaves_out_the_others_and_an_unknown_key_names_the_known_ones(
    built: tuple[Deployment, Run],
) -> None:
    deployment, _ = built
    said = plain(report(deployment.engine, TOKYO, "WEB"))
    assert "WEB" in said
    assert "OPS" not in said
    with pytest.raises(SettingsError, match=r"--project is 'NOPE': expected the key of a project in the marts \(OPS, WEB\)"):
        report(deployment.engine, TOKYO, "NOPE")
    with pytest.raises(SettingsError):
        report(deployment.engine, TOKYO, "' OR true --")


def test_a_report_waits_for_a_build_whose_marts_come_one_by_one(built: tuple[Deployment, Run]) -> None:
    deployment, _ = built
    told: list[str] = []
    with Locks(deployment.engine, "all spaces", "build of run 3f2a9c1e") as build:
        build.acquire("marts")
        with pytest.raises(WarehouseBusyError):
            report(deployment.engine, TOKYO, turn_seconds=0.3, waiting=told.append)
    [holder] = told
    assert holder.startswith("build of run 3f2a9c1e, process ")


def test_without_marts_the_report_says_what_to_do(warehouse: Engine) -> None:
    with pytest.raises(NoMartsError, match="There are no marts to report on: build them"):
        report(warehouse, TOKYO)


def test_page_metrics_status_report_and_marts_count_the_same(built: tuple[Deployment, Run]) -> None:
    deployment, _ = built
    before = freshness(deployment)
    assert deployment.run_issues(mode="targeted").success
    after = freshness(deployment)
    for table, moment in after.items():
        assert moment > before[table], f"{table}: a sync of issues that were named is a success, too"
    failed = start_sync(deployment.engine, space_key="acme", sync_type="issues", mode="backfill", run_id="bad", projects=["OPS"])
    fail_sync(deployment.engine, failed, "GET /issues: 500")
    now = datetime.now(UTC)
    record_ends(deployment.engine, "acme", [RunEnd("killed", "issues", now, now, "the worker was killed")])

    # Nobody answers there: runs of another deployment on this machine are none of this one.
    nowhere = {"WAREHOUSE_URL": deployment.warehouse_url, "BACKLOG_DAGSTER_URL": f"http://127.0.0.1:{free_port()}"}
    with running(create_app(Settings.from_env(nowhere))) as url:
        stats = httpx.get(f"{url}/api/v1/sync/monitor/stats").json()
        metrics = httpx.get(f"{url}/metrics").text
        last_success = httpx.get(f"{url}/api/v1/sync/connection/status").json()["last_success_at"]
    total, of_issues = stats["total"], next(one for one in stats["by_type"] if one["type"] == "issues")
    # Of the load three runs, one of single issues, and the two that failed.
    assert [total[name] for name in ("runs", "completed", "failed")] == [6, 4, 2]
    assert total["success_rate"] == pytest.approx(4 / 6)
    assert 'backlog_elt_runs_24h{status="failed"} 2.0' in metrics
    assert f'backlog_elt_syncs_24h{{status="failed",type="issues"}} {of_issues["syncs_failed"]:.1f}' in metrics
    assert "Last 24 hours: 6 runs, 2 failed, 66.7 % success" in plain(report(deployment.engine, TOKYO))
    day = asdict(summary(deployment.engine, "acme").last_24h)
    assert {name: day[name] for name in day if name != "sync_type"} == {name: total[name] for name in day if name != "sync_type"}
    sums = ", ".join(f"sum({name})::int AS {name}" for name in ("syncs", "syncs_completed", "syncs_failed", "requests"))
    marts = {row["sync_type"]: dict(row) for row in deployment.query(f"SELECT sync_type, {sums} FROM mart.sync_stats GROUP BY 1")}
    for one in stats["by_type"]:
        row = marts.pop(one["type"])
        assert {name: one[name] for name in row if name != "sync_type"} | {"sync_type": one["type"]} == row
    assert marts == {}
    assert max(after.values()) == datetime.fromisoformat(last_success)
    [error] = {row["last_error"] for row in deployment.query("SELECT * FROM mart.sync_freshness WHERE table_name = 'issues'")}
    assert error == "the worker was killed"


def freshness(deployment: Deployment) -> dict[str, datetime]:
    """Return when issues, comments and their changes last succeeded; each is newer than the newest change of its rows."""
    query = "SELECT * FROM mart.sync_freshness WHERE project_key = 'OPS' AND table_name IN ('issues', 'comments', 'issue_changes')"
    found = {str(row["table_name"]): row for row in deployment.query(query)}
    for row in found.values():
        assert row["last_success_at"] >= row["newest_row_at"]
    return {table: row["last_success_at"] for table, row in found.items()}

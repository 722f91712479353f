"""The report and the charts of a build of a loaded space: numbers of the source, escaped, of one
project on request.
"""

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import dagster as dg
import httpx
import pytest
from sqlalchemy import Engine

from assets.marts.charts.catalogue import CHARTS
from assets.marts.charts.words import clean
from assets.marts.report import NEEDED, NoMartsError, notes_of, report
from assets.marts.report_data import OPEN_ONLY, collect
from pipelines.cli.report_command import write_report
from resources.problems.causes import Failure
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.history.history_writer import RunEnd, fail_sync, record_ends, start_sync
from resources.warehouse.history.sync_outcomes import summary
from resources.warehouse.server.connect import engine
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_errors import WarehouseBusyError
from service.app import create_app
from simulator import Simulator, SpaceSpec
from tests.databases import execute
from tests.deployment import Deployment, Run, quiet
from tests.instances import in_memory
from tests.ports import free_port
from tests.service.conftest import running

pytestmark = pytest.mark.full

TOKYO = ZoneInfo("Asia/Tokyo")
TWO_PROJECTS = SpaceSpec(seed=5, users=4, projects=2, issues=30, history_days=90)
SCRIPT = "<script>alert('読める')</script> & <b>"
IN_PROGRESS, CLOSED = 2, 4


@pytest.fixture(scope="module")
def built(shared_warehouse_url: str) -> Iterator[tuple[Deployment, Run]]:
    """Return a deployment that is loaded and has its marts, and the run that built them; the tests
    share it.
    """
    made = engine(shared_warehouse_url)
    with Simulator(TWO_PROJECTS) as sim, in_memory() as instance:
        author = min(sim.space.users)
        old, done = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
        issue = sim.space.create_issue("OPS", by=author, at=old, summary=SCRIPT)
        sim.space.edit_issue(issue, by=author, at=old + timedelta(1), status_id=IN_PROGRESS)
        issue = sim.space.create_issue("WEB", by=author, at=done, actual_hours=7.25)
        for days, status in ((1, IN_PROGRESS), (4, CLOSED)):
            sim.space.edit_issue(issue, by=author, at=done + timedelta(days), status_id=status)
        deployment = Deployment(sim, shared_warehouse_url, made, instance, sim.api_key, quiet())
        yield deployment, deployment.load().run("marts")
    made.dispose()


@pytest.fixture(scope="module")
def marts(built: tuple[Deployment, Run]) -> Deployment:
    """Return the deployment alone."""
    return built[0]


def unpacked(page: str) -> dict[str, Any]:
    """Return the data of a page."""
    [letters] = re.findall(r'id="data">([A-Za-z0-9+/=]+)</script>', page)
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(letters)))
    return found


def test_each_mart_with_a_chart_has_it_at_its_materialization(
    built: tuple[Deployment, Run],
) -> None:
    _, run = built
    assert run.success
    found = {
        event.asset_key.path[-1]: event.materialization.metadata["chart"]
        for event in run.events
        if event.is_step_materialization
        and event.asset_key
        and "chart" in event.materialization.metadata
    }
    pictures = {
        mart: re.fullmatch(r"!\[(.+)\]\(data:image/svg\+xml,([\w%/.~,:;=-]+)\)", str(chart.value))
        for mart, chart in found.items()
        if isinstance(chart, dg.MarkdownMetadataValue)
    }
    assert {mart: (one[1], unquote(one[2])[:5]) for mart, one in pictures.items() if one} == {
        chart.mart: (chart.title, "<svg ") for chart in CHARTS
    }


def test_the_page_has_the_numbers_of_the_source(marts: Deployment) -> None:
    data, space = unpacked(report(marts.engine, TOKYO)), marts.sim.space
    issues, keys = data["tables"]["issues"], [project["key"] for project in data["projects"]]
    assert data["missing"] == []
    assert data["total"] == len(issues["p"]) == len(space.issues)
    for project in space.projects.values():
        of_project = [issue for issue in space.issues.values() if issue.project_id == project.id]
        assert issues["p"].count(keys.index(project.key)) == len(of_project)
        assert next(one["name"] for one in data["projects"] if one["key"] == project.key) == clean(
            project.name
        )
    total = sum(
        (
            Decimal(str(issue.actual_hours))
            for issue in space.issues.values()
            if issue.actual_hours is not None
        ),
        Decimal(0),
    )
    assert sum(hours or 0 for hours in issues["actual"]) == pytest.approx(float(total))
    stages = [data["statuses"][status]["stage"] for status in issues["s"]]
    opened = len([stage for stage in stages if stage != "done"])
    assert stages == sorted(stages, key=lambda stage: stage == "done"), "open issues come first"
    assert {len(issues[name]) for name in (*OPEN_ONLY, "summary")} == {opened}
    assert all(row["is_equal"] for row in data["sync"])
    cycles = [minutes for minutes in issues["cycle"] if minutes is not None]
    [known] = marts.query(
        "SELECT count(cycle_seconds) AS n, max(cycle_seconds) AS most FROM "
        "mart.issue WHERE NOT is_deleted"
    )
    assert (len(cycles), max(cycles)) == (known["n"], known["most"] // 60)


def test_changes_of_a_week_are_counted_and_an_issue_was_done_by_who_closed_it(
    marts: Deployment,
) -> None:
    with marts.engine.connect() as connection:
        data = collect(
            connection, NEEDED | {"project_summary"}, None, datetime(2026, 6, 6, tzinfo=TOKYO)
        )
    counted, listed = Counter[str](), Counter(data["tables"]["changes"]["what"])
    for what, n in zip(
        data["tables"]["changed"]["what"], data["tables"]["changed"]["n"], strict=True
    ):
        counted["moved" if what == "earlier" else what] += n
    assert counted == listed
    [closed] = marts.query("SELECT issue_key FROM mart.issue WHERE actual_hours = 7.25")
    keys = [data["projects"][project]["key"] for project in data["tables"]["changes"]["p"]]
    rows = zip(
        keys, *(data["tables"]["changes"][name] for name in ("n", "what", "by")), strict=True
    )
    author = marts.sim.space.users[min(marts.sim.space.users)]
    assert [
        by for key, n, what, by in rows if (f"{key}-{n}", what) == (closed["issue_key"], "done")
    ] == [clean(author.name)]


def test_what_came_from_the_source_is_escaped_and_nothing_is_asked_of_the_network(
    marts: Deployment,
) -> None:
    page = report(marts.engine, TOKYO)
    assert "読める" not in page, (
        "texts of issues are in the packed data only, and the scripts write them as texts"
    )
    assert SCRIPT in unpacked(page)["tables"]["issues"]["summary"]
    assert page.count("<script") == page.count("</script>") == 3
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    allowed = re.findall(r"'sha256-[^']+'", policy.replace("&#39;", "'"))
    assert len(allowed) == 2, "the two scripts, and no other"
    assert "unsafe-eval" not in policy


def test_the_report_of_a_project_leaves_out_the_others(
    marts: Deployment,
) -> None:
    page = report(marts.engine, TOKYO, "WEB")
    data = unpacked(page)
    assert [project["key"] for project in data["projects"]] == ["WEB"]
    assert {row["project_key"] for row in data["sync"]} == {"WEB"}
    assert data["total"] == len(data["tables"]["issues"]["p"]) > 0
    for name in data["tables"]:
        assert set(data["tables"][name].get("p", [])) <= {0}
    assert "(acme) · WEB" in page
    with pytest.raises(
        SettingsError,
        match=r"--project is 'NOPE': expected the key of a project in the marts \(OPS, WEB\)",
    ):
        report(marts.engine, TOKYO, "NOPE")
    with pytest.raises(SettingsError):
        report(marts.engine, TOKYO, "' OR true --")


def test_a_report_notes_what_is_missing_left_out_or_not_read_yet() -> None:
    tables = {"issues": {"n": [1, 2]}, "changes": {"n": [1]}, "changed": {"n": [4]}}
    sync = [{"project_key": key, "history_share": share} for key, share in
            (("OPS", 0), ("WEB", 0.25), ("APP", 1), ("NEW", None))]  # fmt: skip
    data = {"tables": tables, "total": 3, "sync": sync}
    assert notes_of(data, ["forecast"]) == [
        ("note_missing", {"marts": "forecast"}),
        ("note_cut", {"n": 2, "all": 3}),
        ("note_changes", {"n": 1, "all": 4}),
        ("note_history", {"projects": "OPS, WEB"}),
    ]
    nothing: dict[str, Any] = {name: {"n": []} for name in tables}
    assert notes_of({"tables": nothing, "total": 0, "sync": None}, []) == [("note_empty", {})]


def test_a_report_waits_for_a_build_whose_marts_come_one_by_one(
    marts: Deployment,
) -> None:
    reported: list[str] = []
    with Locks(marts.engine, "all spaces", "build of run 3f2a9c1e") as build:
        build.acquire("marts")
        with pytest.raises(WarehouseBusyError):
            report(marts.engine, TOKYO, wait_seconds=0.3, say=reported.append)
    [said] = reported
    assert said.startswith("waiting for a build of the marts (build of run 3f2a9c1e, process ")


def test_without_marts_the_report_says_what_to_do(warehouse: Engine) -> None:
    with pytest.raises(NoMartsError, match="There are no marts to report on: build them"):
        report(warehouse, TOKYO)


#: A mart, as it is while marts are built for the first time.
ONE_MART = """
    CREATE SCHEMA mart;
    CREATE TABLE mart.project_summary AS SELECT 'acme' AS space_key, 1::bigint AS project_id,
    'OPS' AS project_key, '運用' AS project_name, false AS is_archived, false AS is_deleted,
    1 AS issues, 1 AS waiting, 0 AS active, 0 AS review, 0 AS done,
    0.0 AS estimated_hours, 0.0 AS actual_hours,
    null::float8 AS lead_seconds_median, null::float8 AS lead_seconds_p85,
    null::float8 AS cycle_seconds_median, null::float8 AS cycle_seconds_p85"""


def test_a_file_is_replaced_whole_or_stays_as_it_was(
    tmp_path: Path, warehouse: Engine, warehouse_url: str
) -> None:
    execute(warehouse, ONE_MART)
    settings, file = Settings.from_env({"WAREHOUSE_URL": warehouse_url}), tmp_path / "page.html"
    file.write_text("older")
    with pytest.raises(SettingsError, match="--project"):
        write_report(settings, "NOPE", file)
    assert file.read_text() == "older"
    assert write_report(settings, "OPS", file) == file
    data = unpacked(file.read_text())
    assert "issue" in data["missing"], "the page names the marts that are not there"
    assert (data["tables"]["issues"]["n"], data["sync"]) == ([], None)
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (folder, tmp_path / "nowhere" / "page.html"):
        with pytest.raises(SettingsError, match=r"--out is .*: expected a file that can be w"):
            write_report(settings, "OPS", place)
    assert sorted(tmp_path.iterdir()) == [folder, file]


def test_page_metrics_status_report_and_marts_count_the_same(marts: Deployment) -> None:
    before = freshness(marts)
    assert marts.run_issues(mode="targeted").success
    after = freshness(marts)
    for table, moment in after.items():
        assert moment > before[table], (
            f"{table}: a sync of issues that were named is a success, too"
        )
    failed = start_sync(
        marts.engine,
        space_key="acme",
        sync_type="issues",
        mode="backfill",
        run_id="bad",
        projects=["OPS"],
    )
    fail_sync(marts.engine, failed, Failure("unavailable", "GET /issues: 500"))
    now = datetime.now(UTC)
    record_ends(
        marts.engine,
        "acme",
        [RunEnd("killed", "issues", now, now, Failure("interrupted", "the worker was killed"))],
    )

    # Nobody answers there: runs of another marts on this machine are none of this one.
    nowhere = {
        "WAREHOUSE_URL": marts.warehouse_url,
        "BACKLOG_DAGSTER_URL": f"http://127.0.0.1:{free_port()}",
    }
    with running(create_app(Settings.from_env(nowhere))) as url:
        stats = httpx.get(f"{url}/api/v1/sync/monitor/stats").json()
        metrics = httpx.get(f"{url}/metrics").text
        last_success = httpx.get(f"{url}/api/v1/sync/connection/status").json()["last_success_at"]
        projects = httpx.get(f"{url}/api/v1/sync/projects").json()["items"]
    total, by_type = stats["total"], {one["type"]: one for one in stats["by_type"]}
    # Of the load three runs, one of single issues, and the two that failed.
    assert [total[name] for name in ("runs", "completed", "failed")] == [6, 4, 2]
    assert total["success_rate"] == pytest.approx(4 / 6)
    failed_issues = by_type["issues"]["syncs_failed"]
    for said in (
        'backlog_elt_runs_24h{status="failed"} 2.0',
        f'backlog_elt_syncs_24h{{status="failed",type="issues"}} {failed_issues:.1f}',
    ):
        assert said in metrics
    [shown] = unpacked(report(marts.engine, TOKYO))["days"]
    assert shown == {"space": "acme", "runs": 6, "failed": 2, "rate": pytest.approx(4 / 6)}
    assert summary(marts.engine, "acme").last_24h.model_dump() == total
    names = ("syncs", "syncs_completed", "syncs_failed", "requests")
    sums = ", ".join(f"sum({name})::int AS {name}" for name in names)
    found = marts.query(f"SELECT sync_type, {sums} FROM mart.sync_stats GROUP BY 1")
    assert {row["sync_type"]: [row[name] for name in names] for row in found} == {
        kind: [one[name] for name in names] for kind, one in by_type.items()
    }
    assert max(after.values()) == datetime.fromisoformat(last_success)
    ends = (
        "SELECT project_key, last_success_at FROM mart.sync_freshness WHERE table_name = 'issues'"
    )
    assert {row["project_key"]: row["last_success_at"] for row in marts.query(ends)} == {
        one["key"]: datetime.fromisoformat(one["last_success_at"]) for one in projects
    }
    errors = "SELECT DISTINCT last_error FROM mart.sync_freshness WHERE table_name = 'issues'"
    assert marts.query(errors) == [{"last_error": "the worker was killed"}]


def freshness(deployment: Deployment) -> dict[str, datetime]:
    """Return when issues, comments and their changes last succeeded; each is newer than the newest
    change of its rows.
    """
    query = (
        "SELECT * FROM mart.sync_freshness WHERE project_key = 'OPS' AND table_name IN "
        "('issues', 'comments', 'issue_changes')"
    )
    found = {str(row["table_name"]): row for row in deployment.query(query)}
    for row in found.values():
        assert row["last_success_at"] >= row["newest_row_at"]
    return {table: row["last_success_at"] for table, row in found.items()}

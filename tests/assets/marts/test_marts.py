"""The marts, built by dbt from a warehouse that was loaded from a space: a history with numbers that were worked out by hand.

Add here: a metric with a worked example. Keep out: when marts are built (`tests/pipelines/test_marts.py`).
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from resources.simulator import SpaceSpec
from resources.warehouse.locks import Locks
from tests.deployment import Deploy, Deployment, Run, failures

ONE_PROJECT = SpaceSpec(seed=5, users=4, projects=1, issues=12, history_days=90)
#: Asia/Tokyo is nine hours ahead: 2026-06-30T16:00Z is the first of July there.
STEPS = {
    "made": datetime(2026, 6, 30, 16, 0, tzinfo=UTC),
    "started": datetime(2026, 7, 1, 1, 0, tzinfo=UTC),
    "answered": datetime(2026, 7, 1, 2, 30, tzinfo=UTC),
    "reviewed": datetime(2026, 7, 2, 1, 0, 30, tzinfo=UTC),
    "closed": datetime(2026, 7, 2, 4, 0, tzinfo=UTC),
    "reopened": datetime(2026, 7, 3, 4, 0, tzinfo=UTC),
    "closed again": datetime(2026, 7, 31, 15, 30, tzinfo=UTC),
}
OPEN, IN_PROGRESS, RESOLVED, CLOSED = 1, 2, 3, 4


def work_an_issue(deployment: Deployment) -> int:
    """Make an issue that goes the whole way, is reopened and closed again, with hours; return its id."""
    space = deployment.sim.space
    author, other = sorted(space.users)[:2]
    issue = space.create_issue("OPS", by=author, at=STEPS["made"], estimated_hours=8, actual_hours=1.5, assignee_id=author)
    steps: dict[str, dict[str, Any]] = {
        "started": {"status_id": IN_PROGRESS, "actual_hours": 2.25, "assignee_id": other},
        "answered": {"comment": "On it", "by": other},
        "reviewed": {"status_id": RESOLVED, "actual_hours": 6},
        "closed": {"status_id": CLOSED},
        "reopened": {"status_id": IN_PROGRESS, "due_date": "2026-07-31"},
        "closed again": {"status_id": CLOSED, "actual_hours": 5.5},
    }
    for step, fields in steps.items():
        space.edit_issue(issue, at=STEPS[step], **{"by": author, **fields})
    return issue.id


def seconds(since: str, until: str) -> int:
    return int((STEPS[until] - STEPS[since]).total_seconds())


def mart(deployment: Deployment, table: str, issue: int) -> list[dict[str, Any]]:
    found = deployment.query(
        f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {'position' if table != 'issue' else 1}"
    )
    return [dict(row) for row in found]


def undescribed(deployment: Deployment) -> list[Any]:
    """Return the marts and columns of marts that have no comment in the database."""
    return deployment.query(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE n.nspname = 'mart' AND c.relkind IN ('r', 'v') "
        "AND (coalesce(col_description(c.oid, a.attnum), '') = '' OR coalesce(obj_description(c.oid), '') = '')"
    )


def checks_of(run: Run) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the checks of a run by name."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    found = [event.asset_check_evaluation_data for event in run.events if event.event_type == kind]
    return {one.check_name: one for one in found}


@pytest.fixture
def built(deploy: Deploy) -> tuple[Deployment, int]:
    """Return a deployment that is loaded and has its marts, and the issue that was worked on."""
    deployment = deploy(ONE_PROJECT)
    issue = work_an_issue(deployment)
    run = deployment.load().run("marts")
    assert failures(run) == []
    assert run.success
    return deployment, issue


def test_an_issue_that_is_reopened_has_the_numbers_that_were_worked_out_by_hand(built: tuple[Deployment, int]) -> None:
    deployment, issue = built
    intervals = mart(deployment, "issue_status_interval", issue)
    assert [(row["stage"], row["seconds"]) for row in intervals] == [
        ("waiting", seconds("made", "started")),
        ("active", seconds("started", "reviewed")),
        ("review", seconds("reviewed", "closed")),
        ("done", seconds("closed", "reopened")),
        ("active", seconds("reopened", "closed again")),
        ("done", None),
    ]
    assert [row["status"] for row in intervals] == ["未対応", "処理中", "処理済み", "完了", "処理中", "完了"]
    [reopened] = mart(deployment, "reopen_event", issue)
    assert (reopened["reopened_at"], reopened["seconds_done"]) == (STEPS["reopened"], 86_400)
    [row] = mart(deployment, "issue", issue)
    assert row["first_started_at"] == STEPS["started"]
    assert row["first_done_at"] == STEPS["closed"]
    assert row["done_at"] == STEPS["closed again"]
    assert row["lead_seconds"] == seconds("made", "closed again") == 2_676_600
    assert row["cycle_seconds"] == seconds("started", "closed again") == 2_644_200
    assert (row["seconds_waiting"], row["seconds_active"], row["seconds_review"]) == (32_400, 2_547_030, 10_770)
    assert row["first_response_seconds"] == seconds("made", "answered") == 37_800
    assert (row["reopen_count"], row["status_changes"], row["assignee_changes"], row["due_date_changes"]) == (1, 5, 1, 1)
    assert (row["comment_count"], row["participants"]) == (1, 2)
    assert row["hours_variance"] == Decimal("-2.5")
    assert row["was_late"] is True, "half past midnight of August in Tokyo"
    who = mart(deployment, "issue_assignee_interval", issue)
    assert [row["seconds"] for row in who] == [seconds("made", "started"), None]
    ledger = mart(deployment, "hours_ledger", issue)
    assert [(row["kind"], str(row["work_month"]), row["hours"]) for row in ledger] == [
        ("opening", "2026-07-01", Decimal("1.5")),
        ("change", "2026-07-01", Decimal("0.75")),
        ("change", "2026-07-01", Decimal("3.75")),
        ("change", "2026-08-01", Decimal("-0.5")),
    ]


def test_a_build_again_gives_the_same_rows_and_follows_what_is_deleted_and_unheard_of(built: tuple[Deployment, int]) -> None:
    deployment, issue = built
    assert undescribed(deployment) == []
    tables = [row["tablename"] for row in deployment.query("SELECT tablename FROM pg_tables WHERE schemaname = 'mart'")]

    def rows() -> dict[str, list[str]]:
        found = {table: deployment.query(f"SELECT t::text AS row FROM mart.{table} t ORDER BY 1") for table in sorted(tables)}
        return {table: [str(row["row"]) for row in found[table]] for table in found}

    first = rows()
    assert {"issue", "hours_ledger", "issue_status_interval", "throughput_weekly", "status_map"} <= first.keys()
    assert deployment.run("marts").success
    assert rows() == first
    space = deployment.sim.space
    strange = space.add_status("OPS", "検討室")
    moved, gone = [one for one in sorted(space.issues) if one != issue][:2]
    space.edit_issue(moved, status_id=strange.id)
    space.delete_issue(gone)
    deployment.load()
    run = deployment.run("marts")
    assert run.success
    checks = checks_of(run)
    unknown = checks["statuses_have_a_stage"]
    assert (unknown.passed, unknown.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert mart(deployment, "issue", moved)[0]["stage"] == "active"
    [deleted] = mart(deployment, "issue", gone)
    assert deleted["is_deleted"]
    assert deleted["deleted_at"] is not None
    total = deployment.query("SELECT sum(issues) AS n FROM mart.project_summary")[0]["n"]
    assert total == len(space.issues)


def test_a_build_waits_for_the_one_before_it_and_says_so_when_that_does_not_end(deploy: Deploy) -> None:
    deployment = deploy()
    with Locks(deployment.engine, "all spaces") as locks:
        locks.acquire("marts")
        run = deployment.run("marts", config={"ops": {"dbt_build": {"config": {"turn_seconds": 0.3}}}})
    assert failures(run) == ["the marts: Another sync of marts is running on all spaces: wait for it, or stop it."]


def test_marts_stand_below_the_raw_tables_that_they_are_made_of(deploy: Deploy) -> None:
    graph = deploy().definitions.resolve_asset_graph()
    marts = {key for key in graph.get_all_asset_keys() if key.path[0] == "mart"}
    assert len(marts) >= 9
    above: set[dg.AssetKey] = set()
    for key in marts:
        above |= graph.get_ancestor_asset_keys(key)
    assert {dg.AssetKey(["raw", name]) for name in ("issues", "comments", "issue_changes", "statuses")} <= above

"""What the next build does with the marts of the one before; and how builds stand to each other."""

from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, RowMapping

from resources.warehouse.state.locks import Locks
from tests.assets.marts.building import checks_of, contents, rows_of
from tests.deployment import Deploy, Deployment, failures


def undescribed(deployment: Deployment) -> list[Any]:
    """Return the marts and columns of marts that have no comment in the database."""
    return deployment.query(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE n.nspname = 'mart' AND c.relkind IN ('r', 'v') "
        "AND (coalesce(col_description(c.oid, a.attnum), '') = '' OR "
        "coalesce(obj_description(c.oid), '') = '')"
    )


def issue_row(deployment: Deployment, issue: int) -> RowMapping:
    [row] = deployment.query(f"SELECT * FROM mart.issue WHERE issue_id = {issue}")
    return row


@pytest.mark.full
def test_the_next_build_follows_what_is_deleted_and_is_read_by_bi_tools(
    built: tuple[Deployment, int], reader: Engine
) -> None:
    deployment, issue = built
    assert undescribed(deployment) == []
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
    assert [row["status"] for row in rows_of(unknown)] == ["検討室"]
    assert issue_row(deployment, moved)["stage"] == "active"
    deleted = issue_row(deployment, gone)
    assert deleted["is_deleted"]
    assert deleted["deleted_at"] is not None
    total = deployment.query("SELECT sum(issues) AS n FROM mart.project_summary")[0]["n"]
    assert total == len(space.issues)
    rows = contents(deployment)
    marts = {name for name in rows if name.startswith("mart.")}
    assert {
        "mart.issue",
        "mart.hours_ledger",
        "mart.issue_daily",
        "mart.throughput_weekly",
        "mart.status_map",
    } <= marts
    with reader.connect() as conn:
        for name in marts:
            # Of dbt's tables, which it has made anew.
            assert len(conn.exec_driver_sql(f"SELECT * FROM {name}").fetchall()) == len(rows[name])


def test_a_build_waits_for_the_one_before_it_and_says_so_when_that_does_not_end(
    deploy: Deploy,
) -> None:
    deployment = deploy()
    with Locks(deployment.engine, "all spaces", "build of run 3f2a9c1e") as locks:
        locks.acquire("marts")
        run = deployment.run(
            "marts", config={"ops": {"dbt_build": {"config": {"wait_seconds": 0.3}}}}
        )
    [failure] = failures(run)
    assert failure.startswith(
        "the marts: Another sync of marts is running on all spaces (build of run 3f2a9c1e, process "
    )
    assert failure.endswith(" UTC): wait for it, or stop it.")

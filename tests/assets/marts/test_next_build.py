"""What the next build does with the marts of the one before; how builds stand to each other; and
the keys of views, for which a check looks. `test_bi` looks for those of tables.
"""

from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, RowMapping

from resources.warehouse.state.locks import Locks
from tests.assets.marts.building import build, checks_of, contents, rows_of
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
    checks = checks_of(build(deployment))
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
    marts = [name for name in rows if name.startswith("mart.")]
    assert "mart.status_map" in marts
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
    assert failure.startswith("the marts: ")
    assert "(build of run 3f2a9c1e, process " in failure


@pytest.mark.full
def test_a_check_finds_and_shows_two_rows_of_one_key_of_a_view(
    marts: Deployment,
) -> None:
    [view] = marts.query("SELECT pg_get_viewdef('mart.time_spine') AS made")
    made = str(view["made"]).rstrip(";")
    first = f"SELECT * FROM ({made}) AS all_days WHERE day = (SELECT min(day) FROM mart.calendar)"
    marts.change(f"CREATE OR REPLACE VIEW mart.time_spine AS ({made}) UNION ALL {first}")
    check = dg.AssetCheckKey(dg.AssetKey(["mart", "time_spine"]), "is_key_time_spine_day")
    job = marts.definitions.resolve_job_def("marts").get_subset(asset_check_selection={check})
    run = marts.run_job(job)
    marts.change(f"CREATE OR REPLACE VIEW mart.time_spine AS {made}")
    found = checks_of(run)[check.name]
    assert not found.passed
    assert [row["rows"] for row in rows_of(found)] == ["2"]

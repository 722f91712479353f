"""A build of all marts for tests: it has succeeded, and the contents of the tables can be
compared.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from tests.deployment import Deployment, Run, failures

#: Rows of these say how the last build was done, or how long ago something was; two looks differ in
#: them.
_OF_THE_MOMENT = ("staging.changed_issue", "mart.sync_freshness", "mart.issue_now")


def build(deployment: Deployment, *, whole: bool = False) -> Run:
    """Build all marts, issue by issue where that can be or `whole`."""
    run = deployment.run("marts", config={"ops": {"dbt_build": {"config": {"whole": whole}}}})
    assert run.success, "\n".join(failures(run))
    return run


def checks_of(run: Run) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the checks of a run by name."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    found = [event.asset_check_evaluation_data for event in run.events if event.event_type == kind]
    return {one.check_name: one for one in found}


def last_checks(deployment: Deployment) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the newest evaluation of each check by a build that has succeeded, by name."""
    runs = deployment.instance.get_runs(
        dg.RunsFilter(job_name="marts", statuses=[dg.DagsterRunStatus.SUCCESS])
    )
    found: dict[str, dg.AssetCheckEvaluation] = {}
    for run in reversed(runs):
        found |= checks_of(Run(success=True, run_id=run.run_id, instance=deployment.instance))
    return found


def rows_of(check: dg.AssetCheckEvaluation | dg.AssetCheckResult) -> list[Mapping[str, Any]]:
    """Return the rows that a check shows."""
    shown = check.metadata["rows"]
    assert isinstance(shown, dg.TableMetadataValue)
    return [record.data for record in shown.records]


def contents(deployment: Deployment) -> dict[str, list[str]]:
    """Return the rows of each table and view of the marts and what they are made of, as text in a
    fixed order.
    """
    tables = deployment.query(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE "
        "schemaname IN ('mart', 'staging') "
        "UNION ALL SELECT schemaname || '.' || viewname FROM pg_views WHERE schemaname IN "
        "('mart', 'staging') ORDER BY 1"
    )
    names = [str(row["name"]) for row in tables if row["name"] not in _OF_THE_MOMENT]
    return {
        name: [
            str(row["row"])
            for row in deployment.query(f"SELECT t::text AS row FROM {name} t ORDER BY 1")
        ]
        for name in names
    }


def assert_whole_build_gives_the_same(deployment: Deployment) -> dict[str, list[str]]:
    """Expect the rows that builds of changes have left to be those of a build that is whole, and
    return them.
    """
    kept = contents(deployment)
    build(deployment, whole=True)
    whole = contents(deployment)
    assert kept.keys() == whole.keys()
    assert {table for table in whole if kept[table] != whole[table]} == set()
    return whole

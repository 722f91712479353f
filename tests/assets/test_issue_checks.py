"""Checks of issues that ask the source or the clock, and which checks a load of issues reports."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from assets.checks.issue_checks import NIGHTLY_SPECS
from assets.checks.operation import every_project_is_fresh
from assets.checks.reconciliation import issue_counts_match_source
from assets.checks.tables import checks_of
from assets.partitions import month_keys
from pipelines.jobs import issues_config
from resources.cadences import FRESH_WITHIN
from simulator import Fault
from sync.modes import Mode
from sync.partition_ranges import range_tags
from tests.deployment import Deployment, Run, checks, failures, shown_rows


def ask(
    deployment: Deployment, check: Callable[..., dg.AssetCheckResult], *arguments: object
) -> dg.AssetCheckResult:
    """Evaluate a check that asks the source."""
    with deployment.backlog.client as client:
        return check(client, deployment.engine, *arguments)


def freshness(deployment: Deployment) -> dg.AssetCheckResult:
    return ask(deployment, every_project_is_fresh, FRESH_WITHIN["issues"])


def test_a_check_that_cannot_ask_fails_in_one_line(loaded: Deployment) -> None:
    loaded.sim.faults.add(Fault(status=500, times=None))
    [line] = failures(loaded.run("count_reconciliation"))
    assert line.startswith("the checks of raw/issues: GET /space: 500")
    loaded.sim.faults.clear()
    loaded.sim.faults.add(Fault(status=500, path="/issues/count", times=None))
    run = loaded.run("count_reconciliation")
    [line] = failures(run)
    assert line.startswith("issue_counts_match_source: GET /issues/count: 500")
    assert checks(run) == {
        "every_project_is_fresh": True,
        "no_partition_left_failed": True,
        "alerter_is_alive": True,
    }
    loaded.sim.faults.clear()
    lost = replace(loaded, warehouse_url="postgresql://127.0.0.1:1/warehouse")
    [line] = failures(lost.run("count_reconciliation"))
    assert "The warehouse cannot be used" in line


OF_WEB = "project_id = (SELECT id FROM raw.projects WHERE project_key = 'WEB')"
NO_LOAD = f"DELETE FROM ops.sync_state WHERE {OF_WEB}"
MISSED = f"UPDATE ops.sync_state SET last_success_at = now() - interval '14 hours' WHERE {OF_WEB}"


@pytest.mark.parametrize(
    ("sql", "is_archived", "said"),
    [
        (MISSED, False, "stale: WEB"),
        (NO_LOAD, False, "stale: WEB"),
        (NO_LOAD, True, "all 2 active projects are fresh"),
    ],
)
def test_a_project_is_stale_without_a_load_unless_it_is_archived(
    loaded: Deployment, sql: str, is_archived: bool, said: str
) -> None:
    loaded.change(sql)
    loaded.sim.space.archive_project("WEB", is_archived)
    result = freshness(loaded)
    assert (result.passed, result.description) == (is_archived, said)


def test_a_failed_load_leaves_a_project_as_fresh_as_it_was_and_its_error_is_shown(
    loaded: Deployment,
) -> None:
    loaded.sim.faults.add(Fault(status=403, path="/issues", times=None))
    loaded.run_issues(mode="incremental")
    result = freshness(loaded)
    assert result.passed
    assert all(
        "GET /issues: 403" in str(row["last_error"]) for row in shown_rows(result, "projects")
    )


def skipped(run: Run) -> set[tuple[str, str]]:
    """Return table and name of the checks that a run has planned and not evaluated: the UI shows
    them as skipped.
    """
    kinds, named = dg.DagsterEventType, {}
    for kind in (kinds.ASSET_CHECK_EVALUATION_PLANNED, kinds.ASSET_CHECK_EVALUATION):
        found: list[Any] = [
            event.event_specific_data for event in run.events if event.event_type == kind
        ]
        named[kind] = {(one.asset_key.path[-1], one.check_name) for one in found}
    planned = named[kinds.ASSET_CHECK_EVALUATION_PLANNED]
    assert planned >= named[kinds.ASSET_CHECK_EVALUATION]
    return planned - named[kinds.ASSET_CHECK_EVALUATION]


COUNT_RECONCILIATION = [spec.name for spec in NIGHTLY_SPECS]


@pytest.mark.parametrize("mode", ["backfill", "incremental", "targeted", "refresh"])
def test_every_load_of_issues_reports_all_checks_of_its_tables(
    loaded: Deployment, mode: Mode
) -> None:
    run = load_in(loaded, mode)
    assert run.success, failures(run)
    assert not skipped(run)
    for table in ("activities", "issues", "comments", "issue_changes"):
        count_reconciliation = COUNT_RECONCILIATION if table == "issues" else []
        assert set(checks(run, table)) == {
            *count_reconciliation,
            *(check.name for check in checks_of(table)),
        }
        assert set(checks(run, table).values()) == {True}


def load_in(deployment: Deployment, mode: Mode) -> Run:
    """Run the job that loads issues in a mode."""
    if mode in ("backfill", "incremental"):
        return deployment.run_issues(mode=mode)
    corners = range_tags(["OPS", "APP"], month_keys()[-1:])
    return deployment.run(
        "targeted_sync" if mode == "targeted" else "rolling_refresh",
        config=issues_config(mode),
        tags=corners,
    )


@pytest.mark.parametrize("mode", ["targeted", "refresh"])
def test_a_load_of_single_issues_reports_the_last_comparison_and_counts_none(
    loaded: Deployment, mode: Mode
) -> None:
    loaded.run("count_reconciliation")
    loaded.change("DELETE FROM raw.issues WHERE issue_key LIKE 'WEB-%'")
    loaded.sim.requests.clear()
    run = load_in(loaded, mode)
    assert checks(run)["issue_counts_match_source"]
    assert loaded.sim.requests.count(route="/issues/count") == 0
    loaded.run("count_reconciliation")
    assert not checks(load_in(loaded, mode))["issue_counts_match_source"]


def test_what_is_broken_by_hand_is_found_by_the_nightly_run(loaded: Deployment) -> None:
    loaded.change("DELETE FROM raw.priorities WHERE id = 3")
    for mode, holds in FOUND_BY.items():
        assert checks(load_in(loaded, mode))["references_resolve"] is holds, mode
    # Not green again by the next load, which looks at few rows otherwise.
    assert not checks(load_in(loaded, "incremental"))["references_resolve"]


#: In this order.
FOUND_BY: dict[Mode, bool] = {"incremental": True, "targeted": True, "refresh": False}


def test_what_a_load_breaks_is_found_by_its_own_checks(loaded: Deployment) -> None:
    loaded.change("DELETE FROM raw.priorities WHERE id = 3")
    loaded.sim.space.edit_issue(min(loaded.sim.space.issues), priority_id=3, summary="broken")
    run = load_in(loaded, "incremental")
    assert run.success
    assert not checks(run)["references_resolve"]
    loaded.run("projects")
    assert checks(load_in(loaded, "incremental"))["references_resolve"]


def test_before_the_first_count_reconciliation_no_project_is_called_equal(
    loaded: Deployment,
) -> None:
    loaded.change("DELETE FROM ops.reconciliations")
    result = ask(loaded, issue_counts_match_source, ())
    assert result.passed
    assert result.description == (
        "0 of 0 projects are equal; APP, OPS, WEB were not compared yet, which the "
        "count reconciliation does"
    )
    assert {row["state"] for row in shown_rows(result, "projects")} == {"not counted"}


def test_partitions_that_somebody_loads_by_hand_are_counted_and_no_check_is_skipped(
    loaded: Deployment,
) -> None:
    loaded.run("count_reconciliation")
    loaded.change("DELETE FROM raw.issues WHERE issue_key LIKE 'WEB-%'")
    count_reconciliation = loaded.run("count_reconciliation")
    assert not checks(count_reconciliation)["issue_counts_match_source"]
    loaded.sim.requests.clear()

    for project, equal in (("APP", False), ("WEB", True)):
        before = loaded.sim.requests.count(route="/issues/count")
        months = range_tags([project], ["2026-01", month_keys()[-1]])
        run = loaded.by_hand("issues", tags=months)
        assert run.success
        assert not skipped(run)
        assert set(checks(run)) == {
            "issue_counts_match_source",
            "every_project_is_fresh",
            "no_partition_left_failed",
            "alerter_is_alive",
            *(one.name for one in checks_of("issues")),
        }
        assert checks(run)["issue_counts_match_source"] is equal
        assert (
            loaded.sim.requests.count(route="/issues/count") - before <= 3
        )  # of the load, before and after, and of the check


def test_checks_that_somebody_starts_by_hand_are_evaluated_without_a_load(
    loaded: Deployment,
) -> None:
    loaded.sim.requests.clear()
    keys = loaded.raw_definitions.resolve_asset_graph().get_check_keys_for_assets(
        {dg.AssetKey(["raw", "issues"])}
    )
    run = loaded.by_hand(checks=keys)
    assert set(checks(run)) == {key.name for key in keys}
    assert set(checks(run).values()) == {True}
    assert not loaded.sim.requests.count(route="/issues")


def test_projects_that_a_run_has_not_covered_are_shown_as_they_were_compared_last(
    loaded: Deployment,
) -> None:
    ask(loaded, issue_counts_match_source)
    loaded.change("DELETE FROM raw.issues WHERE issue_key LIKE 'WEB-%'")
    result = ask(loaded, issue_counts_match_source, {"OPS"})
    assert result.passed
    assert result.description == "3 of 3 projects are equal"
    assert {row["state"] for row in shown_rows(result, "projects")} == {"✓ equal"}

    result = ask(loaded, issue_counts_match_source, {"WEB"})
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.ERROR)
    loaded.sim.requests.clear()
    result = ask(loaded, issue_counts_match_source, {"OPS"})
    assert loaded.sim.requests.by_route() == {"/issues/count": 1, "/space": 1, "/projects": 1}
    assert not result.passed
    [web] = [row for row in shown_rows(result, "projects") if row["state"] == "✗ differs"]
    assert (web["project"], web["warehouse"]) == ("WEB", "0")

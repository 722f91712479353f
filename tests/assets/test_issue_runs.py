"""`raw/issues` in runs of Dagster: what a run covers, what it refuses, and what it shows when parts
of it fail.
"""

from datetime import datetime
from typing import Any

import pytest

from assets.location import SETTINGS
from assets.partitions import accessible_partitions
from resources.dagster_tags import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from simulator import Fault, RequestInfo
from tests.deployment import Deployment, checks, counts, failures, observed, recorded


def test_a_partition_shows_its_rows_its_window_and_why_its_read_is_complete(
    deployment: Deployment,
) -> None:
    run = deployment.run("issues", partition_key="WEB|2026-03")
    assert failures(run) == []
    [(key, said)] = recorded(run).items()
    assert key == "WEB|2026-03"
    assert (
        said["dagster/partition_row_count"]
        == said["load/rows_inserted"]
        == len(deployment.rows("issues"))
        > 0
    )
    assert said["load/window_start"] == datetime(2026, 3, 1, tzinfo=SETTINGS.zone).timestamp()
    assert said["load/window_end"] == datetime(2026, 4, 1, tzinfo=SETTINGS.zone).timestamp()
    rows = said["load/completeness_proof"].pop("rows")  # those that the widened days hold
    assert rows >= said["load/rows_read"]
    assert said["load/completeness_proof"] == {
        "how": "one page",
        "passes": 1,
        "pages": 1,
        "count": None,
        "retries": 0,
    }


def test_a_failure_in_one_project_leaves_the_others_recorded_with_comments(
    deployment: Deployment,
) -> None:
    project_id = str(deployment.sim.space.project("APP").id)

    def refuse(request: RequestInfo) -> None:
        if request.route == "/issues" and request.param("projectId[]") == project_id:
            deployment.sim.faults.add(Fault(status=403, path="/issues"))

    deployment.sim.before_request(refuse)
    run = deployment.run_issues()
    [line] = failures(run)
    assert line.startswith("issues: APP: GET /issues: 403, code 5")
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "WEB"}
    assert observed(run)["load/failures"] == 1
    issues = [
        issue
        for project in ("OPS", "WEB")
        for issue in deployment.sim.space.project(project).issues.values()
    ]
    assert {row["id"] for row in deployment.rows("comments")} == {
        row.id for issue in issues for row in issue.comments
    }


def test_a_record_in_quarantine_and_an_unknown_field_are_shown_and_turn_checks_red(
    deployment: Deployment,
) -> None:
    bad, odd, *_ = deployment.source_issues("OPS")
    wrong: dict[int, dict[str, Any]] = {
        bad: {"estimatedHours": "abc"},
        odd: {"mood": {"name": "上機嫌"}},
    }

    def spoil(request: RequestInfo, body: Any) -> Any:
        return (
            [record | wrong.get(record["id"], {}) for record in body]
            if request.route == "/issues"
            else body
        )

    deployment.sim.rewrite_response(spoil)
    run = deployment.run_issues()
    assert failures(run) == []
    assert (
        counts(observed(run))["rejected"]
        == sum(said["load/rows_rejected"] for said in recorded(run).values())
        == 1
    )
    red = {name for name, holds in checks(run).items() if not holds}
    assert {"no_rejected_records", "no_unexpected_fields"} <= red
    assert [line for line in deployment.log(run, "WARNING") if "'mood'" in line]
    wrong.clear()
    run = deployment.run_issues(mode="incremental")
    assert checks(run)["no_rejected_records"] is True


@pytest.mark.parametrize(("covered", "first"), [(("TYPO",), "TYPO"), (("OPS", "TYPO"), "OPS")])
def test_a_backfill_of_a_key_that_is_no_project_refuses_it_before_it_does_anything(
    loaded: Deployment, covered: tuple[str, ...], first: str
) -> None:
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    loaded.sim.requests.clear()
    tags = {RANGE_START_TAG: f"{first}|2026-05", RANGE_END_TAG: "TYPO|2026-05"}
    run = loaded.by_hand("issues", "comments", "issue_changes", tags=tags)
    [line] = failures(run)
    assert line.startswith(
        "issues: no project has or had the key TYPO: nothing was loaded. Choose "
        "partitions of existing projects"
    )
    assert recorded(run) == {}
    assert loaded.sim.requests.by_route() == {"/projects": 1}


def test_a_run_of_changes_leaves_out_a_key_that_is_no_project(loaded: Deployment) -> None:
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    loaded.sim.space.add_project("NEW", "新規")
    loaded.discover()
    assert not loaded.run_issues("TYPO", mode="incremental").success
    run = loaded.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "WEB", "APP", "NEW"}


def test_a_backfill_leaves_out_a_project_that_is_gone_and_says_so_of_that_alone(
    loaded: Deployment,
) -> None:
    assert loaded.partitions == ["OPS", "WEB", "APP"]
    loaded.sim.space.delete_project("WEB")
    assert loaded.run("projects").success
    everything = {RANGE_START_TAG: "OPS|2026-04", RANGE_END_TAG: "APP|2026-05"}
    run = loaded.by_hand("issues", "comments", "issue_changes", tags=everything)
    assert run.success, failures(run)
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "APP"}
    gone = loaded.by_hand(
        "issues", "comments", "issue_changes", tags={PARTITION_TAG: "WEB|2026-05"}
    )
    assert "WEB: no visible project has or had this key" in failures(gone)[0]
    assert accessible_partitions(loaded.instance, loaded.engine, loaded.sim.url) == ["OPS", "APP"]
    assert checks(loaded.run("count_reconciliation"))["no_partition_left_failed"] is True

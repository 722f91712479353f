"""Marts that are built issue by issue equal those that are built whole, row for row, whatever
people did.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg
import pytest

from tests.assets.marts.building import assert_whole_build_gives_the_same, build, checks_of, rows_of
from tests.deployment import Deploy, Deployment, Run
from tests.integration.exactness.machine import BEGIN, SPEC
from tests.integration.exactness.people import People
from tests.integration.exactness.syncs import incremental, look_whole

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
ROUNDS = 2


def odd_rows(deployment: Deployment, issues: Sequence[int]) -> None:
    """Do to the raw tables what a source may do that nobody can ask for: values that mean nothing,
    lost history, vanished rows.
    """
    one, other, third = issues[:3]
    deployment.change(
        "UPDATE raw.issue_changes SET new_value = '?', new_id = NULL, new_ids = NULL, "
        f"loaded_at = clock_timestamp() WHERE issue_id = {one}"
    )
    deployment.change(
        f"DELETE FROM raw.issue_changes WHERE issue_id = {other} AND field = 'status'"
    )
    deployment.change(f"UPDATE raw.issues SET loaded_at = clock_timestamp() WHERE id = {other}")
    deployment.change(f"DELETE FROM raw.issues WHERE id = {third}")


def assert_named(run: Run) -> None:
    """Expect a warning with its rows for each kind of odd data that people and `odd_rows` have
    left.
    """
    checks = checks_of(run)
    for name in (
        "histories_lead_to_today",
        "histories_are_unbroken",
        "changes_name_something_known",
        "statuses_have_a_stage",
    ):
        assert (checks[name].passed, checks[name].severity) == (
            False,
            dg.AssetCheckSeverity.WARN,
        ), name
        assert {row["space_key"] for row in rows_of(checks[name])} == {"acme"}, name


def test_after_random_histories_a_build_issue_by_issue_equals_one_that_is_whole(
    deploy: Deploy,
) -> None:
    deployment = deploy(SPEC)
    deployment.sim.clock.freeze(BEGIN)
    people = People(deployment.sim.space)
    assert look_whole(deployment, people.rng)
    build(deployment)
    for turn in range(ROUNDS):
        # All of a burst in one second; the last one two years after the others.
        deployment.sim.clock.advance(
            3_600 if turn < ROUNDS - 1 else timedelta(days=730).total_seconds()
        )
        people.burst(150, seed=turn)
        assert incremental(deployment, people.rng)
        if turn == ROUNDS - 1:
            assert look_whole(deployment, people.rng)
            odd_rows(deployment, sorted(deployment.stored_issues()))
            [unread] = (
                row["issue_id"]
                for row in deployment.query(
                    "SELECT max(issue_id) AS issue_id FROM staging.stg_unlogged_change"
                )
            )
            deployment.change(
                "UPDATE ops.issue_sync_state SET refetch_comments_from = 0 "
                f"WHERE issue_id = {unread}"
            )
        run = build(deployment)
    assert_named(run)
    unlogged = {
        row["issue_id"]
        for row in deployment.query("SELECT issue_id FROM staging.stg_unlogged_change")
    }
    named = {row["issue_id"] for row in rows_of(checks_of(run)["histories_lead_to_today"])}
    assert unread in unlogged - named, "its log may be among the comments that are not read yet"
    [last] = deployment.query("SELECT since FROM ops.mart_builds ORDER BY id DESC LIMIT 1")
    assert last["since"] is not None
    whole = assert_whole_build_gives_the_same(deployment)
    assert len(whole["mart.issue"]) > 40

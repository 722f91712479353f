"""Causes and their remedies: each is produced, its step is followed, and no problem is left."""

import pytest

from pipelines.retrying import RETRY_JOB
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from simulator import Fault
from tests.deployment import Deployment
from tests.pipelines.reports import alerter, look


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault(status=500, path="/users", times=None), "unavailable"),
        (Fault(status=400, path="/users", times=None), "bad_request"),
        (Fault(status=401, path="/users", times=None), "key_refused"),
        (Fault("html", status=200, path="/users", times=None), "not_a_space"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_backlog_refuses_is_over_once_it_answers(
    deployment: Deployment, fault: Fault, cause: str
) -> None:
    one = alerter(deployment)
    look(one)
    deployment.sim.faults.add(fault)
    assert not deployment.run("users").success
    [found] = look(one).open.values()
    assert (found.problem.code, found.problem.parameters["cause"]) == ("run_failed", cause)
    deployment.sim.faults.clear()
    assert deployment.run("users").success
    assert look(one).open == {}


def test_a_failed_backfill_is_over_once_the_job_of_the_step_has_loaded_it(
    loaded: Deployment,
) -> None:
    one = alerter(loaded)
    look(one)
    corners = {RANGE_START_TAG: "OPS|2026-05", RANGE_END_TAG: "OPS|2026-06"}
    tables = ("issues", "comments", "issue_changes")
    loaded.sim.faults.add(Fault(status=400, path="/issues", times=50))
    assert not loaded.by_hand(*tables, tags=corners).success
    [found] = look(one).open.values()
    problem = found.problem
    assert (problem.code, problem.kind.action) == ("backfill_failed", "retry")
    assert problem.place("en") == "OPS, 2 months"
    assert RETRY_JOB in problem.texts("en").step
    loaded.sim.faults.clear()
    assert loaded.run(RETRY_JOB).success
    assert len(loaded.instance.get_backfills()) == 1
    # What the backfill that it has requested does, by Dagster's daemon.
    assert loaded.by_hand(*tables, tags=corners).success
    assert look(one).open == {}

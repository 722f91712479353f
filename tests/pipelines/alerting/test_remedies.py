"""Causes and their remedies: each is produced, its step is followed, and no problem is left."""

from dataclasses import replace

import pytest

from pipelines.alerting.ledger import Ledger
from pipelines.retrying import RETRY_JOB
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.problems.causes import cause_of
from resources.problems.problem import Problem
from resources.warehouse.warehouse_resource import WarehouseResource
from simulator import Fault
from tests.deployment import Deployment
from tests.pipelines.reports import alerter, look
from tests.ports import free_port


def only_problem(ledger: Ledger) -> Problem:
    [found] = ledger.open.values()
    return found.problem


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault(status=500, path="/users", times=None), "unavailable"),
        (Fault(status=400, path="/users", times=None), "forbidden"),
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
    problem = only_problem(look(one))
    assert (problem.code, cause_of(problem.said).code) == ("run_failed", cause)
    deployment.sim.faults.clear()
    assert deployment.run("users").success
    assert look(one).open == {}


def test_a_refused_key_is_over_once_it_is_a_valid_one(deployment: Deployment) -> None:
    one = alerter(deployment)
    look(one)
    assert not replace(deployment, api_key="of-nobody-at-all").run("users").success
    problem = only_problem(look(one))
    assert cause_of(problem.said).code == "key_refused"
    assert "a valid key" in problem.texts("en").step
    assert deployment.run("users").success
    assert look(one).open == {}


def test_a_warehouse_that_is_gone_is_over_once_its_url_is_right(loaded: Deployment) -> None:
    one = alerter(loaded)
    look(one)
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    problem = only_problem(look(replace(one, warehouse=WarehouseResource(url=nowhere))))
    assert (problem.code, cause_of(problem.said).code) == (
        "warehouse_unusable",
        "warehouse_unusable",
    )
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
    problem = only_problem(look(one))
    assert (problem.code, problem.kind.action) == ("backfill_failed", "retry")
    assert problem.place("en") == "OPS, 2 months"
    assert RETRY_JOB in problem.texts("en").step
    loaded.sim.faults.clear()
    assert loaded.run(RETRY_JOB).success
    [backfill] = loaded.instance.get_backfills()
    assert backfill.title
    # What the backfill that it has requested does, by Dagster's daemon.
    assert loaded.by_hand(*tables, tags=corners).success
    assert look(one).open == {}

"""How a step fails: its cause stands in its event and on its run, and is read back."""

import dagster as dg
import pytest

from assets.failing import failing_as, failure_of_run, failure_of_step
from resources.dagster_tags import CAUSE_TAG, FAILURE_REASON_TAG, MAX_RUNTIME_TAG
from resources.problems.causes import Failure
from resources.problems.run_causes import MAX_RUNTIME_SECONDS
from resources.warehouse.warehouse_errors import WarehouseError

ERRORS = {
    "passes": WarehouseError("the server is away", cause="database_stopped"),
    "stays": WarehouseError("no right", cause="database_refused"),
    "defect": KeyError("restart_count"),
}


@dg.op(config_schema=str)
def step(context: dg.OpExecutionContext) -> None:
    """Fail as a step of ours does."""
    with failing_as(context, "users"):
        raise ERRORS[context.op_config]


def failed(
    instance: dg.DagsterInstance, *errors: str, tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    @dg.job
    def job() -> None:
        for number, error in enumerate(errors):
            step.configured(error, name=f"step_{number}")()

    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)


@pytest.mark.parametrize(
    ("errors", "causes", "tag"),
    [
        (["passes"], ["database_stopped"], "database_stopped"),
        (["stays", "passes"], ["database_refused", "database_stopped"], "database_refused"),
        (["passes", "stays"], ["database_stopped", "database_refused"], "database_refused"),
    ],
)
def test_the_cause_of_a_step_is_in_its_event_and_that_of_the_run_in_its_tag(
    errors: list[str], causes: list[str], tag: str
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        # As a re-execution inherits it of the run before.
        result = failed(instance, *errors, tags={CAUSE_TAG: "model_failed@12345678"})
        run = instance.get_run_by_id(result.run_id)
    found = [failure_of_step(event) for event in result.all_events if event.is_step_failure]
    assert [one.cause for one in found] == causes
    assert found[errors.index("passes")].line == "users: the server is away"
    assert run is not None
    assert run.tags[CAUSE_TAG] == f"{tag}@{run.run_id[:8]}"
    assert run.tags[FAILURE_REASON_TAG] == "STEP_FAILURE"


def test_an_exception_that_is_not_ours_is_a_defect() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = failed(instance, "defect")
    [event] = [event for event in result.all_events if event.is_step_failure]
    assert failure_of_step(event) == Failure("defect", "KeyError: 'restart_count'")


@pytest.mark.parametrize(
    ("tags", "seconds", "cause"),
    [
        ({FAILURE_REASON_TAG: "UNEXPECTED_TERMINATION"}, 5, "interrupted"),
        ({FAILURE_REASON_TAG: "RUN_WORKER_RESTART"}, 5, "interrupted"),
        ({FAILURE_REASON_TAG: "JOB_INITIALIZATION_FAILURE"}, 0, "not_started"),
        ({FAILURE_REASON_TAG: "RUN_EXCEPTION"}, 5, "defect"),
        ({FAILURE_REASON_TAG: "of another version"}, 5, "interrupted"),
        ({}, 5, "interrupted"),
        ({}, MAX_RUNTIME_SECONDS, "overtime"),
        ({MAX_RUNTIME_TAG: "60"}, 61, "overtime"),
        ({MAX_RUNTIME_TAG: "0"}, 10 * MAX_RUNTIME_SECONDS, "interrupted"),
    ],
)
def test_a_run_without_a_failed_step_has_a_cause_by_its_tags_and_its_time(
    tags: dict[str, str], seconds: float, cause: str
) -> None:
    run = dg.DagsterRun(job_name="issues", tags=tags)
    assert failure_of_run(run, None, seconds).cause == cause

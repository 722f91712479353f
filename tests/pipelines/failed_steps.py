"""Failed steps as Dagster records them, for runs that tests write down."""

import dagster as dg
from dagster import DagsterEvent, DagsterEventType
from dagster._core.execution.plan.objects import StepFailureData, UserFailureData

from resources.problems.causes import Failure
from resources.problems.run_causes import CAUSE_METADATA


def failed_step(job: str, why: Failure) -> DagsterEvent:
    """Return the event of a step that failed for an error of ours."""
    metadata = {CAUSE_METADATA: dg.MetadataValue.text(why.cause)}
    reported = UserFailureData("intentional-failure", why.line, metadata)  # type: ignore[no-untyped-call]
    data = StepFailureData(None, reported)  # type: ignore[no-untyped-call]
    return DagsterEvent(DagsterEventType.STEP_FAILURE.value, job, event_specific_data=data)

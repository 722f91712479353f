"""How a step fails for an error of ours, with its cause where Dagster and people find it; and why a
step or a run has failed, by what Dagster has recorded.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import dagster as dg

from resources.dagster_tags import CAUSE_TAG
from resources.problems.causes import Failure, KnownError, worst
from resources.problems.run_causes import CAUSE_METADATA, cause_of_end, cause_of_step
from resources.redact import first_line, plain_line

Context = dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext


def step_failure(context: Context, why: Failure, *, details: str = "") -> dg.Failure:
    """Return what a step raises to fail; before, its cause is noted as a tag of its run.

    The metadata `cause` of the event has the code of this step. The tag of the run has the one that
    decides where several steps fail. It names the run, since a re-execution inherits tags.
    """
    run_id, instance = context.run.run_id, context.instance
    # Dagster's storage may be what is gone; the event then cannot be stored either.
    with suppress(Exception):
        noted = instance.get_run_by_id(run_id)
        before, _, of = (noted.tags if noted else {}).get(CAUSE_TAG, "").partition("@")
        causes = [before, why.cause] if of == run_id[:8] else [why.cause]
        instance.add_run_tags(run_id, {CAUSE_TAG: f"{worst(causes)}@{run_id[:8]}"})
    said = f"{why.line}\n\n{details}" if details else why.line
    return dg.Failure(said, {CAUSE_METADATA: why.cause}, allow_retries=False)


@contextmanager
def failing_as(context: Context, what: str) -> Iterator[None]:
    """Let the step fail for an error of ours, `what` first in its line; others go on as they are.

    Raises:
        dg.Failure: an error of ours.
    """
    try:
        yield
    except KnownError as error:
        raise step_failure(context, Failure.of(error, what)) from None


def failure_raised(error: Exception) -> Failure:
    """Return why a step fails, by what it raises."""
    if isinstance(error, dg.Failure):
        return _told(error.description or "", error.metadata)
    return Failure.of(error)


def failure_of_step(event: dg.DagsterEvent) -> Failure:
    """Return why a step failed: what `step_failure` has recorded, else its innermost error."""
    data = event.step_failure_data
    noted, error = data.user_failure_data, innermost(data.error)
    if noted and noted.description:
        return _told(noted.description, noted.metadata)
    line = first_line(error.message if error else event.message)
    return Failure(cause_of_step(None, error.cls_name if error else ""), line)


def _told(description: str, metadata: Mapping[str, Any]) -> Failure:
    """Return what `step_failure` has put into a failure."""
    code = metadata.get(CAUSE_METADATA)
    said = plain_line(description.strip().partition("\n")[0])
    return Failure(cause_of_step(code and code.value, ""), said)


def failure_of_run(run: dg.DagsterRun, event: dg.DagsterEvent | None, seconds: float) -> Failure:
    """Return why a run failed without a failed step; `event` is the last about its failure, if
    there is one, `seconds` how long it worked.
    """
    data: Any = event.event_specific_data if event else None
    error = innermost(data.error if data else None)
    said = error.message if error else event and event.message
    return Failure(
        cause_of_end(run.tags, error.cls_name if error else "", seconds), first_line(said)
    )


def innermost(error: Any) -> Any:
    """Return the innermost cause of an error as Dagster has recorded it, None for none."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error

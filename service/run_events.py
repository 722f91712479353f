"""What the events in the log of a run say: as lines for people, and why it failed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from resources.problems.causes import Failure
from resources.problems.run_causes import CAUSE_METADATA, cause_of_end, cause_of_step
from resources.redact import first_line, plain_line
from sync.results.api_answers import LogLine
from sync.runs import Run

STEP_FAILURE, RUN_FAILURE = "ExecutionStepFailureEvent", "RunFailureEvent"
#: What is shown of a log although its level is DEBUG.
_MARKS = frozenset(
    f"{one}Event"
    for one in ("RunStart", "RunSuccess", "ExecutionStepStart", "ExecutionStepSuccess")
)


def is_log_line(event: Mapping[str, Any]) -> bool:
    """Return whether an event is a line of the log: what a load says, where runs and steps begin
    and end, and what fails.
    """
    return event["level"] != "DEBUG" or event["__typename"] in _MARKS


def log_line(event: Mapping[str, Any]) -> LogLine:
    """Return an event as a line of the log."""
    return LogLine(
        at=datetime.fromtimestamp(float(event["timestamp"]) / 1000, UTC),
        level=event["level"],
        text=plain_line(
            _line(event) if event["__typename"] in (STEP_FAILURE, RUN_FAILURE) else event["message"]
        ),
    )


def failure_of_step(event: Mapping[str, Any]) -> Failure:
    """Return why a step failed."""
    entries = (event.get("failureMetadata") or {}).get("metadataEntries") or ()
    code = next((one.get("text") for one in entries if one["label"] == CAUSE_METADATA), None)
    return Failure(
        cause_of_step(code, _innermost(event).get("className", "")), first_line(_line(event))
    )


def failure_of_end(run: Run, event: Mapping[str, Any]) -> Failure:
    """Return why a run failed without a failed step."""
    seconds = 0.0
    if run.started_at and run.ended_at:
        seconds = (run.ended_at - run.started_at).total_seconds()
    cause = cause_of_end(run.tags, _innermost(event).get("className", ""), seconds)
    return Failure(cause, first_line(_line(event)))


def _line(event: Mapping[str, Any]) -> str:
    """Return what a failure says: what the step reported, else its innermost error, else the
    message of the event.
    """
    if event.get("failureMetadata") and event["failureMetadata"]["description"]:
        return str(event["failureMetadata"]["description"])
    return str((_innermost(event) or event).get("message") or "")


def _innermost(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the innermost error of a failure; empty where it has none."""
    error: Mapping[str, Any] = event["error"] or {}
    errors: list[Mapping[str, Any]] = [error, *error.get("causes", ())]
    return errors[-1]

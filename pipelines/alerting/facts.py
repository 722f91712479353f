"""What has happened: runs that have ended, with their failures and checks, as Dagster has recorded them.

Add here: another fact that a rule needs. Keep out: what of it is a problem (`rules.py`), syncs (`resources/warehouse/history.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.tags import CODE_LOCATION_TAG

from assets.partitions import covered_by
from resources.redact import redact

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
#: Runs that one look deals with; what is left is dealt with by the next.
MOST_RUNS = 50
_TOLD = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
}


@dataclass(frozen=True)
class Failure:
    """A step that failed: its assets as one text, and why in one line. Of a run that failed before any its job stands for them."""

    step: str
    assets: str
    cause: str


@dataclass(frozen=True)
class Check:
    """A check that was evaluated: `raw/issues: keys_are_unique`, and what it said. `red`: it failed, and not as a mere warning."""

    name: str
    red: bool
    said: str


@dataclass(frozen=True)
class Ended:
    """A run that has ended. `partition` is its partition or range of partitions, `steps` are those that succeeded."""

    run_id: str
    job: str
    ended_at: datetime
    succeeded: bool
    partition: str
    failures: tuple[Failure, ...] = ()
    steps: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


def ended_runs(instance: dg.DagsterInstance, after: datetime, location: str | None = None) -> Iterator[Ended]:
    """Yield the runs that have ended after an instant, in the order of their last change, fifty at most.

    With `location`, the name of a code location, the runs of others are left out; commands run without one.
    """
    records = instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_after=after), order_by="update_timestamp", ascending=True, limit=MOST_RUNS
    )
    for record in records:
        of = record.dagster_run.tags.get(CODE_LOCATION_TAG)
        # One that has ended long ago may have got a tag since.
        if (of is None or location is None or of == location) and record.end_time and record.end_time > after.timestamp():
            yield _ended(instance, record)


def _ended(instance: dg.DagsterInstance, record: dg.RunRecord) -> Ended:
    run = record.dagster_run
    entries = instance.all_logs(run.run_id, of_type=_TOLD)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    failed = [event for event in events if event.event_type == DagsterEventType.STEP_FAILURE]
    failures = [Failure(str(event.step_key), _assets(events, str(event.step_key)), _cause(event)) for event in failed]
    if run.status == dg.DagsterRunStatus.FAILURE and not failures:
        said = [event.message for event in events if event.event_type == DagsterEventType.RUN_FAILURE]
        failures = [Failure("", f"job {run.job_name}", _one_line(said[-1] if said else None))]
    return Ended(
        run_id=run.run_id,
        job=run.job_name,
        ended_at=datetime.fromtimestamp(record.end_time or 0.0, UTC),
        succeeded=run.status == dg.DagsterRunStatus.SUCCESS,
        partition=covered_by(run),
        failures=tuple(failures),
        steps=tuple(str(event.step_key) for event in events if event.event_type == DagsterEventType.STEP_SUCCESS),
        checks=tuple(_checks(events)),
    )


def _assets(events: list[dg.DagsterEvent], step: str) -> str:
    keys = {
        event.asset_key.to_user_string(): None
        for event in events
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED and event.step_key == step and event.asset_key
    }
    shown = list(keys)[:3]
    return ", ".join(shown) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "") or step


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return _one_line(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return _one_line(error.message if error else event.message)


def _checks(events: list[dg.DagsterEvent]) -> Iterator[Check]:
    for event in events:
        if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            red = not found.passed and found.severity == dg.AssetCheckSeverity.ERROR
            yield Check(f"{found.asset_key.to_user_string()}: {found.check_name}", red, _one_line(found.description))


def _one_line(text: str | None) -> str:
    """Return the first line of a text that says something, without secrets, not longer than a message should be."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return redact(lines[0])[:500] if lines else "no reason was recorded: see the run"

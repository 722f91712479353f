"""What has happened: runs that have ended, with their failures and checks, as Dagster has recorded
them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from assets.checks.operation import STALE_METADATA
from assets.failing import failure_of_run, failure_of_step, innermost
from assets.marts.build_notes import Note, notes_of
from assets.partitions import covered_by
from resources.dagster_tags import FIRST_LOAD_TAG, KIND_TAG
from resources.problems.causes import Failure
from resources.problems.names import name_job
from resources.problems.run_causes import ASKED_TO_END
from resources.redact import first_line

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
#: Runs that one look deals with; what is left is dealt with by the next.
MOST_RUNS = 50
_FAILURES = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
_NEEDED = _FAILURES | {
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_OBSERVATION,
}


@dataclass(frozen=True)
class FailedStep:
    """A step that failed: its assets as one text, and why. Where there are none, its job stands for
    them. `asked`: its process was asked to end.
    """

    step: str
    assets: str
    why: Failure
    asked: bool = False


@dataclass(frozen=True)
class Check:
    """A check that was evaluated: `raw/issues: keys_are_unique`, and what it said. `red`: it
    failed, and not as a mere warning. `stale`: the projects that it found stale.
    """

    name: str
    red: bool
    said: str
    stale: str = ""


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    `partition` is its partition or range of partitions, `steps` are those that succeeded.
    `notes`: what a build of the marts noted; None: it was none, or has failed.
    `of_first_load`: it belongs to the first load of `up`.
    """

    run_id: str
    job: str
    ended_at: datetime
    succeeded: bool
    partition: str
    failures: tuple[FailedStep, ...] = ()
    steps: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: list[Note] | None = None
    of_first_load: bool = False


@dataclass(frozen=True)
class Place:
    """Whose runs an alerter reports, where several code locations share one Dagster.

    `location`: `<repository>@<code location>`, from which come the runs that Dagster starts. Those
        of commands come from none, and are known by the kind of their job, `users@acme`, which ends
        in `scope`. No `scope`: commands do not work for this location.
    """

    location: str
    scope: str | None

    @classmethod
    def of(cls, context: dg.SensorEvaluationContext, scope: str | None) -> "Place | None":
        """Return the place of a sensor; None where it is evaluated outside of a code location."""
        origin, repository = context.code_location_origin, context.repository_name
        return cls(f"{repository}@{origin.location_name}", scope) if origin and repository else None

    def has(self, run: dg.DagsterRun) -> bool:
        """Return whether a run belongs here."""
        origin = run.remote_job_origin
        if origin is None:
            return run.tags.get(KIND_TAG, "").partition("@")[2] == self.scope
        return origin.repository_origin.get_label() == self.location


def ended_runs(
    instance: dg.DagsterInstance,
    after: datetime,
    seen: Collection[str] = (),
    place: Place | None = None,
) -> tuple[list[Ended], datetime]:
    """Return the runs that have ended after an instant, in the order of their last change, and
    until when these are all.

    Fifty at most; the rest has ended later than that. With `place` only its own; those whose ids
    were `seen` are left out.
    """
    limit = MOST_RUNS
    while True:
        records = instance.get_run_records(
            dg.RunsFilter(statuses=ENDED, updated_after=after),
            order_by="update_timestamp",
            ascending=True,
            limit=limit,
        )
        # One that has ended long ago may have got a tag since.
        late = [record for record in records if (record.end_time or 0.0) > after.timestamp()]
        mine = [
            record
            for record in late
            if record.dagster_run.run_id not in seen
            and (place is None or place.has(record.dagster_run))
        ]
        if len(mine) >= MOST_RUNS or len(records) < limit:
            break
        limit *= 2
    chosen = mine[:MOST_RUNS]
    until = max(
        (record.end_time or 0.0 for record in (chosen if len(mine) > len(chosen) else late)),
        default=after.timestamp(),
    )
    return [_ended_run(instance, record) for record in chosen], datetime.fromtimestamp(until, UTC)


def _ended_run(instance: dg.DagsterInstance, record: dg.RunRecord) -> Ended:
    run = record.dagster_run
    events = _events(instance, run, _NEEDED)
    return Ended(
        run_id=run.run_id,
        job=run.job_name,
        ended_at=datetime.fromtimestamp(record.end_time or 0.0, UTC),
        succeeded=run.status == dg.DagsterRunStatus.SUCCESS,
        partition=covered_by(run),
        failures=tuple(_failures(record, events)),
        steps=tuple(
            str(event.step_key)
            for event in events
            if event.event_type == DagsterEventType.STEP_SUCCESS
        ),
        checks=tuple(_checks(events)),
        notes=next((notes for event in events if (notes := notes_of(event)) is not None), None),
        of_first_load=FIRST_LOAD_TAG in run.tags,
    )


def causes(instance: dg.DagsterInstance, record: dg.RunRecord) -> list[Failure]:
    """Return why a run failed, each cause once; empty for one that did not."""
    failed = _failures(record, _events(instance, record.dagster_run, _FAILURES))
    return list(dict.fromkeys(one.why for one in failed))


def _events(
    instance: dg.DagsterInstance, run: dg.DagsterRun, types: set[DagsterEventType]
) -> list[dg.DagsterEvent]:
    entries = instance.all_logs(run.run_id, of_type=types)
    return [entry.dagster_event for entry in entries if entry.dagster_event is not None]


def _failures(record: dg.RunRecord, events: list[dg.DagsterEvent]) -> list[FailedStep]:
    run = record.dagster_run
    failed = [
        FailedStep(
            str(event.step_key),
            _assets(events, str(event.step_key)) or name_job(run.job_name),
            failure_of_step(event),
            _asked_to_end(event.step_failure_data.error),
        )
        for event in events
        if event.event_type == DagsterEventType.STEP_FAILURE
    ]
    if run.status == dg.DagsterRunStatus.FAILURE and not failed:
        ends = [event for event in events if event.event_type == DagsterEventType.RUN_FAILURE]
        end = ends[-1] if ends else None
        data: Any = end.event_specific_data if end else None
        seconds = (record.end_time or 0.0) - (record.start_time or record.end_time or 0.0)
        why = failure_of_run(run, end, seconds)
        asked = _asked_to_end(data.error if data else None)
        failed = [FailedStep("", name_job(run.job_name), why, asked)]
    return failed


def _asked_to_end(error: Any) -> bool:
    inner = innermost(error)
    return inner is not None and inner.cls_name == ASKED_TO_END


def _assets(events: list[dg.DagsterEvent], step: str) -> str:
    keys = {
        event.asset_key.to_user_string(): None
        for event in events
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        and event.step_key == step
        and event.asset_key
    }
    return ", ".join(list(keys)[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _checks(events: list[dg.DagsterEvent]) -> Iterator[Check]:
    for event in events:
        if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            yield Check(
                f"{found.asset_key.to_user_string()}: {found.check_name}",
                not found.passed and found.severity == dg.AssetCheckSeverity.ERROR,
                first_line(found.description),
                str(stale.value) if (stale := found.metadata.get(STALE_METADATA)) else "",
            )

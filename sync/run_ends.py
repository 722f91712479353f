"""What the end of a run means for the history.

A load that fails says so in its own row. Other runs end without a row: they are refused or canceled
in the queue, their worker is killed or never starts, they build marts or only evaluate checks. Only
Dagster knows of those. The service, the alerter and commands pass the runs that they find to this
module; each run is recorded once, by the first that finds it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from resources.problems.causes import Failure
from resources.redact import first_line
from resources.warehouse.history.history_reader import unreported
from resources.warehouse.history.history_writer import (
    RunEnd,
    record_cancellations,
    record_ends,
)
from resources.warehouse.history.run_kinds import CANCELED, kind_of, projects_of
from sync.runs import Run


def unrecorded(engine: Engine, space_key: str, runs: Sequence[Run]) -> list[Run]:
    """Return the ended runs whose end the history lacks; `record` is next.

    Before that, syncs of canceled runs say so.
    `space_key` is that of `known_spaces.space_or_url`.
    """
    bad = {run.run_id: run.ended_badly for run in runs}
    canceled = [run.run_id for run in runs if run.state == "canceled"]
    if canceled:
        record_cancellations(engine, canceled)
    missing = unreported(engine, bad)
    return [run for run in runs if run.run_id in missing]


def record(
    engine: Engine,
    space_key: str,
    runs: Sequence[Run],
    causes: Mapping[str, Sequence[Failure]],
) -> None:
    """Record how runs ended; `causes` are run -> why it failed, of those that ended badly."""
    record_ends(engine, space_key, [_end(run, causes.get(run.run_id, ())) for run in runs])


def _end(run: Run, causes: Sequence[Failure]) -> RunEnd:
    failure = Failure.together(causes)
    if run.state == "canceled":
        said = f": {failure.line}" if failure else ""
        failure = Failure("canceled", f"{CANCELED}{said}")
    elif run.ended_badly and failure is None:
        failure = Failure("interrupted", first_line(None))
    return RunEnd(
        run.run_id,
        kind_of(run.job, sorted(map(list, run.assets))),
        run.started_at or run.created_at,
        run.ended_at or run.created_at,
        failure,
        projects_of(run.tags),
    )

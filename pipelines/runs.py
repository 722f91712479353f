"""Runs of this deployment: which are alive, and an end for those whose process is gone.

`backlog-elt load` runs in its own process, which nobody watches; when that is killed, its run would
stay "started" for ever and the schedules would wait for it. Runs in the container of a code server
end with it. Those in pods and workers are watched by Dagster.
"""

import time
from collections.abc import Sequence

import dagster as dg

from pipelines.processes import alive, is_elsewhere, mark
from resources.dagster_tags import (
    CODE_LOCATION_TAG,
    GRPC_INFO_TAG,
    MAX_RUNTIME_TAG,
    REPOSITORY,
    REPOSITORY_LABEL_TAG,
)

#: Tag of a run that lives in the process of a command; the value is `processes.mark()`. The UI
#: hides tags that begin like this.
PROCESS_TAG = ".dagster/backlog_elt_process"
#: The same tag of runs of versions before this one.
OLD_PROCESS_TAG = "backlog_elt/process"

#: Dagster's error of a step whose process was asked to end.
INTERRUPTED = "DagsterExecutionInterruptedError"
#: A command on another machine is taken for dead when its run has recorded nothing for so long. It
#: records each part of its work.
SILENT_HOURS = 12

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def command_tags(location: str) -> dict[str, str]:
    """Return the tags of a run in this process: who it is, and the code location among whose jobs
    the UI lists the run.

    It may take as long as it needs, as a first load of days: Dagster cannot end it, and would only
    call it failed.
    """
    return {
        PROCESS_TAG: mark(),
        REPOSITORY_LABEL_TAG: f"{REPOSITORY}@{location}",
        MAX_RUNTIME_TAG: "0",
    }


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End every active run whose command has died, and return their ids.

    A run that Dagster has launched is watched by Dagster; one that was executed again in the UI has
    the tags of a command's run.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
        process = run.tags.get(PROCESS_TAG) or run.tags.get(OLD_PROCESS_TAG)
        if not process or run.remote_job_origin is not None:
            continue
        if not alive(process):
            _end_run(instance, run, "the process of the command ended without finishing this run")
        elif is_elsewhere(process) and _is_silent(instance, run):
            _end_run(
                instance,
                run,
                f"its command on another machine has recorded nothing for {SILENT_HOURS} hours",
            )
        else:
            continue
        ended.append(run.run_id)
    return ended


def _is_silent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    records = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return bool(records) and time.time() - records[0].timestamp > SILENT_HOURS * 3_600


def runs_of_code_server(instance: dg.DagsterInstance, location: str) -> list[str]:
    """Return the ids of the runs that count as at work with the code server of a location."""
    working = [
        status
        for status in ACTIVE
        if status not in {dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED}
    ]
    runs = instance.get_runs(dg.RunsFilter(statuses=working, tags={CODE_LOCATION_TAG: location}))
    return [run.run_id for run in runs if GRPC_INFO_TAG in run.tags]


def end_runs(instance: dg.DagsterInstance, run_ids: Sequence[str], why: str) -> list[str]:
    """End those of some runs that are still active, and return their ids."""
    runs = (
        instance.get_runs(dg.RunsFilter(run_ids=list(run_ids), statuses=ACTIVE)) if run_ids else []
    )
    for run in runs:
        _end_run(instance, run, f"{why}; the next run goes on where the data ends")
    return [run.run_id for run in runs]


def _end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Mark a run as failed, which Dagster may start once more, or as canceled where somebody had
    asked for its end.
    """
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, why)
    else:
        instance.report_run_failed(run, why)

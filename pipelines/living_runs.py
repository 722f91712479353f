"""The runs of this deployment: which are alive, and the end of those whose process is gone.

`backlog-elt load` runs in its own process, which Dagster does not monitor. If it is killed, its run
would stay "started" forever and schedules would wait for it. Runs in the container of a code server
end with the container. Dagster monitors runs in pods and workers.
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

#: Tag of a run in the process of a command; the value is `processes.mark()`. The UI hides tags with
#: this prefix.
PROCESS_TAG = ".dagster/backlog_elt_process"
#: The same tag in earlier versions.
OLD_PROCESS_TAG = "backlog_elt/process"

#: A command on another machine counts as dead when its run has recorded nothing for this time. Runs
#: record each part of their work.
SILENT_HOURS = 12

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def command_tags(location: str) -> dict[str, str]:
    """Return the tags of a run in this process: its process, and the code location under which the
    UI lists it.

    It has no time limit, since a first load may take days: Dagster could not end it, only report it
    as failed.
    """
    return {
        PROCESS_TAG: mark(),
        REPOSITORY_LABEL_TAG: f"{REPOSITORY}@{location}",
        MAX_RUNTIME_TAG: "0",
    }


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End every active run whose command has died, and return their ids.

    Runs that Dagster launched are skipped, since Dagster monitors them. A re-execution in the UI
    has the tags of the command's run.
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
    """Return the ids of the active runs that work with the code server of a location."""
    working = [
        status
        for status in ACTIVE
        if status not in {dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED}
    ]
    runs = instance.get_runs(dg.RunsFilter(statuses=working, tags={CODE_LOCATION_TAG: location}))
    return [run.run_id for run in runs if GRPC_INFO_TAG in run.tags]


def end_runs(instance: dg.DagsterInstance, run_ids: Sequence[str], why: str) -> list[str]:
    """End the given runs that are still active, and return their ids."""
    runs = (
        instance.get_runs(dg.RunsFilter(run_ids=list(run_ids), statuses=ACTIVE)) if run_ids else []
    )
    for run in runs:
        _end_run(instance, run, f"{why}; the next run goes on where the data ends")
    return [run.run_id for run in runs]


def _end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """Mark a run as failed, so that Dagster may retry it, or as canceled if that was requested."""
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, why)
    else:
        instance.report_run_failed(run, why)

"""Runs of this deployment: which are alive, and an end for those whose process is gone.

`backlog-elt load` runs in its own process, which nobody watches; when that is killed, its run would stay "started" for ever and the
schedules would wait for it. The daemon's own runs are watched by Dagster's run monitoring.

Add here: another way a run can die unnoticed. Keep out: what a run does.
"""

import os

import dagster as dg
import psutil

#: Tag of a run that lives in the process of a command; the value is the process id and its start time.
PROCESS_TAG = "backlog_elt/process"

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_mark() -> str:
    """Return the value of `PROCESS_TAG` for runs in this process."""
    return f"{os.getpid()}@{psutil.Process().create_time()}"


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed every active run whose command has died, and return their ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
        mark = run.tags.get(PROCESS_TAG)
        if mark and not _alive(mark):
            instance.report_run_failed(run, "the process of the command ended without finishing this run")
            ended.append(run.run_id)
    return ended


def _alive(mark: str) -> bool:
    pid, _, started = mark.partition("@")
    try:
        return str(psutil.Process(int(pid)).create_time()) == started
    except (psutil.Error, ValueError):
        return False

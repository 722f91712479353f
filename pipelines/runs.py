"""Runs of this deployment: which are alive, and an end for those whose process is gone.

`backlog-elt load` runs in its own process, which nobody watches; when that is killed, its run would stay "started" for ever and the
schedules would wait for it. The daemon's own runs are watched by Dagster's run monitoring.

Add here: another way a run can die unnoticed. Keep out: what a run does.
"""

import dagster as dg

from pipelines.processes import alive

#: Tag of a run that lives in the process of a command; the value is `processes.mark()`.
PROCESS_TAG = "backlog_elt/process"

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed every active run whose command has died, and return their ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
        mark = run.tags.get(PROCESS_TAG)
        if mark and not alive(mark):
            instance.report_run_failed(run, "the process of the command ended without finishing this run")
            ended.append(run.run_id)
    return ended

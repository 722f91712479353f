"""One tick of a schedule and the run that it requests, in this process: `python -m benchmarks.tick
issues`.

Prints `{"tables": {table: {read, inserted, ...}}}`.
"""

import json
import os
import sys
from datetime import UTC, datetime

import dagster as dg

from pipelines.cli.in_process import QUIET, Recorder, connection
from pipelines.hosting.environment import prepare_storage
from resources.progress import LogProgress
from resources.settings import Settings


def main(kind: str) -> None:
    """Evaluate the schedule of a kind (`issues`, `projects`) and run what it asks for; raises when
    the run fails.
    """
    prepare_storage(Settings.from_env(os.environ))
    # Imported here, when the variables that the definitions read have been set.
    from pipelines.raw_definitions import build_raw_definitions
    from pipelines.schedules import issues_every_12_hours, projects_every_6_hours

    recorder = Recorder(LogProgress(write=lambda _line: None))
    with dg.DagsterInstance.get() as instance:
        now = datetime.now(UTC)
        with connection() as (backlog, warehouse):
            resources = {"backlog": backlog, "warehouse": warehouse} if kind == "issues" else {}
            with dg.build_schedule_context(
                instance=instance, scheduled_execution_time=now, resources=resources
            ) as context:
                request = (
                    issues_every_12_hours(context)
                    if kind == "issues"
                    else projects_every_6_hours(context)
                )
        if not isinstance(request, dg.RunRequest):
            # an answer, not a wrong argument
            raise RuntimeError(f"the tick starts nothing: {request}")  # noqa: TRY004
        job = build_raw_definitions({"progress": recorder}).resolve_job_def(kind)
        job.execute_in_process(
            run_config={**QUIET, **request.run_config}, tags=request.tags, instance=instance
        )
    sys.stdout.write(json.dumps({"tables": recorder.tables}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

"""The run launcher that spreads runs over workers: each goes to the queue of its code location,
whose workers have its space's key.

Dagster's own launcher for Celery sends all runs to one queue, and believes for ever that a worker
is at work that was killed.
"""

from collections import Counter
from typing import Any

from dagster import DagsterRun, StringSource
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG, DAGSTER_CELERY_TASK_ID_TAG

from assets.dagster_internals import worker_health
from pipelines.hosting.celery_app import CONFIG

#: A worker gets this long to say what it works on; one that is silent twice in a row is gone.
ANSWER_SECONDS = 3.0
SILENCES = 2


class LocationRunLauncher(CeleryRunLauncher):
    """Sends a run to the queue that is called like its code location, and asks after it."""

    def __init__(self, broker: str, inst_data: Any = None) -> None:
        super().__init__("dagster", broker, broker, config_source=CONFIG, inst_data=inst_data)
        self._silences: Counter[str] = Counter()

    @classmethod
    def config_type(cls) -> Any:
        """Return what dagster.yaml says: the URL of the Redis for runs and their results."""
        return {"broker": StringSource}

    def launch_run(self, context: Any) -> None:
        """Send a run to the workers of its code location."""
        run = context.dagster_run
        assert run.remote_job_origin is not None  # noqa: S101 - it comes from the queue of runs
        queue = run.remote_job_origin.location_name
        self._instance.add_run_tags(run.run_id, {DAGSTER_CELERY_QUEUE_TAG: queue})
        sent = run.with_tags({**run.tags, DAGSTER_CELERY_QUEUE_TAG: queue})
        super().launch_run(context._replace(dagster_run=sent))

    def check_run_worker_health(self, run: DagsterRun) -> Any:
        """Say whether a run is being worked on."""
        if run.remote_job_origin is None:
            return worker_health("RUNNING", "it works in the process of a command")
        found = super().check_run_worker_health(run)
        if found.status.name == "RUNNING" and not self._works_on(run):
            self._silences[run.run_id] += 1
            if self._silences[run.run_id] >= SILENCES:
                del self._silences[run.run_id]
                return worker_health("FAILED", "its worker is gone or does not know it")
        else:
            self._silences.pop(run.run_id, None)
        return found

    def _works_on(self, run: DagsterRun) -> bool:
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        worker = (self.celery.AsyncResult(task_id).info or {}).get("hostname")
        asked = [worker] if worker else None
        active = self.celery.control.inspect(asked, timeout=ANSWER_SECONDS).active() or {}
        return any(task["id"] == task_id for tasks in active.values() for task in tasks)

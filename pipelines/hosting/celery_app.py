"""The Celery application of workers: a run that was sent to the queue of a code location is a task
of one of its workers.

`python -m pipelines.hosting.deployed worker -Q acme` starts one, with the variables of the code
server of acme.
"""

import os

from celery import Celery
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from resources.variables import BROKER_URL

#: Longer than a run may last (`max_runtime_seconds` in dagster.yaml): a task that is not finished
#: by then is delivered again.
_LONGEST_SECONDS = 13 * 3600
_BROKER = os.environ.get(BROKER_URL)
CONFIG = {
    # A worker holds no more tasks than it works on, so that no run waits behind a long one while
    # another worker is free.
    "worker_prefetch_multiplier": 1,
    "task_acks_late": True,
    "broker_transport_options": {"visibility_timeout": _LONGEST_SECONDS},
    "broker_connection_retry_on_startup": True,
    "result_expires": 2 * _LONGEST_SECONDS,
    # Dagster logs what a run has to say.
    "worker_hijack_root_logger": False,
}

#: Tasks and their results go through a Redis.
_BY_REDIS = {"broker": _BROKER, "backend": _BROKER}
_OPTIONS = {**_BY_REDIS, "config_source": CONFIG, "task_default_queue": "dagster"}
app: Celery = make_app(_OPTIONS)  # type: ignore[no-untyped-call]
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)

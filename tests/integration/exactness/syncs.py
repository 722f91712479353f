"""The syncs that the product offers, each as one call that says whether it succeeded.

Add here: another way to read. Keep out: what disturbs it.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import dagster as dg

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG, contiguous, month_keys, partition_key
from pipelines.jobs import issues_config
from tests.deployment import Deployment
from tests.integration.exactness.sabotage import Killed
from tests.integration.exactness.truth import seen_projects


def incremental(deployment: Deployment, _rng: Random) -> bool:
    """Read what has changed, as the schedule does."""
    return _issues(deployment, "incremental")


def touched(deployment: Deployment, _rng: Random) -> bool:
    """Read what the activity feed tells, as the sensor does."""
    return _issues(deployment, "touched")


def deep(deployment: Deployment, _rng: Random) -> bool:
    """Read a share of the issues again, as the nightly deep pass does."""
    return _issues(deployment, "deep")


def backfill(deployment: Deployment, rng: Random) -> bool:
    """Read a random rectangle of partitions again: some months of one project."""
    months = month_keys()
    first, last = sorted(rng.choices(months, k=2))
    return _issues(deployment, "backfill", [rng.choice(_keys(deployment))], first, last)


def look_whole(deployment: Deployment, _rng: Random) -> bool:
    """Read everything again that the key sees, as `load --full` does."""
    done = [_run(deployment, "users"), _run(deployment, "projects")]
    return all([*done, _issues(deployment, "backfill", _keys(deployment))])


def _keys(deployment: Deployment) -> list[str]:
    return [project.key for project in seen_projects(deployment.sim.space)]


def _issues(deployment: Deployment, mode: Any, keys: Sequence[str] = (), first: str = "", last: str = "") -> bool:
    """Run the job over the rectangle of some projects (none: all that have partitions) and months (none: all)."""
    deployment.discover()
    months, partitions = month_keys(), deployment.partitions
    stretches = contiguous(keys, partitions) if keys else [(partitions[0], partitions[-1])]
    done = [
        _run(
            deployment,
            "issues",
            config=issues_config(mode),
            tags={
                RANGE_START_TAG: partition_key(start, first or months[0]),
                RANGE_END_TAG: partition_key(end, last or months[-1]),
            },
        )
        for start, end in stretches
    ]
    return all(done)


def _run(deployment: Deployment, job: str, **options: Any) -> bool:
    """Run a job; a death in the middle of it is a failure."""
    try:
        return deployment.run(job, **options).success
    except (Killed, dg.DagsterError):
        return False

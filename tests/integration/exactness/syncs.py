"""The syncs that the product offers, each as one call that says whether it succeeded."""

from collections.abc import Sequence
from random import Random
from typing import Any

import dagster as dg

from assets.partitions import contiguous, month_keys
from pipelines.jobs import issues_config
from pipelines.schedules import issues_request, single_issues_request
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from sync.partition_ranges import partition_key
from tests.deployment import Deployment
from tests.integration.exactness.sabotage import Killed
from tests.integration.exactness.truth import seen_projects


def incremental(deployment: Deployment, _rng: Random) -> bool:
    """Read what has changed, as the schedule does."""
    deployment.discover()
    return _requested(
        deployment, issues_request(deployment.partitions, deployment.oldest_watermark())
    )


def targeted(deployment: Deployment, _rng: Random) -> bool:
    """Read what the activity feed tells, as the sensor does."""
    return _requested(
        deployment, single_issues_request(deployment.discover().partitions, "targeted")
    )


def refresh(deployment: Deployment, _rng: Random) -> bool:
    """Read a share of the issues again, as the rolling refresh does."""
    return _requested(
        deployment, single_issues_request(deployment.discover().partitions, "refresh")
    )


def backfill(deployment: Deployment, rng: Random) -> bool:
    """Read a random rectangle of partitions again: some months of one project."""
    months = month_keys()
    first, last = sorted(rng.choices(months, k=2))
    return _windows(deployment, [rng.choice(_keys(deployment))], first, last)


def look_whole(deployment: Deployment, _rng: Random) -> bool:
    """Read everything again that the key sees, as `load --full` does."""
    done = [_run(deployment, "users"), _run(deployment, "projects")]
    return all([*done, _windows(deployment, _keys(deployment))])


def _keys(deployment: Deployment) -> list[str]:
    return [project.key for project in seen_projects(deployment.sim.space)]


def _requested(deployment: Deployment, request: dg.RunRequest) -> bool:
    return _run(deployment, "issues", config=request.run_config, tags=request.tags)


def _windows(deployment: Deployment, keys: Sequence[str], first: str = "", last: str = "") -> bool:
    """Read the rectangle of some projects and months (none: all) again whole."""
    deployment.discover()
    months = month_keys()
    done = [
        _run(
            deployment,
            "issues",
            config=issues_config("backfill"),
            tags={
                RANGE_START_TAG: partition_key(start, first or months[0]),
                RANGE_END_TAG: partition_key(end, last or months[-1]),
            },
        )
        for start, end in contiguous(keys, deployment.partitions)
    ]
    return all(done)


def _run(deployment: Deployment, job: str, **options: Any) -> bool:
    """Run a job; a death in the middle of it is a failure."""
    try:
        return deployment.run(job, **options).success
    except (Killed, dg.DagsterError):
        return False

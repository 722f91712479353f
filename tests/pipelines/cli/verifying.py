"""Comparisons in a test: run as the command runs them, on a deployment, with its instance for the
loads that repair.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from pipelines.cli.in_process import Recorder
from pipelines.cli.verify_command import Verified, VerifyRequest, run_loads, verify_between
from sync.reconcile.verdict import Repair
from tests.deployment import Deployment


def verify(deployment: Deployment, **options: Any) -> Verified:
    """Compare; `options` are those of `VerifyRequest`. The count of requests starts anew."""
    deployment.sim.requests.clear()
    with ExitStack() as stack:
        backlog, warehouse = deployment.backlog, deployment.warehouse
        for resource in (backlog, warehouse):
            stack.callback(resource.close)

        def load_again(repairing: Repair, recorder: Recorder) -> Iterator[str]:
            yield from run_loads(
                deployment.with_progress(recorder).raw_definitions, deployment.instance, repairing
            )

        request = VerifyRequest.create(
            **{"deep": False, "repair": False, "comments": True, "projects": (), **options}
        )
        return verify_between(backlog, warehouse, request, deployment.progress, load_again)


def deep(deployment: Deployment, **options: Any) -> Verified:
    """Compare every row."""
    return verify(deployment, deep=True, **options)

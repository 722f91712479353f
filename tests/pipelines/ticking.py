"""Sensors on an instance, tick by tick as the daemon evaluates them, and the runs and webhooks
around them.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from pipelines.definitions import defs
from pipelines.living_runs import PROCESS_TAG
from pipelines.processes import mark
from resources.dagster_tags import KIND_TAG
from resources.warehouse.state import webhook_inbox
from simulator.model import Issue
from tests.deployment import Deployment, Run, failures


class Daemon:
    """Evaluates a sensor tick by tick, with the cursor that the last tick left."""

    def __init__(self, deployment: Deployment, sensor: dg.SensorDefinition) -> None:
        self.deployment = deployment
        self.sensor = sensor
        self.cursor: str | None = None

    def tick(self) -> tuple[dg.RunRequest | None, str | None]:
        """Return the run that a tick requests, or why it requests none."""
        context = dg.build_sensor_context(
            instance=self.deployment.instance,
            cursor=self.cursor,
            definitions=defs,
            resources={"backlog": self.deployment.backlog, "warehouse": self.deployment.warehouse},
        )
        with context:
            found = self.sensor.evaluate_tick(context)
        self.cursor = found.cursor or self.cursor
        requests = found.run_requests or []
        assert len(requests) <= 1
        return (requests[0], None) if requests else (None, found.skip_message)

    def age(self, by: timedelta) -> None:
        """Let the last request of the sensor lie farther back."""
        seen = json.loads(self.cursor or "{}")
        seen["requested_at"] = (datetime.fromisoformat(seen["requested_at"]) - by).isoformat()
        self.cursor = json.dumps(seen)


def run(deployment: Deployment, request: dg.RunRequest | None) -> Run:
    assert request is not None
    done = deployment.run("targeted_sync", config=request.run_config, tags=dict(request.tags))
    assert done.success, failures(done)
    return done


def add_run(
    instance: dg.DagsterInstance,
    kind: str,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Write down a run of a kind, and return its id."""
    return instance.add_run(
        dg.DagsterRun(job_name=kind, status=status, tags={KIND_TAG: kind, **(tags or {})})
    ).run_id


def active(deployment: Deployment, kind: str) -> str:
    return add_run(deployment.instance, kind, tags={PROCESS_TAG: mark()})


def some(deployment: Deployment, count: int = 1) -> list[Issue]:
    return list(deployment.sim.space.issues.values())[:count]


def post(deployment: Deployment, *events: Any) -> None:
    with deployment.engine.begin() as connection:
        for event in events:
            webhook_inbox.receive(
                connection, "acme", event if isinstance(event, str) else json.dumps(event)
            )


def outcomes(deployment: Deployment) -> list[str]:
    return [
        row["outcome"]
        for row in deployment.query("SELECT outcome FROM ops.webhook_events ORDER BY id")
    ]


def event(issue: Issue, kind: Any = 2, number: Any = 9_100_000_001, **more: Any) -> dict[str, Any]:
    content = {"id": str(issue.id), "key_id": str(issue.key_id), **more}
    return {"id": number, "type": kind, "project": {"id": issue.project_id}, "content": content}

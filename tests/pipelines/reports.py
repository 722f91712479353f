"""The alerter as its sensor uses it, on a receiver of a test's own."""

import json
from datetime import UTC, datetime, timedelta

from pipelines.alerting.alerter import Alerter
from pipelines.alerting.ledger import Ledger
from resources.alerts.channel import Channel
from resources.alerts.channels import Slack
from resources.secret import Secret
from tests.deployment import Deployment
from tests.sinks import WebhookSink

DAGSTER = "http://dagster"


def alerter(deployment: Deployment, *channels: Channel) -> Alerter:
    return Alerter(deployment.instance, deployment.warehouse, deployment.sim.url, channels, DAGSTER)


def look(one: Alerter, minutes: float = 0.0) -> Ledger:
    return one.look(datetime.now(UTC) + timedelta(minutes=minutes))


def watching(deployment: Deployment, sink: WebhookSink) -> Alerter:
    """Return an alerter that writes to a receiver, and has looked once."""
    made = alerter(deployment, Slack(Secret(sink.url)))
    look(made)
    return made


def texts(sink: WebhookSink) -> list[str]:
    return [json.loads(body)["text"] for _, body in sink.received]


def titles(sink: WebhookSink) -> list[str]:
    return [text.splitlines()[0] for text in texts(sink)]

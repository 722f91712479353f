"""Two spaces in one Dagster: what is asked of them, and where their alerts arrive."""

import json
from dataclasses import dataclass

from assets.partitions import ISSUE_TABLES
from simulator import Simulator
from tests.integration.compose import Engine, at, stored_issues, wait_until
from tests.sinks import MailSink, WebhookSink

#: The alerter looks twice a minute.
TOLD_SECONDS = 180.0
_SPACE_TICKS = """
query($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 50) { timestamp endTimestamp } } }
  }
}"""
_PARTITIONS = (
    "query($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { assetKey { path } "
    "partitionStats { numFailed } } }"
)


@dataclass(frozen=True)
class Told:
    """Where alerts arrive: those of both spaces on `slack`, those of acme on all."""

    slack: WebhookSink
    teams: WebhookSink
    mail: MailSink

    @property
    def variables(self) -> dict[str, str]:
        """What sends those of acme to the others."""
        return {
            "BACKLOG_ALERT_TEAMS_URL": f"{self.teams.url}/teams",
            "BACKLOG_ALERT_SMTP_URL": self.mail.url,
            "BACKLOG_ALERT_MAIL_FROM": "elt@example.com",
            "BACKLOG_ALERT_MAIL_TO": "ops@example.com",
        }

    def titles(self) -> dict[str, list[str]]:
        """Return the first line of each message, by channel."""
        cards = [json.loads(body)["attachments"][0]["content"] for _, body in self.teams.received]
        return {
            "slack": [json.loads(body)["text"].splitlines()[0] for _, body in self.slack.received],
            "teams": [card["body"][0]["text"] for card in cards],
            "mail": [
                mail["Subject"].removeprefix("[backlog-elt] ") for _, mail in self.mail.received
            ],
        }

    def wait_for(self, *titles: str) -> None:
        """Wait until each channel has got just this about the issues of acme, in time."""

        def found() -> dict[str, list[str]]:
            return {
                name: [title for title in notified if "acme/raw/issues" in title]
                for name, notified in self.titles().items()
            }

        try:
            wait_until(
                lambda: all(len(notified) >= len(titles) for notified in found().values()),
                "too few",
                TOLD_SECONDS,
            )
        finally:
            assert found() == {name: [*titles] for name in found()}


@dataclass(frozen=True)
class Deployed:
    """Two spaces, the services that load them, and where alerts about the first arrive."""

    engine: Engine
    spaces: dict[str, Simulator]
    warehouse_url: str
    notified: Told

    def stored(self, space: str) -> set[int]:
        """Return the ids of the issues of a space in the warehouse."""
        return stored_issues(self.warehouse_url, space)

    def ticks(self, space: str, sensor: str) -> list[tuple[float, float | None]]:
        """Return when the last ticks of a sensor began and ended; one at work has no end."""
        selector = at(space, sensorName=sensor)
        found = self.engine.ask(_SPACE_TICKS, sensor=selector)["sensorOrError"]["sensorState"]
        return [(tick["timestamp"], tick["endTimestamp"]) for tick in found["ticks"]]

    def left_failed(self, space: str) -> dict[str, int]:
        """Return how many partitions of each table of issues Dagster shows as failed."""
        nodes = self.engine.ask(
            _PARTITIONS, keys=[{"path": [space, "raw", table]} for table in ISSUE_TABLES]
        )["assetNodes"]
        return {
            "/".join(node["assetKey"]["path"]): node["partitionStats"]["numFailed"]
            for node in nodes
        }

"""The text of alerts: the cause of each problem, the next step with its section of the runbook, and
the labels of a message.

`problems.py` decides what is a problem and takes its text from here. Only the first words of a
title, which a test message has too, are in `resources/alerts/message_layout.py::HEADS`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pipelines.alerting.facts import Check, Ended, Failure
from pipelines.retrying import RETRY_JOB
from resources.alerts.message_layout import Message
from resources.cadences import Cadence
from resources.conditions import WORDS, ConditionKind
from resources.warehouse.seen_conditions import Condition
from resources.warehouse.warehouse_errors import WarehouseError

RUNBOOK = "docs/operating.md, section"
_SOURCE_STEPS: dict[ConditionKind, str] = {
    "unreachable": "check that Backlog and the network are up; loads resume when it answers",
    "refused": "renew the key or log in again, and let the space accept this "
    "machine; loads then resume",
    "rate_limited": "let other programs of this user make fewer requests, or give this one its own "
    "user; loads continue, slowly",
}


@dataclass(frozen=True)
class Problem:
    """Something that a person should know. `key` says what it is about, so that it is reported once
    while it lasts.

    `kind` is one of the first words of a message, `asset` and `partition` name what is wrong,
    `step` what to do next.
    """

    key: str
    kind: str
    asset: str
    cause: str
    step: str
    partition: str = ""
    run_id: str = ""

    def message(self, dagster_url: str) -> Message:
        """Return the message when it begins."""
        facts = [
            ("partition", self.partition),
            ("cause", self.cause),
            ("next step / 次の手順", self.step),
        ]
        return self._message(self.kind, facts, dagster_url)

    def recovered(self, dagster_url: str, since: datetime, now: datetime) -> Message:
        """Return the message when it has ended."""
        duration = str(timedelta(seconds=int((now - since).total_seconds())))
        facts = [("partition", self.partition), ("was", self.cause), ("duration", duration)]
        return self._message("recovered", facts, dagster_url)

    def _message(self, kind: str, facts: list[tuple[str, str]], dagster_url: str) -> Message:
        link = f"{dagster_url}/runs/{self.run_id}" if dagster_url and self.run_id else dagster_url
        return Message(kind, self.asset, tuple(fact for fact in facts if fact[1]), link)


def source_problem(key: str, url: str, condition: Condition) -> Problem:
    """Return the problem of a source that cannot be read, or only slowly."""
    kind = "failed" if condition.disconnected else "anomaly"
    cause = (
        f"it {WORDS[condition.kind]} since {condition.since:%Y-%m-%d %H:%M} "
        f"UTC: {condition.message}"
    )
    step = f"{_SOURCE_STEPS[condition.kind]} ({RUNBOOK} 'Backlog cannot be read')"
    return Problem(key, kind, f"Backlog at {urlsplit(url).netloc}", cause, step)


def failure(key: str, run: Ended, failed: Failure, *, backfill: bool) -> Problem:
    """Return the problem of a step that failed, or of a run that failed before any."""
    schedule = "fix the cause; the next scheduled run continues where this one stopped"
    what = f"fix the cause, then start the job {RETRY_JOB}" if backfill else schedule
    step = f"{what} ({RUNBOOK} 'A run has failed')"
    return Problem(key, "failed", failed.assets, failed.cause, step, run.partition, run.run_id)


def red_check(key: str, run: Ended, check: Check) -> Problem:
    """Return the problem of a check that failed."""
    step = f"open the check in Dagster: it shows the rows ({RUNBOOK} 'A check is red')"
    return Problem(key, "failed", check.name, check.said, step, run_id=run.run_id)


def silence(key: str, kind: str, cadence: Cadence, last: datetime | None) -> Problem:
    """Return the problem of a kind of sync that has not succeeded for too long; `last`: when it
    did, None if it never has.
    """
    hours = f"{cadence.interval.total_seconds() / 3600:.0f} h"
    success = f"last success {last:%Y-%m-%d %H:%M} UTC" if last else "never"
    cause = (
        f"no sync of {kind} has succeeded for longer than its cadence of {hours} allows ({success})"
    )
    step = f"check that the daemon runs and the schedule is on ({RUNBOOK} 'No sync')"
    return Problem(key, "silent", f"raw/{kind}", cause, step)


def warehouse(key: str, error: WarehouseError) -> Problem:
    """Return the problem of a warehouse that cannot be used."""
    step = (
        f"check that PostgreSQL runs and WAREHOUSE_URL is right ({RUNBOOK} 'The warehouse is gone')"
    )
    return Problem(key, "failed", "warehouse", str(error), step)


def token_problem(key: str, url: str, reason: str) -> Problem:
    """Return the problem of an access by OAuth that is not renewed any more."""
    step = f"backlog-elt login ({RUNBOOK} 'The token cannot be renewed')"
    return Problem(key, "failed", f"access to {urlsplit(url).netloc}", reason, step)

"""The inbox of webhooks: each event in `ops.webhook_events` becomes a refetch request, as each row
of the activity feed does.

A webhook is a hint to look, never data: it is unsigned, may come twice, late or never, and holds
less than the feed. So an event only says which issues to read; the feed itself brings the row of
`raw/activities`. The sensor `targeted_sync` calls `drain`, and requests a run that reads
these issues.
"""

import json
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Engine

from resources.backlog.client_values import Record
from resources.backlog.feed import ABOUT_ISSUES, ABOUT_OTHERS, issue_events, whole
from resources.masking import Mask
from resources.warehouse.server.conflicts import retried_on_conflict
from resources.warehouse.state import webhook_inbox
from resources.warehouse.state.refetch_requests import is_waiting
from sync.activity_requests import register, stored_activities

#: Events that are drained in one transaction.
BATCH = 500
#: The outcome of an event that the activity feed reported before.
REPORTED = "reported by the activity feed already"


@dataclass(frozen=True)
class Drained:
    """What was in the inbox: events taken out, and issues to read because of them."""

    events: int
    issues: int


def drain(engine: Engine, space_key: str, mask: Mask) -> Drained:
    """Take every waiting event out of the inbox, request what to read, and record the outcome with
    each event.

    The people in an event may not have been masked when it came in: then that is done here.

    Raises:
        WarehouseError: the warehouse cannot be used; what was not taken stays in the inbox.
    """
    events = issues = 0
    while (batch := _drain_batch(engine, space_key, mask)).events:
        events += batch.events
        issues += batch.issues
    return Drained(events, issues)


@retried_on_conflict
def _drain_batch(engine: Engine, space_key: str, mask: Mask) -> Drained:
    """Take events out of the inbox in one transaction, with one request for all their issues."""
    with engine.begin() as connection:
        taken = webhook_inbox.take(connection, space_key, BATCH)
        outcomes: dict[str, list[int]] = defaultdict(list)
        known = stored_activities(
            connection, space_key, [event.activity_id for event in taken if event.activity_id]
        )
        new = []
        for event in taken:
            activity = _event_record(event.payload)
            late = event.activity_id in known
            outcomes[REPORTED if late else _outcome(activity)].append(event.id)
            new += [] if late or activity is None else [activity]
        issues = register(connection, space_key, new, "webhook")
        webhook_inbox.mask_events(connection, taken, mask)
        for outcome, ids in outcomes.items():
            webhook_inbox.acknowledge(connection, ids, outcome)
    return Drained(len(taken), issues)


def _event_record(payload: str) -> Record | None:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _outcome(activity: Record | None) -> str:
    if activity is None:
        return "unreadable: no JSON object"
    kind = whole(activity.get("type"))
    events = issue_events(activity)
    if events:
        return f"{len(events)} issues to read" if len(events) > 1 else "1 issue to read"
    if kind is None:
        return "unreadable: no activity type"
    if kind in ABOUT_ISSUES:
        return f"unreadable: type {kind}, but it names no issue"
    return (
        f"ignored: type {kind} concerns no issue"
        if kind in ABOUT_OTHERS
        else f"ignored: unknown type {kind}"
    )


def issues_wait(engine: Engine, space_key: str) -> bool:
    """Say whether issues wait to be read that the feed, a webhook or `verify` has named."""
    with engine.connect() as connection:
        return is_waiting(connection, space_key)

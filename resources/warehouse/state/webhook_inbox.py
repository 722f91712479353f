"""The webhook inbox: events are stored at once and processed later, once for each activity.

A webhook is an unsigned hint, so nothing is refused: nonsense is stored and acknowledged as such.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, any_, func, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.masking import Mask
from resources.warehouse.arrays import bigints
from resources.warehouse.state.schema_ops_records import webhook_events

_ID = re.compile("[0-9]{1,19}")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
NOT_KEPT = "not kept: it was no JSON, and people are masked"
_BAD_JSON = (ValueError, RecursionError)
#: An event has four levels. Whether deeper JSON can be parsed depends on the reader's stack.
DEEPEST = 100


@dataclass(frozen=True)
class Event:
    """An event to process."""

    id: int
    """Its number in the inbox, for `acknowledge`."""
    activity_id: int | None
    received_at: datetime
    payload: str
    """The posted JSON in ASCII, or the posted text as a JSON string; always valid JSON."""


def receive(conn: Connection, space_key: str, payload: str, mask: Mask | None = None) -> bool:
    """Store an event; return False when the inbox already has one of the same activity, processed
    or not.

    `mask` replaces people in it first. Events without a usable activity id are stored each time,
    since they may differ.
    """
    mask = mask or Mask()
    try:
        value = _bounded_json(payload)
    except _BAD_JSON:
        value, kept = payload, json.dumps(payload if mask.idle else NOT_KEPT)
    else:
        payload = payload if mask.idle else json.dumps(mask(value))
        kept = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], payload)
    statement = insert(webhook_events).values(
        space_key=space_key, activity_id=_activity_id(value), payload=kept
    )
    columns = webhook_events.c
    once = statement.on_conflict_do_nothing(
        index_elements=[columns.space_key, columns.activity_id],
        index_where=columns.activity_id.is_not(None),
    )
    return conn.execute(once.returning(columns.id)).first() is not None


def _bounded_json(payload: str) -> Any:
    value = json.loads(payload, parse_constant=_no_constant)
    if payload.count("[") + payload.count("{") > DEEPEST and _is_deeper(value, DEEPEST):
        raise ValueError("deeper than any event")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return levels == 0 or any(
        _is_deeper(one, levels - 1)
        for one in (value.values() if isinstance(value, dict) else value)
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _activity_id(value: Any) -> int | None:
    """Return the id of an activity, from a number or a string of digits."""
    given = value.get("id") if isinstance(value, dict) else None
    if isinstance(given, str) and _ID.fullmatch(given):
        given = int(given)
    return (
        given
        if isinstance(given, int) and not isinstance(given, bool) and 0 < given < 2**63
        else None
    )


def take(conn: Connection, space_key: str, limit: int) -> list[Event]:
    """Return the oldest open events, and lock them until the transaction ends, so that others get
    different ones.

    They stay open until `acknowledge`, so that none is lost if the process dies.
    """
    columns = webhook_events.c
    query = (
        select(columns.id, columns.activity_id, columns.received_at, columns.payload)
        .where(columns.space_key == space_key, columns.processed_at.is_(None))
        .order_by(columns.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Event(*row) for row in conn.execute(query)]


def mask_events(conn: Connection, events: Collection[Event], mask: Mask) -> None:
    """Replace people in events; a body that is not JSON cannot be masked and is dropped if people
    are masked.
    """
    if mask.idle:
        return
    for event in events:
        value = json.loads(event.payload)
        new = NOT_KEPT if isinstance(value, str) else mask(value)
        if new != value:
            conn.execute(
                update(webhook_events)
                .where(webhook_events.c.id == event.id)
                .values(payload=json.dumps(new))
            )


def acknowledge(conn: Connection, ids: Collection[int], outcome: str) -> None:
    """Record the outcome of events; an earlier outcome stays."""
    columns = webhook_events.c
    conn.execute(
        update(webhook_events)
        .where(columns.id == any_(bigints(ids)), columns.processed_at.is_(None))
        .values(processed_at=func.statement_timestamp(), outcome=outcome)
    )

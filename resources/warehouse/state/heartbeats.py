"""Heartbeats of background tasks, which show others when one has stopped."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.warehouse.state.schema_ops import heartbeats

#: The sensor ticks every 30 seconds; without a heartbeat for this time it has stopped.
DEAD_AFTER = timedelta(minutes=10)
#: A heartbeat that is further ahead was given while the clock was: it says nothing of now.
AHEAD = timedelta(minutes=1)
#: The state of an alerter without a heartbeat.
NO_BEAT: Mapping[str, Any] = {
    "alive": None, "beat_at": None, "channels": [], "waiting": 0, "open": [],
}  # fmt: skip


def alerts_of(url: str) -> str:
    """Return the name of a space's alerter in heartbeats; `url` is the root of the space."""
    return f"alerts {urlsplit(url).netloc}"


def beat(engine: Engine, name: str, detail: Mapping[str, Any]) -> None:
    """Record a heartbeat with a detail to report."""
    statement = insert(heartbeats).values(name=name, beat_at=func.now(), detail=dict(detail))
    with engine.begin() as connection:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[heartbeats.c.name],
                set_={"beat_at": statement.excluded.beat_at, "detail": statement.excluded.detail},
            )
        )


def last_beat(engine: Engine, name: str) -> tuple[datetime, bool, dict[str, Any]] | None:
    """Return the time of the last heartbeat, whether it is recent enough, and its detail; None
    without one.
    """
    query = select(
        heartbeats.c.beat_at,
        heartbeats.c.beat_at.between(func.now() - DEAD_AFTER, func.now() + AHEAD),
        heartbeats.c.detail,
    )
    with engine.connect() as connection:
        row = connection.execute(query.where(heartbeats.c.name == name)).one_or_none()
    return None if row is None else (row[0], bool(row[1]), dict(row[2]))


def alerter_state(engine: Engine, url: str) -> dict[str, Any]:
    """Return the last heartbeat of a space's alerter and its report; `alive` is None if no daemon
    ever ran for it.
    """
    beat = last_beat(engine, alerts_of(url))
    if beat is None:
        return dict(NO_BEAT)
    beat_at, alive, reported = beat
    return {"alive": alive, "beat_at": beat_at, **reported}

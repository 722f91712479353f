"""Signs of life of what works without being asked, so that others see when it has stopped."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.warehouse.state.schema_ops import heartbeats

#: The sensor looks every half minute: what has given no sign for so long has stopped.
DEAD_AFTER = timedelta(minutes=10)
#: The state of an alerter that has given none.
NO_BEAT: Mapping[str, Any] = {
    "alive": None, "beat_at": None, "channels": [], "waiting": 0, "open": [],
}  # fmt: skip


def alerts_of(url: str) -> str:
    """Return the name under which the alerter of a space gives signs of life; `url` is the root of
    the space.
    """
    return f"alerts {urlsplit(url).netloc}"


def beat(engine: Engine, name: str, detail: Mapping[str, Any]) -> None:
    """Give a sign of life, with a detail to report."""
    statement = insert(heartbeats).values(name=name, beat_at=func.now(), detail=dict(detail))
    with engine.begin() as connection:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[heartbeats.c.name],
                set_={"beat_at": statement.excluded.beat_at, "detail": statement.excluded.detail},
            )
        )


def last_beat(engine: Engine, name: str) -> tuple[datetime, bool, dict[str, Any]] | None:
    """Return when the last sign of life came, whether that is recent enough, and its detail; None:
    there was none.
    """
    query = select(
        heartbeats.c.beat_at, heartbeats.c.beat_at > func.now() - DEAD_AFTER, heartbeats.c.detail
    )
    with engine.connect() as connection:
        row = connection.execute(query.where(heartbeats.c.name == name)).one_or_none()
    return None if row is None else (row[0], bool(row[1]), dict(row[2]))


def alerter_state(engine: Engine, url: str) -> dict[str, Any]:
    """Return the last sign of life of the alerter of a space and what it reported; `alive` is None
    where no daemon ever ran for it.
    """
    beat = last_beat(engine, alerts_of(url))
    if beat is None:
        return dict(NO_BEAT)
    beat_at, alive, reported = beat
    return {"alive": alive, "beat_at": beat_at, **reported}

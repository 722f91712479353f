"""Conditions of the source, each with a start and an end: unreachable, refused, rate-limited by
others.

A space has at most one at a time. Conditions are detected only from the outcomes of ordinary
requests.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from resources.conditions import DISCONNECTED, ConditionKind, Outcome
from resources.warehouse.history.run_kinds import BUILD
from resources.warehouse.state.living_loads import AT_WORK
from resources.warehouse.state.schema_ops import source_conditions, spaces, sync_history
from resources.warehouse.warehouse_errors import WarehouseError

#: The same outcome is stored again after this many seconds.
AGAIN_SECONDS = 15.0
#: A window of the rate limit. The condition ends only with an answer without a wait after a whole
#: window.
WINDOW = timedelta(minutes=1)
LONGEST_MESSAGE = 500

_log = logging.getLogger(__name__)
_table = source_conditions.c


@dataclass(frozen=True)
class Condition:
    """The present problem of the source: since when, its first error, when a request last met it,
    and the code of the error's cause, None if it was recorded without.
    """

    kind: ConditionKind
    since: datetime
    message: str
    seen_at: datetime = field(compare=False)
    cause: str | None = None

    @property
    def disconnected(self) -> bool:
        """Whether nothing can be read while it lasts."""
        return self.kind in DISCONNECTED


def current(engine: Engine, url: str) -> Condition | None:
    """Return the present condition of the space at a URL, None if there is none."""
    query = select(
        _table.kind, _table.began_at, _table.message, _table.last_seen_at, _table.cause
    ).where(_table.url == url.rstrip("/"), _table.ended_at.is_(None))
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Condition(*row)


def note(engine: Engine, url: str, outcome: Outcome, runs: int) -> None:
    """Begin, continue or end the condition of a space, by the outcome of a request; `runs` is that
    of `ConditionBook`.
    """
    kind, now = outcome.kind, func.now()
    lasting = update(source_conditions).where(_table.url == url, _table.ended_at.is_(None))
    with engine.begin() as connection:
        if kind is None:
            over = _table.kind != "rate_limited"
            if not outcome.throttled:
                over = or_(over, _table.last_seen_at < now - WINDOW)
            connection.execute(lasting.where(over).values(ended_at=now))
            return
        if connection.execute(lasting.where(_table.kind == kind).values(last_seen_at=now)).rowcount:
            return
        if not outcome.sure and _may_be_ours(connection, url, runs):
            return
        connection.execute(lasting.values(ended_at=now))
        new = {
            "url": url,
            "kind": kind,
            "began_at": now - timedelta(seconds=outcome.seconds),
            "last_seen_at": now,
            "message": outcome.message[:LONGEST_MESSAGE],
            "cause": outcome.cause,
        }
        # If another process has begun a condition at the same moment, that one stays.
        connection.execute(insert(source_conditions).values(new).on_conflict_do_nothing())


def _may_be_ours(connection: Connection, url: str, runs: int) -> bool:
    """Return whether more runs than the caller's are active, or were in this window of the rate
    limit.
    """
    history = sync_history.c
    recent = or_(AT_WORK, history.ended_at > func.now() - WINDOW) & (history.mode != BUILD)
    at = select(spaces.c.space_key).where(spaces.c.url == url)
    query = select(func.count(history.run_id.distinct())).where(history.space_key.in_(at), recent)
    return bool(connection.execute(query).scalar_one() > runs)


class Observed:
    """An `Observer` that stores outcomes: each change at once, repetitions now and then. It never
    fails a request.
    """

    def __init__(self, engine: Callable[[], Engine], url: str, runs: int) -> None:
        self._engine = engine
        self._url = url
        self._runs = runs
        self._noted: tuple[ConditionKind | None, float] | None = None

    @property
    def kind(self) -> ConditionKind | None:
        """The condition in the last outcome, None for none."""
        return self._noted[0] if self._noted else None

    def __call__(self, outcome: Outcome) -> None:
        """Store an outcome."""
        now = time.monotonic()
        if self._noted and self._noted[0] == outcome.kind and now - self._noted[1] < AGAIN_SECONDS:
            return
        self._noted = outcome.kind, now
        try:
            note(self._engine(), self._url, outcome, self._runs)
        except (WarehouseError, SQLAlchemyError) as error:
            _log.debug("the condition of the source could not be noted: %s", error)

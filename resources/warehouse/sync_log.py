"""What the sync service asks the log of syncs: pages of it, the last 24 hours by type, and whether anything has moved.

Add here: another look at `ops.sync_history` from outside. Keep out: writing it, and what `status` shows (`history.py`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, BigInteger, Engine, Float, cast, func, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from resources.warehouse.history import Sync
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops import spaces, sync_history

STATUSES = ("in_progress", "completed", "failed")
DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Totals:
    """What the syncs that began in the last 24 hours did: of one type, or of all (`sync_type` is None).

    A run is counted once, however many tables and projects it syncs; those in progress are in `runs` and `syncs` only. Seconds are
    those of the syncs that have ended, None when none has.
    """

    sync_type: str | None
    runs: int
    syncs: int
    completed: int
    failed: int
    items: int
    items_failed: int
    requests: int
    mean_seconds: float | None
    longest_seconds: float | None


@dataclass(frozen=True)
class Wanted:
    """Which syncs of a page are wanted; None: whichever."""

    sync_type: str | None = None
    status: str | None = None
    project_key: str | None = None


def moved(engine: Engine, space_key: str) -> str:
    """Return a text that is another one when a sync of the space has begun or ended since; cheap however long the log is.

    A sync is in progress from the moment in which its row is made, so the newest row and those in progress tell all.
    """
    history = sync_history.c
    newest = select(func.max(history.id)).scalar_subquery()
    ids = func.array_agg(aggregate_order_by(history.id, history.id), type_=ARRAY(BigInteger))
    active = select(ids).where(history.space_key == space_key, history.status == "in_progress").scalar_subquery()
    with engine.connect() as conn:
        last, working = conn.execute(select(newest, active)).one()
    return f"{last or 0}:{','.join(map(str, working or ()))}"


def page(engine: Engine, space_key: str, limit: int, before: int | None = None, wanted: Wanted | None = None) -> list[Sync]:
    """Return the newest syncs of a space, newest first; `before` is the number of the last one of the page before this."""
    history, wanted = sync_history.c, wanted or Wanted()
    query = select(*(history[name] for name in Sync.__dataclass_fields__)).where(history.space_key == space_key)
    if before is not None:
        query = query.where(history.id < before)
    for column, value in (
        (history.sync_type, wanted.sync_type),
        (history.status, wanted.status),
        (history.project_key, wanted.project_key),
    ):
        if value is not None:
            query = query.where(column == value)
    with engine.connect() as conn:
        return [Sync(*row) for row in conn.execute(query.order_by(history.id.desc()).limit(limit))]


def last_day(engine: Engine, space_key: str) -> list[Totals]:
    """Return the totals of the last 24 hours: those of all syncs first, then those of each type that there was."""
    history = sync_history.c
    seconds = cast(func.extract("epoch", history.ended_at - history.started_at), Float)
    query = (
        select(
            history.sync_type,
            func.count(history.run_id.distinct()),
            func.count(),
            func.count().filter(history.status == "completed"),
            func.count().filter(history.status == "failed"),
            *(cast(func.coalesce(func.sum(column), 0), BigInteger) for column in (history.items_synced, history.items_failed)),
            cast(func.coalesce(func.sum(history.requests), 0), BigInteger),
            func.avg(seconds),
            func.max(seconds),
        )
        .where(history.space_key == space_key, history.started_at > func.now() - DAY)
        .group_by(func.grouping_sets(tuple_(history.sync_type), tuple_()))
        .order_by(history.sync_type.nulls_first())
    )
    with engine.connect() as conn:
        return [Totals(*row) for row in conn.execute(query)]


def last_ends(engine: Engine, space_key: str, *, but: Collection[str] = ()) -> dict[str, datetime]:
    """Return when a sync of each type last ended well, in whatever mode `but` these."""
    history = sync_history.c
    ended = select(history.sync_type, func.max(history.ended_at)).where(
        history.space_key == space_key, history.status == "completed", history.mode.not_in(but)
    )
    with engine.connect() as conn:
        return {str(row[0]): row[1] for row in conn.execute(ended.group_by(history.sync_type))}


def space_at(engine: Engine, url: str) -> str | None:
    """Return the key of the space that is found at a URL, None when no load has been there yet."""
    query = select(spaces.c.space_key).where(spaces.c.url == url.rstrip("/")).order_by(spaces.c.changed_at.desc()).limit(1)
    with engine.connect() as conn:
        return conn.execute(query).scalar_one_or_none()


def known_projects(engine: Engine, space_key: str) -> list[tuple[str, str]]:
    """Return key and name of the projects of a space that are in sight, by key."""
    projects = SPECS["projects"].table.c
    query = select(projects.project_key, projects.name).where(
        projects.space_key == space_key, projects.deleted_at.is_(None), projects.deleted_reason.is_(None)
    )
    with engine.connect() as conn:
        return [(key, name) for key, name in conn.execute(query.order_by(projects.project_key))]

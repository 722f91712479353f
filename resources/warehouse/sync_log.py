"""What is asked of the log of syncs: pages of it, the last 24 hours, the last success, and whether
anything has moved.

The view `ops.sync_outcomes` says what counts as a run, a sync and a success, here and in the marts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Connection,
    DateTime,
    Engine,
    Float,
    Select,
    Text,
    case,
    cast,
    column,
    false,
    func,
    null,
    select,
    table,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from resources.warehouse.history import Sync, active_syncs
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops import spaces, sync_history
from resources.warehouse.sync_state import project_states

DAY = timedelta(hours=24)
#: The view in which a migration says what counts as what.
_outcomes = table(
    "sync_outcomes",
    *(
        column(name, Text)
        for name in (
            "space_key",
            "sync_type",
            "mode",
            "run_id",
            "status",
            "failed_run",
            "other_run",
        )
    ),
    *(column(name, BigInteger) for name in ("items_synced", "items_failed", "requests")),
    *(column(name, DateTime(timezone=True)) for name in ("started_at", "succeeded_at")),
    column("is_sync", Boolean),
    column("seconds", Float),
    schema="ops",
)


@dataclass(frozen=True)
class Totals:
    """What was done in the last 24 hours: by all runs, or by syncs of one type (`sync_type` is None
    or it).

    A run is one run id, however many tables and projects it syncs. It has failed when one of its
    syncs has, or Dagster says so; one that is at work is in `runs` only. For a type, only its own
    syncs decide. Seconds are those of the syncs that have ended, None when none has.
    """

    sync_type: str | None
    runs: int
    completed: int
    failed: int
    syncs: int
    syncs_completed: int
    syncs_failed: int
    items: int
    items_failed: int
    requests: int
    mean_seconds: float | None
    longest_seconds: float | None

    @property
    def success_rate(self) -> float | None:
        """The share of the runs that have ended which completed; None when none has ended."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


@dataclass(frozen=True)
class Summary:
    """The state of all syncs of a space: those in progress, the newest run of each type as one, the
    last 24 hours.
    """

    active: tuple[Sync, ...]
    last: dict[str, Sync]
    last_24h: Totals


@dataclass(frozen=True)
class Requested:
    """Which syncs of a page are requested; None: whichever."""

    sync_type: str | None = None
    status: str | None = None
    project_key: str | None = None


def moved(engine: Engine, space_key: str) -> str:
    """Return a text that is another one when a sync of the space has begun or ended since; cheap
    however long the log is.

    A sync is in progress from the moment in which its row is made, so the newest row and those in
    progress are enough.
    """
    history = sync_history.c
    newest = select(func.max(history.id)).scalar_subquery()
    ids = func.array_agg(aggregate_order_by(history.id, history.id), type_=ARRAY(BigInteger))
    active = (
        select(ids)
        .where(history.space_key == space_key, history.status == "in_progress")
        .scalar_subquery()
    )
    with engine.connect() as conn:
        last, working = conn.execute(select(newest, active)).one()
    return f"{last or 0}:{','.join(map(str, working or ()))}"


def page(
    engine: Engine,
    space_key: str,
    limit: int,
    before: int | None = None,
    requested: Requested | None = None,
) -> list[Sync]:
    """Return the newest syncs of a space, newest first; `before` is the number of the last one of
    the page before this.
    """
    history, requested = sync_history.c, requested or Requested()
    query = select(*(history[name] for name in Sync.__dataclass_fields__)).where(
        history.space_key == space_key
    )
    if before is not None:
        query = query.where(history.id < before)
    if requested.sync_type is not None:
        query = query.where(history.sync_type == requested.sync_type)
    if requested.status is not None:
        query = query.where(history.status == requested.status)
    if requested.project_key is not None:
        query = query.where(history.projects.contains([requested.project_key]))
    with engine.connect() as conn:
        return [Sync(*row) for row in conn.execute(query.order_by(history.id.desc()).limit(limit))]


def last_day(engine: Engine, space_key: str) -> list[Totals]:
    """Return the totals of the last 24 hours: those of all runs first, then those of each type that
    there was.
    """
    row = _outcomes.c
    runs = func.count(row.run_id.distinct())
    syncs = func.count().filter(row.is_sync)
    query = (
        select(
            row.sync_type,
            runs,
            runs - func.count(row.other_run.distinct()),
            func.count(row.failed_run.distinct()),
            syncs,
            func.count(row.succeeded_at),
            func.count().filter(row.is_sync, row.status == "failed"),
            *(
                cast(func.coalesce(func.sum(column), 0), BigInteger)
                for column in (row.items_synced, row.items_failed, row.requests)
            ),
            func.avg(row.seconds),
            func.max(row.seconds),
        )
        .where(row.space_key == space_key, row.started_at > func.now() - DAY)
        .group_by(func.grouping_sets(tuple_(row.sync_type), tuple_()))
        .order_by(row.sync_type.nulls_first())
    )
    with engine.connect() as conn:
        return [Totals(*found) for found in conn.execute(query)]


def last_ends(engine: Engine, space_key: str, *, but: Collection[str] = ()) -> dict[str, datetime]:
    """Return the last success of each type: when a sync of it last ended well, in whatever mode
    `but` these.
    """
    row = _outcomes.c
    ended = select(row.sync_type, func.max(row.succeeded_at)).where(
        row.space_key == space_key, row.succeeded_at.is_not(None), row.mode.not_in(but)
    )
    with engine.connect() as conn:
        return {str(found[0]): found[1] for found in conn.execute(ended.group_by(row.sync_type))}


def summary(engine: Engine, space_key: str) -> Summary:
    """Return what `status` shows of the syncs of a space."""
    with engine.connect() as conn:
        last = {
            sync.sync_type: sync
            for sync in (Sync(*row) for row in conn.execute(_last_runs(space_key)))
        }
    return Summary(tuple(active_syncs(engine, space_key)), last, last_day(engine, space_key)[0])


def _last_runs(space_key: str) -> Select[Any]:
    """Select one row in the shape of `Sync` for each type: all that its newest run did, which may
    be several syncs.
    """
    history = sync_history.c
    ended = (history.space_key == space_key, history.status != "in_progress")
    newest = select(history.sync_type, history.run_id).where(*ended).distinct(history.sync_type)
    newest = newest.order_by(history.sync_type, history.started_at.desc(), history.id.desc())
    of_newest_run = tuple_(history.sync_type, history.run_id).in_(newest)
    return (
        select(
            func.max(history.id),
            history.sync_type,
            func.string_agg(history.mode.distinct(), ", "),
            case((func.count() == 1, func.max(history.project_key)), else_=None),
            case((func.bool_or(history.status == "failed"), "failed"), else_="completed"),
            func.min(history.started_at),
            func.max(history.ended_at),
            *(
                cast(func.sum(column), BigInteger)
                for column in (history.items_synced, history.items_failed, history.requests)
            ),
            func.string_agg(history.error.distinct(), "; "),
            history.run_id,
            *(null() for _ in range(4)),
            case((func.count() == 1, func.max(history.projects)), else_=None),
        )
        .where(*ended, of_newest_run)
        .group_by(history.sync_type, history.run_id)
        .order_by(history.sync_type)
    )


def run_syncs(engine: Engine, run_id: str) -> list[Sync]:
    """Return what the log has of a run, in the order of its start."""
    history = sync_history.c
    query = select(*(history[name] for name in Sync.__dataclass_fields__)).where(
        history.run_id == run_id
    )
    with engine.connect() as conn:
        return [Sync(*row) for row in conn.execute(query.order_by(history.id))]


def known_spaces(engine: Engine) -> list[str]:
    """Return the keys of all spaces that were ever synced into this warehouse."""
    key = sync_history.c.space_key
    # Rows of an unknown space are kept under its address.
    query = select(key).distinct().where(key.not_like("%://%")).order_by(key)
    with engine.connect() as conn:
        return list(conn.execute(query).scalars())


def place_of(engine: Engine, url: str) -> str:
    """Return the key of the space at a URL, or the URL itself while no load has seen the key."""
    return space_at(engine, url) or url.rstrip("/")


def space_at(engine: Engine, url: str) -> str | None:
    """Return the key of the space that is found at a URL, None when no load has been there yet."""
    query = (
        select(spaces.c.space_key)
        .where(spaces.c.url == url.rstrip("/"))
        .order_by(spaces.c.changed_at.desc())
        .limit(1)
    )
    with engine.connect() as conn:
        return conn.execute(query).scalar_one_or_none()


def known_projects(engine: Engine, space_key: str) -> list[tuple[str, str]]:
    """Return key and name of the projects of a space that are accessible, by key."""
    with engine.connect() as conn:
        return [(key, name) for _, key, name, _ in accessible_projects(conn, space_key)]


def accessible_projects(conn: Connection, space_key: str) -> list[tuple[int, str, str, bool]]:
    """Return id, key and name of the projects of a space that are accessible, by key, and whether
    each is archived.
    """
    projects = SPECS["projects"].table.c
    query = select(
        projects.id, projects.project_key, projects.name, func.coalesce(projects.archived, false())
    ).where(
        projects.space_key == space_key,
        projects.deleted_at.is_(None),
        projects.deleted_reason.is_(None),
    )
    return [
        (int(row[0]), row[1], row[2], bool(row[3]))
        for row in conn.execute(query.order_by(projects.project_key))
    ]


def failing_projects(engine: Engine, space_key: str) -> dict[str, str]:
    """Return key -> why its issues could not be read the last time, of the active projects.

    Archived ones are left out: where a space does not serve their issues any more, nothing would
    end their failures.
    """
    with engine.connect() as conn:
        states = project_states(conn, space_key, "issues")
        active = [
            (key, states.get(project))
            for project, key, _, archived in accessible_projects(conn, space_key)
            if not archived
        ]
    return {key: state.last_error for key, state in active if state and state.last_error}

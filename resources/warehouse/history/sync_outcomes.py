"""How syncs and runs came out: the last 24 hours, the newest run and last success of each type.

The view `ops.sync_outcomes` says what counts as a run, a sync and a success, here and in the
marts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Select,
    case,
    cast,
    func,
    null,
    select,
    text,
    tuple_,
)

from resources.json_models import Model, Whole
from resources.warehouse.history.history_reader import BAD, Sync, active_syncs
from resources.warehouse.history.run_kinds import kind_of_run
from resources.warehouse.state.living_loads import sync_outcomes

DAY = timedelta(hours=24)
SLOT = timedelta(minutes=30)
#: Slots of a day; the last one is the one that holds the present.
SLOTS = 48
#: A row of `runs` is what a run did: all of it, where the type is null, and of each type. The join
#: gives a row of zeros where nothing ran.
_LAST_DAY = text("""
WITH runs AS (
    SELECT run_id, sync_type AS type, bool_or(status IN ('failed', 'interrupted')) AS failed,
        count(other_run) = 0 AS completed, count(*) FILTER (WHERE is_sync) AS syncs,
        count(succeeded_at) AS syncs_completed,
        count(*) FILTER (WHERE is_sync AND status IN ('failed', 'interrupted'))
            AS syncs_failed,
        sum(items_synced) AS items, sum(items_failed) AS items_failed, sum(requests) AS requests,
        CASE WHEN count(*) = count(ended_at)
            THEN extract(epoch FROM max(ended_at) - min(started_at)) END AS seconds
    FROM ops.sync_outcomes
    WHERE space_key = :space_key AND started_at > now() - CAST(:day AS interval)
    GROUP BY GROUPING SETS ((run_id, sync_type), (run_id))
)
SELECT type, count(run_id) AS runs, count(*) FILTER (WHERE completed) AS completed,
    count(*) FILTER (WHERE failed) AS failed, coalesce(sum(syncs), 0)::bigint AS syncs,
    coalesce(sum(syncs_completed), 0)::bigint AS syncs_completed,
    coalesce(sum(syncs_failed), 0)::bigint AS syncs_failed,
    coalesce(sum(items), 0)::bigint AS items,
    coalesce(sum(items_failed), 0)::bigint AS items_failed,
    coalesce(sum(requests), 0)::bigint AS requests,
    avg(seconds)::float8 AS mean_seconds, max(seconds)::float8 AS longest_seconds,
    avg(CASE WHEN failed THEN 0 WHEN completed THEN 1 END)::float8 AS success_rate
FROM (VALUES (1)) AS always LEFT JOIN runs ON true
GROUP BY type
ORDER BY type NULLS FIRST""")
#: A sync without projects covers the whole space.
_PROJECT_ENDS = text("""
SELECT covered.project_key, max(o.succeeded_at)
FROM ops.sync_outcomes AS o
LEFT JOIN LATERAL unnest(o.projects) AS covered (project_key) ON true
WHERE o.space_key = :space_key AND o.sync_type = :sync_type AND o.succeeded_at IS NOT NULL
GROUP BY 1""")
#: What began half a day before the first slot is still looked for.
_OVERLAPPING = text("""
SELECT run_id, min(started_at), max(coalesce(ended_at, now())),
    bool_or(status IN ('failed', 'interrupted')),
    bool_or(status = 'in_progress'),
       array_agg(DISTINCT sync_type), array_agg(DISTINCT mode)
FROM ops.sync_outcomes
WHERE space_key = :space_key AND started_at > :since - interval '12 hours'
    AND coalesce(ended_at, now()) > :since
GROUP BY run_id""")


class Totals(Model):
    """Totals of 24 hours. Rate, seconds, `completed` and `failed` are of runs; `type` is null for
    all.
    """

    # A run is one run id, however many tables and projects it syncs. It has failed when one of
    # its syncs has, or Dagster says so; one that is at work is in `runs` only. It lasts from its
    # first start to its last end. For a type, only what the run did of that type decides. Rates
    # and seconds are of runs that have ended, and null when none has.
    type: str | None
    runs: Whole
    completed: Whole
    failed: Whole
    syncs: Whole
    syncs_completed: Whole
    syncs_failed: Whole
    items: Whole
    items_failed: Whole
    requests: Whole
    mean_seconds: float | None
    longest_seconds: float | None
    success_rate: float | None = Field(ge=0, le=1)


@dataclass(frozen=True)
class Summary:
    """The state of all syncs of a space: those in progress, the newest run of each type as one,
    the last 24 hours.
    """

    active: tuple[Sync, ...]
    last: dict[str, Sync]
    last_24h: Totals


class Slot(Model):
    """Half an hour of one kind of runs: how many were at work, failed in it, and still run."""

    kind: str
    start: datetime
    runs: Whole
    failed: Whole
    running: Whole


def last_day(engine: Engine, space_key: str) -> list[Totals]:
    """Return the totals of the last 24 hours: those of all runs first, then those of each type
    that there was, builds of marts included.
    """
    with engine.connect() as conn:
        found = conn.execute(_LAST_DAY, {"space_key": space_key, "day": DAY})
        return [Totals(**row) for row in found.mappings()]


def last_ends(engine: Engine, space_key: str, *, but: Collection[str] = ()) -> dict[str, datetime]:
    """Return the last success of each type: when a sync of it last ended well, in whatever mode
    `but` these.
    """
    row = sync_outcomes.c
    ended = select(row.sync_type, func.max(row.succeeded_at)).where(
        row.space_key == space_key, row.succeeded_at.is_not(None), row.mode.not_in(but)
    )
    with engine.connect() as conn:
        return {str(found[0]): found[1] for found in conn.execute(ended.group_by(row.sync_type))}


def last_project_ends(
    conn: Connection, space_key: str, sync_type: str, keys: Iterable[str]
) -> dict[str, datetime]:
    """Return the last success of projects by key: when a sync of a type that covered the project
    last ended well, in whatever mode.
    """
    found = conn.execute(_PROJECT_ENDS, {"space_key": space_key, "sync_type": sync_type})
    ends = {row[0]: row[1] for row in found}
    covering = {key: [ends[one] for one in (key, None) if one in ends] for key in keys}
    return {key: max(moments) for key, moments in covering.items() if moments}


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
    history = sync_outcomes.c
    ended = (history.space_key == space_key, history.status != "in_progress")
    newest = select(history.sync_type, history.run_id).where(*ended).distinct(history.sync_type)
    newest = newest.order_by(history.sync_type, history.started_at.desc(), history.id.desc())
    return (
        select(
            func.max(history.id),
            history.sync_type,
            func.string_agg(history.mode.distinct(), ", "),
            case((func.count() == 1, func.max(history.project_key)), else_=None),
            case(*((func.bool_or(history.status == one), one) for one in BAD), else_="completed"),
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
            func.max(history.cause),
        )
        .where(*ended, tuple_(history.sync_type, history.run_id).in_(newest))
        .group_by(history.sync_type, history.run_id)
        .order_by(history.sync_type)
    )


def last_slots(engine: Engine, space_key: str) -> tuple[datetime, list[Slot]]:
    """Return the end of the half hour that holds the present, and what was at work in each half
    hour of the day before that.
    """
    with engine.connect() as conn:
        now: datetime = conn.execute(text("SELECT now()")).scalar_one()
        until = datetime.fromtimestamp(
            (now.timestamp() // SLOT.total_seconds() + 1) * SLOT.total_seconds(), now.tzinfo
        )
        rows = conn.execute(
            _OVERLAPPING, {"space_key": space_key, "since": until - SLOTS * SLOT}
        ).all()
    return until, _slots(rows, until)


def _slots(rows: Sequence[Any], until: datetime) -> list[Slot]:
    first = until - SLOTS * SLOT
    counts: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, started_at, ended_at, failed, running, types, modes in rows:
        kind = kind_of_run(types, modes)
        begin = max(0, (started_at - first) // SLOT)
        end = min(SLOTS - 1, (ended_at - first) // SLOT)
        for number in range(begin, end + 1):
            count = counts[kind, number]
            count[0] += 1
            # A failure is one where the run ended, and the end is where it is looked for.
            count[1] += failed and not running and number == end
            count[2] += running
    return [
        Slot(kind=kind, start=first + number * SLOT, runs=runs, failed=failed, running=running)
        for (kind, number), (runs, failed, running) in sorted(counts.items())
    ]

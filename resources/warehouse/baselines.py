"""Syncs next to the earlier ones of their kind: how long they took, and how many rows they found."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from resources.warehouse.history import is_dead

#: The baseline is the median of so many syncs of the same kind, mode and project.
OF = 30

_BASELINES = text(
    f"""
    SELECT h.sync_type, h.mode, h.project_key, h.run_id, h.status = 'in_progress' AS active,
        extract(epoch FROM coalesce(h.ended_at, now()) - h.started_at)::float8 AS seconds, h.items_synced AS items,
        coalesce(u.seconds, 0)::float8 AS baseline_seconds, coalesce(u.items, 0)::float8 AS baseline_items, u.known
    FROM ops.sync_history AS h
    CROSS JOIN LATERAL (
        SELECT count(*) AS known, percentile_cont(0.5) WITHIN GROUP (ORDER BY b.items_synced) AS items,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM b.ended_at - b.started_at)) AS seconds
        FROM (
            SELECT items_synced, started_at, ended_at FROM ops.sync_history AS p
            WHERE p.space_key = h.space_key AND p.sync_type = h.sync_type AND p.mode = h.mode AND p.status = 'completed'
                AND p.project_key IS NOT DISTINCT FROM h.project_key AND p.id < h.id
            ORDER BY p.started_at DESC LIMIT {OF}
        ) AS b
    ) AS u
    WHERE h.space_key = :space AND h.mode NOT IN ('waiting', 'run')
        AND (h.status = 'in_progress' AND NOT ({is_dead("h")}) OR h.status = 'completed' AND h.ended_at > :after)
    ORDER BY h.id
    """  # noqa: S608 - made of constants
)


@dataclass(frozen=True)
class Baseline:
    """A sync next to the median of up to 30 before it. `active`: it has not ended; `known`: of how many syncs the median is."""

    sync_type: str
    mode: str
    project_key: str | None
    run_id: str
    active: bool
    seconds: float
    items: int
    baseline_seconds: float
    baseline_items: float
    known: int

    @property
    def whole(self) -> bool:
        """Whether such a sync reads its table whole, so that it finds about as much as the one before it."""
        return self.mode == "full"


def with_baseline(engine: Engine, space_key: str, after: datetime) -> list[Baseline]:
    """Return the syncs of a space that are at work or have succeeded after an instant, in the order of their start.

    One that a killed load has left in progress is not at work: the next load ends it.
    """
    with engine.connect() as connection:
        return [Baseline(**row) for row in connection.execute(_BASELINES, {"space": space_key, "after": after}).mappings()]

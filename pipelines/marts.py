"""When marts are built: after loads that have written something, and never more often than every few minutes.

Add here: another rule of that kind. Keep out: what is built (`assets/marts`).
"""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.marts.news import newest_row, news
from pipelines.jobs import KIND_TAG, marts_job
from pipelines.runs import ACTIVE, end_dead_runs
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource

#: Seconds between two looks at the warehouse, one query each.
LOOK_SECONDS = 30
#: Changes come all day; marts follow them this often at most. While loads are at work they wait, but not for ever.
APART = timedelta(minutes=5)
PATIENCE = timedelta(minutes=30)


def reason_to_wait(now: datetime, built_at: datetime | None, at_work: int, *, again: bool = False) -> str | None:
    """Say why marts are not built yet, None when they should be; `again`: of the same rows, since the last build failed."""
    since = now - built_at if built_at else PATIENCE
    if since < APART:
        return f"built {since.total_seconds():.0f} s ago: not more often than every {APART.total_seconds() / 60:.0f} minutes"
    if again and since < PATIENCE:
        return "the last build failed: it is tried again after half an hour, or when rows have been written"
    if at_work and built_at and since < PATIENCE:
        return f"{at_work} syncs are at work: their rows come along"
    return None


@dg.sensor(
    job=marts_job,
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the marts after loads that have written rows, at most every 5 minutes; asks the warehouse, not Backlog.",
)
def marts_after_loads(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult | dg.SkipReason:
    """Request a build when rows were written since the last one, or the last one failed."""
    end_dead_runs(context.instance)
    last = next(iter(context.instance.get_runs(dg.RunsFilter(tags={KIND_TAG: marts_job.name}), limit=1)), None)
    if last and last.status in ACTIVE:
        return dg.SkipReason(f"run {last.run_id} is building them")
    failed = last is not None and last.status == dg.DagsterRunStatus.FAILURE
    now, seen = datetime.now(UTC), json.loads(context.cursor or "{}")
    try:
        found = news(warehouse.engine)
        if found.ended == seen.get("ended") and not failed:
            return dg.SkipReason("no sync has ended since the last look")
        newest = newest_row(warehouse.engine)
    except WarehouseError as error:
        return dg.SkipReason(f"looked at nothing: {error}")
    known = newest == seen.get("newest", "")
    if known and not failed:
        return dg.SensorResult(skip_reason="nothing was written", cursor=json.dumps(seen | {"ended": found.ended}))
    built_at = datetime.fromisoformat(seen["built_at"]) if "built_at" in seen else None
    if wait := reason_to_wait(now, built_at, found.at_work, again=known):
        return dg.SkipReason(wait)
    cursor = {"ended": found.ended, "newest": newest, "built_at": now.isoformat()}
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=json.dumps(cursor))


MART_SENSORS = [marts_after_loads]

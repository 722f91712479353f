"""When marts are built: after loads that have written something, and during long ones; never more
often than every few minutes.
"""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.location import SETTINGS
from assets.marts.build import MODELS, source_of_marts
from pipelines.alerting.facts import causes
from pipelines.jobs import marts_job, of_kind
from pipelines.living_runs import ACTIVE, end_dead_runs
from pipelines.sensors.failing_ticks import looking_at
from resources.cadences import MARTS
from resources.dagster_tags import SENSOR_TAG
from resources.mappings import mappings
from resources.warehouse.server.free_space import FULL, has_room
from resources.warehouse.state.builds import built_until, is_built
from resources.warehouse.state.marts_behind import newest_row, news
from resources.warehouse.warehouse_resource import WarehouseResource

#: Changes come all day; marts follow them this often at most. While loads are at work they wait,
#: but not for ever.
APART = timedelta(minutes=5)
PATIENCE = timedelta(minutes=30)


def reason_to_wait(since: timedelta, at_work: int, *, again: bool = False) -> str | None:
    """Say why marts are not built yet, None when they should be.

    Args:
        since: how long ago they were built.
        at_work: number of syncs that have not ended.
        again: no row has been written since then, but the build failed, and not for a full disk
            that has space again.
    """
    if since < APART:
        return (
            f"built {since.total_seconds():.0f} s ago: not more often than every "
            f"{APART.total_seconds() / 60:.0f} minutes"
        )
    if again and since < PATIENCE:
        return (
            "the last build failed: the next one follows in half an hour, or when rows are written"
        )
    if at_work and since < PATIENCE:
        return f"syncs at work: {at_work}; the next build includes their rows"
    return None


@dg.sensor(
    job=marts_job,
    minimum_interval_seconds=MARTS.seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the marts after loads that have written rows, and "
    "every half hour while one "
    "does, at most every 5 minutes "
    "and at least once a day; asks the warehouse, not Backlog.",
)
def marts_after_loads(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Request a build when rows were written since the last one, or that failed or is a day old; of
    mappings and seeds when they changed. One that a full disk has ended follows when there is
    space.
    """
    end_dead_runs(context.instance)
    record = next(
        iter(
            context.instance.get_run_records(dg.RunsFilter(tags=of_kind(marts_job.name)), limit=1)
        ),
        None,
    )
    last = record.dagster_run if record else None
    if last and last.status in ACTIVE:
        return dg.SkipReason(f"run {last.run_id} is building them")
    failed = last is not None and last.status == dg.DagsterRunStatus.FAILURE
    full = failed and any(
        why.cause == "disk_full" for why in (causes(context.instance, record) if record else ())
    )
    now, seen = datetime.now(UTC), json.loads(context.cursor or "{}")
    # Before any build, patience begins with the first look.
    seen.setdefault("built_at", (record.create_timestamp if record else now - APART).isoformat())
    built_at = datetime.fromisoformat(seen["built_at"])
    if record and SENSOR_TAG not in record.dagster_run.tags:  # somebody else's: it counts too
        built_at = max(built_at, record.create_timestamp)
    # A time ahead is of a clock that was ahead: it says nothing of now.
    since = now - built_at if built_at <= now else PATIENCE
    due = failed or (since >= timedelta(days=1) and seen.get("newest", "") != "")
    with looking_at("the log of syncs"):
        if full and not has_room(warehouse.engine):
            return dg.SensorResult(skip_reason=FULL, cursor=json.dumps(seen))
        found = news(warehouse.engine)
        long = found.at_work and since >= PATIENCE
        if found.ended == seen.get("ended") and not due and not long:
            return dg.SensorResult(
                skip_reason="no sync has ended since the last tick", cursor=json.dumps(seen)
            )
        newest = newest_row(warehouse.engine)
        models = (
            [*MODELS]
            if is_built(warehouse.engine, source_of_marts(mappings(SETTINGS.mappings)))
            else None
        )
    until = built_until(warehouse.engine) if newest else None
    known = newest == seen.get("newest", "") or (
        until is not None and datetime.fromisoformat(newest) < until
    )
    if known and not due:
        skipped = seen | {"ended": found.ended, "newest": newest}
        return dg.SensorResult(skip_reason="nothing was written", cursor=json.dumps(skipped))
    # The first build shows the present state: it waits for the issues, not for comments, which may
    # take hours.
    waited_for = [table for table in found.at_work if until or table != "comments"]
    if wait := reason_to_wait(since, len(waited_for), again=known and not full):
        return dg.SensorResult(skip_reason=wait, cursor=json.dumps(seen))
    return dg.SensorResult(
        run_requests=[dg.RunRequest(asset_selection=models)],
        cursor=json.dumps({"ended": found.ended, "newest": newest, "built_at": now.isoformat()}),
    )

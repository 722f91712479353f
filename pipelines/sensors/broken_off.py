"""Loads that a stop, a kill or an outage has broken off are started again.

Dagster itself starts a run once more whose process has died. What still is broken off is started
again here, while Backlog answers: after a minute, ten minutes and an hour. The runs count that
themselves, by a tag. What a person has canceled is not started again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.checks.operation import failed_partitions, is_backfill
from assets.dagster_internals import (
    backfill_is_active,
    backfill_was_canceled,
    lost_backfills,
    request_backfill,
)
from assets.issues import issues
from assets.location import SETTINGS
from assets.partitions import accessible_partitions, covered_by
from pipelines.alerting.facts import Place, causes
from pipelines.jobs import JOBS
from pipelines.sensors.failing_ticks import looking_at
from resources.backlog.backlog_resource import BacklogResource
from resources.cadences import BROKEN_OFF, starts_again_at
from resources.dagster_tags import (
    AGAIN_TAG,
    BACKFILL_TAG,
    KIND_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    WILL_RETRY_TAG,
)
from resources.problems.causes import cause_of
from resources.problems.names import name_partitions
from resources.warehouse.server.free_space import FULL, has_room
from resources.warehouse.state.seen_conditions import current
from resources.warehouse.warehouse_resource import WarehouseResource

#: The first look goes back so far; a failure may be written down a little late.
FIRST_LOOK, OVERLAP = timedelta(days=7), timedelta(minutes=2)
#: Dagster starts a run once more within seconds, or not at all.
RETRIED_WITHIN = timedelta(minutes=1)


def times_before(run: dg.DagsterRun) -> int:
    """Return how often in a row what a run loads was broken off before it."""
    return int(run.tags.get(AGAIN_TAG, "0"))


def due_at(record: dg.RunRecord) -> datetime | None:
    """Return when what a failed run has left is started again, None: it was, often enough."""
    ended = datetime.fromtimestamp(record.end_time or 0.0, UTC)
    return starts_again_at(ended, times_before(record.dagster_run))


def _end_missed_retries(instance: dg.DagsterInstance, after: datetime, now: datetime) -> None:
    """Note that Dagster does not start a run once more whose end it has missed.

    It looks at the end of a run once, and may do so before the run is marked as one to retry. Then
    nothing comes of that, and a backfill with such a run would wait for ever.
    """
    marked = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "true"}, updated_after=after
    )
    for record in instance.get_run_records(marked):
        ended = datetime.fromtimestamp(record.end_time or 0.0, UTC)
        run = record.dagster_run
        if run.is_complete_and_waiting_to_retry and not ended <= now <= ended + RETRIED_WITHIN:
            instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})


def _to_start_again(
    context: dg.SensorEvaluationContext, after: datetime, url: str
) -> list[dg.RunRecord]:
    """Return the runs, launched by Dagster in this location, that were broken off after an instant
    and are to be started again.
    """
    place = Place.of(context, "@".join(SETTINGS.key_prefix) if url else None)
    return [
        record
        for record in context.instance.get_run_records(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=after)
        )
        if (record.end_time or 0.0) > after.timestamp()
        and due_at(record) is not None
        and record.dagster_run.remote_job_origin is not None
        and (place is None or place.has(record.dagster_run))
        and not backfill_was_canceled(
            context.instance, record.dagster_run.tags.get(BACKFILL_TAG, "")
        )
        and all(cause_of(why.cause).passes for why in causes(context.instance, record))
    ]


def _load_again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRequest | None:
    """Return the run that does again what a run of a job did; None: one of its kind has followed,
    or Dagster starts it again.
    """
    kind, jobs = run.tags.get(KIND_TAG), {job.name for job in JOBS}
    if run.tags.get(WILL_RETRY_TAG) == "true" or run.job_name not in jobs or not kind:
        return None
    [newest] = instance.get_runs(dg.RunsFilter(tags={KIND_TAG: kind}), limit=1)
    if newest.run_id != run.run_id:
        return None
    corners = {tag: run.tags[tag] for tag in (RANGE_START_TAG, RANGE_END_TAG) if tag in run.tags}
    return dg.RunRequest(
        run_key=run.run_id,
        job_name=run.job_name,
        run_config=run.run_config,
        tags={**corners, AGAIN_TAG: str(times_before(run) + 1)},
    )


def _request(
    instance: dg.DagsterInstance,
    projects: Sequence[str],
    left: Mapping[dg.AssetKey, Collection[str]],
    tags: Mapping[str, str],
) -> list[str]:
    """Request a backfill of the partitions that are of projects; return their names in one text."""
    mine = {
        key: some
        for key, keys in left.items()
        if (some := [one for one in keys if one.rpartition("|")[0] in projects])
    }
    if not mine:
        return []
    names = name_partitions(sorted({one for some in mine.values() for one in some}))
    request_backfill(instance, issues, mine, f"broken off: {names}", tags)
    return [names]


def _backfill_again(
    instance: dg.DagsterInstance, projects: Sequence[str], runs: Sequence[dg.DagsterRun]
) -> list[str]:
    """Request backfills of what some backfills have left of projects, one for each number of times;
    return the names of their partitions.
    """
    left = failed_partitions(instance, projects)
    said = []
    for times in sorted({times_before(run) for run in runs}):
        ids = {run.run_id for run in runs if times_before(run) == times}
        found = {
            key: [partition for partition, run in tried.items() if run in ids]
            for key, tried in left.items()
        }
        said += _request(instance, projects, found, {AGAIN_TAG: str(times + 1)})
    return said


@dg.sensor(
    jobs=JOBS,
    minimum_interval_seconds=BROKEN_OFF.seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts again what a stop, a kill or an outage has broken off: the failed "
    "partitions of backfills, what is left of a backfill that Dagster has given up since the code "
    "server was away, and the newest run of each kind. It does so after a minute, ten "
    "minutes and an hour, while Backlog answers; asks the warehouse, not Backlog.",
)
def broken_off_loads(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Start again what is due; the cursor moves when nothing waits any more."""
    instance, now = context.instance, datetime.now(UTC)
    # The clock may have been ahead at the last tick, or when a load was broken off.
    after = datetime.fromisoformat(context.cursor) if context.cursor else now - FIRST_LOOK
    after = min(after, now - OVERLAP)
    _end_missed_retries(instance, after, now)
    broken = _to_start_again(context, after, backlog.url)
    lost = [one for one in lost_backfills(instance, issues, now) if one.goes_on_at]
    if not broken and not lost:
        settled = (now - OVERLAP).isoformat()
        return dg.SensorResult(skip_reason="nothing was broken off", cursor=settled)
    with looking_at("the state of the source"):
        condition = current(warehouse.engine, backlog.url)
        if condition and condition.disconnected:
            return dg.SkipReason(f"Backlog cannot be read: {condition.message}")
        due = [
            one.dagster_run
            for one in broken
            if (due_at(one) or now) <= now or (one.end_time or 0.0) > now.timestamp()
        ]
        given_up = [one for one in lost if (one.goes_on_at or now) <= now]
        if (due or given_up) and not has_room(warehouse.engine):
            return dg.SkipReason(FULL)
        backfills = [run for run in due if covered_by(run) and is_backfill(run)]
        at_work = bool(backfills or given_up) and backfill_is_active(instance)
        names: list[str] = []
        if (backfills or given_up) and not at_work:
            projects = accessible_partitions(instance, warehouse.engine, backlog.url)
            for one in given_up:
                names += _request(instance, projects, one.left, one.tags)
            if not names:  # else the failed runs of these wait until the new ones have ended
                names = _backfill_again(instance, projects, backfills)
    again = [_load_again(instance, run) for run in due if run not in backfills]
    requests = [request for request in again if request]
    waits = at_work or bool(lost) or len(due) < len(broken)
    loaded = f"loaded again: {'; '.join(names)}" if names else ""
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else loaded or ("it waits" if waits else "it is over"),
        cursor=context.cursor if waits else (now - OVERLAP).isoformat(),
    )

"""Cadences: what runs when, each cadence and the time zone named once.

Every schedule runs by default. A tick missed by less than an hour is made up when the daemon is back, an older one is skipped, and
a tick that finds a run of its kind still going is skipped too, so that two runs of one kind never work at once.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import dagster as dg

from assets.issues import Mode, oldest_watermark
from assets.location import SETTINGS
from assets.partitions import (
    PROJECTS,
    RANGE_END_TAG,
    RANGE_START_TAG,
    month_keys,
    month_of,
    partition_key,
)
from assets.project_keys import project_partitions
from pipelines.housekeeping import housekeeping_job
from pipelines.jobs import (
    count_reconciliation_job,
    deep_pass_job,
    issues_config,
    issues_job,
    of_kind,
    projects_job,
    tokens_job,
    users_job,
)
from pipelines.runs import ACTIVE, end_dead_runs
from resources.backlog.resource import BacklogResource
from resources.warehouse.errors import WarehouseError
from resources.warehouse.resource import WarehouseResource

USERS_CRON = "0 2 * * *"
PROJECTS_CRON = "0 */6 * * *"
ISSUES_CRON = "{minute} */12 * * *"
COUNT_RECONCILIATION_CRON = "30 3 * * *"
ROLLING_REFRESH_CRON = "0 4 * * *"
HOUSEKEEPING_CRON = "30 5 * * *"
#: An access token lives for an hour; away from the full hour, when loads start.
TOKENS_CRON = "40 * * * *"

#: Sync of a kind -> the longest time from one that is scheduled to the next.
CADENCES = {"users": timedelta(days=1), "projects": timedelta(hours=6), "issues": timedelta(hours=12)}

#: A tick that could not be evaluated in time is still made up within this time.
MISFIRE_GRACE = timedelta(hours=1)
#: The issues schedule starts this many minutes after the hour at most, so that spaces do not all start at once.
MAX_JITTER_MINUTES = 5


def jitter_minutes(backlog_url: str | None) -> int:
    """Return the minutes, 0 to 5, by which a space's issues schedule is late; the same for a space at every start."""
    host = urlsplit(backlog_url or "").hostname or ""
    return zlib.crc32(host.encode()) % (MAX_JITTER_MINUTES + 1)


def reason_to_skip(scheduled_at: datetime, now: datetime, active_run_ids: Sequence[str]) -> str | None:
    """Return why a tick starts nothing, or None when it is due.

    Args:
        scheduled_at: when the tick should have been evaluated, with a zone.
        now: when it is evaluated.
        active_run_ids: runs of the same kind that wait or work.
    """
    late = now - scheduled_at
    if late > MISFIRE_GRACE:
        minutes = late.total_seconds() / 60
        return f"{minutes:.0f} minutes late: more than an hour, so it is left to the next tick"
    if active_run_ids:
        return f"run {active_run_ids[0]} of the same kind has not ended"
    return None


def _skip(context: dg.ScheduleEvaluationContext, kind: str) -> dg.SkipReason | None:
    end_dead_runs(context.instance)
    runs = context.instance.get_runs(dg.RunsFilter(tags=of_kind(kind), statuses=ACTIVE), limit=1)
    reason = reason_to_skip(context.scheduled_execution_time, datetime.now(UTC), [run.run_id for run in runs])
    return dg.SkipReason(reason) if reason else None


def _projects(context: dg.ScheduleEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource) -> Sequence[str]:
    """Return the partition keys that are projects, or all keys while the warehouse cannot be used, which the run will report."""
    try:
        return project_partitions(context.instance, warehouse.engine, backlog.url)
    except WarehouseError:
        return context.instance.get_dynamic_partitions(str(PROJECTS.name))


def _simple(name: str, kind: str, cron: str, description: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        job_name=kind,
        cron_schedule=cron,
        execution_timezone=SETTINGS.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return _skip(context, kind) or dg.RunRequest()

    return tick


users_daily = _simple("users_daily", users_job.name, USERS_CRON, "Users of the space, once a night.")
projects_every_6_hours = _simple(
    "projects_every_6_hours", projects_job.name, PROJECTS_CRON, "Projects with their members, teams and master data."
)
count_reconciliation_nightly = _simple(
    "count_reconciliation_nightly",
    count_reconciliation_job.name,
    COUNT_RECONCILIATION_CRON,
    "Count the issues of each project on both sides, and see when each was last loaded.",
)


housekeeping_nightly = _simple(
    "housekeeping_nightly", housekeeping_job.name, HOUSEKEEPING_CRON, "Deletes old records of the program's own work."
)


@dg.schedule(
    job=issues_job,
    cron_schedule=ISSUES_CRON.format(minute=jitter_minutes(SETTINGS.backlog_url)),
    execution_timezone=SETTINGS.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Issues of all active projects: what changed since the watermark, in one run.",
)
def issues_every_12_hours(
    context: dg.ScheduleEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one run over the partitions from the one that holds the oldest watermark up to the current month."""
    skip = _skip(context, issues_job.name)
    if skip:
        return skip
    projects = _projects(context, backlog, warehouse)
    if not projects:
        return dg.SkipReason("no project is known yet: the sensor project_discovery adds them")
    try:
        watermark = oldest_watermark(warehouse, projects)
    except WarehouseError:
        # The run will meet the same trouble, and its failure is seen; a tick that fails is not.
        watermark = None
    return issues_request(projects, watermark)


@dg.schedule(
    job=deep_pass_job,
    cron_schedule=ROLLING_REFRESH_CRON,
    execution_timezone=SETTINGS.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="A share of all issues, each read whole with its comments, so that all have their turn in 30 days.",
)
def rolling_refresh_nightly(
    context: dg.ScheduleEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Request the nightly share; the run itself works out how many issues that are."""
    skip = _skip(context, deep_pass_job.name)
    if skip:
        return skip
    projects = _projects(context, backlog, warehouse)
    if not projects:
        return dg.SkipReason("no project is known yet: the sensor project_discovery adds them")
    return single_issues_request(projects, "refresh")


@dg.schedule(
    job=tokens_job,
    cron_schedule=TOKENS_CRON,
    execution_timezone=SETTINGS.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Renews the access by OAuth before it ends; nothing where access is by API key.",
)
def tokens_hourly(context: dg.ScheduleEvaluationContext, backlog: BacklogResource) -> dg.RunRequest | dg.SkipReason:
    """Request a run that renews the tokens."""
    skip = _skip(context, tokens_job.name)
    if skip:
        return skip
    if not backlog.uses_oauth:
        return dg.SkipReason("access is by API key, which does not end by itself")
    return dg.RunRequest()


def single_issues_request(
    projects: Sequence[str], mode: Mode, tags: Mapping[str, str] | None = None, again_from: int | None = None
) -> dg.RunRequest:
    """Return a run that reads single issues, whatever their partitions: it is tagged with the current month of all projects."""
    start, end = changes_range(projects, datetime.now(UTC))
    corners = {RANGE_START_TAG: start, RANGE_END_TAG: end}
    return dg.RunRequest(run_config=issues_config(mode, again_from), tags={**corners, **(tags or {})})


def issues_request(projects: Sequence[str], watermark: datetime | None) -> dg.RunRequest:
    """Return the run that reads what changed since `watermark` (None: never loaded) in all of `projects`."""
    start, end = changes_range(projects, watermark)
    return dg.RunRequest(run_config=issues_config("incremental"), tags={RANGE_START_TAG: start, RANGE_END_TAG: end})


def changes_range(projects: Sequence[str], watermark: datetime | None) -> tuple[str, str]:
    """Return the corners of the rectangle from the month of the watermark up to now, over all projects."""
    months = month_keys()
    first = month_of(watermark) if watermark else months[0]
    return partition_key(projects[0], first), partition_key(projects[-1], months[-1])


SCHEDULES = [
    users_daily,
    projects_every_6_hours,
    issues_every_12_hours,
    count_reconciliation_nightly,
    rolling_refresh_nightly,
    housekeeping_nightly,
    tokens_hourly,
]

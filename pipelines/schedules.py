"""Schedules: what each tick requests. `resources/cadences.py` says when they tick.

Every schedule is on by default. A tick missed by less than an hour is made up when the daemon is
back; an older one is skipped. A tick is also skipped while a run of its kind is active. The queue
runs only one run of each kind at a time, so the run of a tick waits for that of a command.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from assets.location import SETTINGS
from assets.partitions import PROJECTS, month_keys, month_of, project_partitions
from pipelines.housekeeping import housekeeping_job
from pipelines.jobs import (
    count_reconciliation_job,
    issues_config,
    issues_job,
    of_kind,
    projects_job,
    rolling_refresh_job,
    tokens_job,
    users_job,
)
from pipelines.living_runs import ACTIVE, PROCESS_TAG, end_dead_runs
from resources import cadences
from resources.backlog.backlog_resource import BacklogResource
from resources.cadences import MISFIRE_GRACE, Cadence
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.modes import Mode
from sync.partition_ranges import range_tags
from sync.watermarks import watermark_furthest_behind


def reason_to_skip(
    scheduled_at: datetime, now: datetime, active_run_ids: Sequence[str]
) -> str | None:
    """Return why a tick starts nothing, or None when it is due.

    Args:
        scheduled_at: when the tick should have been evaluated, with a time zone.
        now: when it is evaluated.
        active_run_ids: queued or active runs of the same kind.
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
    # A command may load less than the tick, such as one project, so the run of the tick waits in
    # the queue.
    runs = context.instance.get_runs(dg.RunsFilter(tags=of_kind(kind), statuses=ACTIVE))
    active = [run.run_id for run in runs if PROCESS_TAG not in run.tags]
    reason = reason_to_skip(context.scheduled_execution_time, datetime.now(UTC), active)
    return dg.SkipReason(reason) if reason else None


def _project_partitions(
    context: dg.ScheduleEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> Sequence[str]:
    """Return the partition keys of projects, or all keys when the warehouse cannot be used, which
    the run will report.
    """
    try:
        return project_partitions(context.instance, warehouse.engine, backlog.url)
    except WarehouseError:
        return context.instance.get_dynamic_partitions(str(PROJECTS.name))


def _simple(cadence: Cadence, kind: str, description: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=cadence.name,
        job_name=kind,
        cron_schedule=cadence.cron,
        execution_timezone=SETTINGS.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return _skip(context, kind) or dg.RunRequest()

    return tick


users_daily = _simple(cadences.USERS, users_job.name, "Users of the space, once a night.")
projects_every_6_hours = _simple(
    cadences.PROJECTS, projects_job.name, "Projects with their members, teams and master data."
)
count_reconciliation_nightly = _simple(
    cadences.COUNT_RECONCILIATION,
    count_reconciliation_job.name,
    "Count the issues of each project on both sides, and check when each was last loaded.",
)
housekeeping_nightly = _simple(
    cadences.HOUSEKEEPING, housekeeping_job.name, "Deletes old records of the program's own work."
)


@dg.schedule(
    name=cadences.ISSUES.name,
    job=issues_job,
    cron_schedule=cadences.ISSUES.cron_of(SETTINGS.backlog_url),
    execution_timezone=SETTINGS.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Issues of all active projects: what changed since the watermark, in one run.",
)
def issues_every_12_hours(
    context: dg.ScheduleEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Request one run over the partitions from the oldest watermark's month up to the current
    month.
    """
    if skip := _skip(context, issues_job.name):
        return skip
    projects = _project_partitions(context, backlog, warehouse)
    if not projects:
        return dg.SkipReason("no project is known yet: the sensor project_discovery adds them")
    try:
        watermark = watermark_furthest_behind(warehouse.engine, projects)
    except WarehouseError:
        # The run will meet the same error, and reports it visibly, unlike a tick.
        watermark = None
    return issues_request(projects, watermark)


@dg.schedule(
    name=cadences.ROLLING_REFRESH.name,
    job=rolling_refresh_job,
    cron_schedule=cadences.ROLLING_REFRESH.cron,
    execution_timezone=SETTINGS.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="A share of all issues, each read whole with its comments, so that each "
    "is read once in 30 days. The checks of its tables look at every row.",
)
def rolling_refresh_nightly(
    context: dg.ScheduleEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Request a rolling refresh; the run determines how many issues it reads."""
    if skip := _skip(context, rolling_refresh_job.name):
        return skip
    projects = _project_partitions(context, backlog, warehouse)
    if not projects:
        return dg.SkipReason("no project is known yet: the sensor project_discovery adds them")
    return single_issues_request(projects, "refresh")


@dg.schedule(
    name=cadences.TOKENS.name,
    job=tokens_job,
    cron_schedule=cadences.TOKENS.cron,
    execution_timezone=SETTINGS.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Renews the OAuth tokens before they expire; does nothing with an API key.",
)
def tokens_hourly(
    context: dg.ScheduleEvaluationContext, backlog: BacklogResource
) -> dg.RunRequest | dg.SkipReason:
    """Request a run that renews the tokens."""
    if skip := _skip(context, tokens_job.name):
        return skip
    if not backlog.uses_oauth:
        return dg.SkipReason("access is by API key, which does not expire")
    return dg.RunRequest()


def single_issues_request(
    projects: Sequence[str],
    mode: Mode,
    tags: Mapping[str, str] | None = None,
    again_from: int | None = None,
) -> dg.RunRequest:
    """Return a run that reads single issues, in any partition. It is tagged with the current month
    of all projects.
    """
    return dg.RunRequest(
        run_config=issues_config(mode, again_from),
        tags={**changes_tags(projects, datetime.now(UTC)), **(tags or {})},
    )


def issues_request(projects: Sequence[str], watermark: datetime | None) -> dg.RunRequest:
    """Return the run that reads what changed since `watermark` (None: never loaded) in all
    `projects`.
    """
    return dg.RunRequest(
        run_config=issues_config("incremental"), tags=changes_tags(projects, watermark)
    )


def changes_tags(projects: Sequence[str], watermark: datetime | None) -> dict[str, str]:
    """Return the tags of a run over all projects, from the month of the watermark up to now."""
    months = month_keys()
    return range_tags(projects, [month_of(watermark) if watermark else months[0], months[-1]])


SCHEDULES = [
    users_daily,
    projects_every_6_hours,
    issues_every_12_hours,
    count_reconciliation_nightly,
    rolling_refresh_nightly,
    housekeeping_nightly,
    tokens_hourly,
]

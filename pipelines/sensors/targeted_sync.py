"""Near real time: sensors that see that issues have changed and request a run for just those.

An idle space costs one request a tick. One such run works at a time and has a kind of its own, so
that the schedules find their slots.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.location import scoped
from assets.partitions import project_partitions
from pipelines.jobs import issues_job, rolling_refresh_job, targeted_sync_job
from pipelines.living_runs import ACTIVE, end_dead_runs
from pipelines.schedules import single_issues_request
from pipelines.sensors.failing_ticks import looking_at
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.errors import BacklogError, PermissionDenied
from resources.backlog.feed import issue_events
from resources.cadences import ACTIVITY_FEED, WEBHOOK_INBOX
from resources.dagster_tags import KIND_TAG
from resources.problems.names import MOST
from resources.records import Page
from resources.warehouse.people.forgetting import mask_of
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.activity_requests import unknown_activities
from sync.webhook_effects import Drained, drain, issues_wait

#: A run that was requested for the same news has failed or left something: it is requested again
#: after this time.
AGAIN_AFTER = timedelta(minutes=5)
#: Tag of a run that reads single issues: the keys of the first ones, as far as they are known.
ISSUES_TAG = "backlog_elt/issues"
#: What a sensor remembers as news when there are none, but issues that an earlier run has left.
WAITING = "waiting"
#: What a look that failed was at.
FEED, INBOX = "the activity feed", "the inbox"
NO_PROJECT = "no project is known yet: the sensor project_discovery adds them"


@dataclass(frozen=True)
class Seen:
    """What a sensor remembers from tick to tick: the space behind a URL, and what it last requested
    a run for, and when.
    """

    url: str = ""
    space_key: str = ""
    news: str = ""
    requested_at: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "Seen":
        """Read a cursor; one of another version counts as none."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls()

    def text(self) -> str:
        """Return the cursor."""
        return json.dumps(asdict(self))

    def due(self, news: str, now: datetime) -> bool:
        """Say whether a run is to be requested for these news: they are new, or those of a while
        ago still wait, or were requested by a clock that was ahead.
        """
        return news != self.news or not (
            timedelta() <= now - datetime.fromisoformat(self.requested_at) < AGAIN_AFTER
        )


def named_issues(activities: Iterable[dict[str, Any]]) -> list[str]:
    """Return the keys of the issues that activities concern, oldest activity first, each once."""
    keys: dict[str, None] = {}
    for activity in sorted(activities, key=lambda one: int(one["id"])):
        project = activity.get("project")
        for event in issue_events(activity):
            name = project.get("projectKey") if isinstance(project, dict) else None
            # Not every database of Dagster can store what is not printable.
            named = name and str(name).isprintable() and event.key_id
            keys[f"{name}-{event.key_id}" if named else str(event.issue_id)] = None
    return list(keys)


def _active(context: dg.SensorEvaluationContext, *kinds: str) -> str | None:
    """Return a run of one of these kinds that waits or works."""
    runs = context.instance.get_runs(
        dg.RunsFilter(tags={KIND_TAG: [scoped(kind) for kind in kinds]}, statuses=ACTIVE), limit=1
    )
    return runs[0].run_id if runs else None


def _begin_look(
    context: dg.SensorEvaluationContext,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    what: str,
) -> tuple[Sequence[str], Seen] | dg.SkipReason:
    """Return what a look at `what` needs, or why no run can be requested now: the projects that a
    run can cover, and what is remembered of the space.
    """
    end_dead_runs(context.instance)
    if active := _active(context, targeted_sync_job.name):
        return dg.SkipReason(f"run {active} of the same kind has not ended")
    backlog.use_short_timeouts()
    with looking_at(what):
        projects = project_partitions(context.instance, warehouse.engine, backlog.url)
        return (
            (projects, _space(Seen.read(context.cursor), backlog))
            if projects
            else dg.SkipReason(NO_PROJECT)
        )


def _space(seen: Seen, backlog: BacklogResource) -> Seen:
    """Return what is remembered with the key of the space, for one request when the URL is new."""
    if seen.url == backlog.url and seen.space_key:
        return seen
    return Seen(url=backlog.url, space_key=str(backlog.client.space_info()["spaceKey"]))


def _drained(seen: Seen, backlog: BacklogResource, warehouse: WarehouseResource) -> Drained:
    with looking_at(INBOX):
        return drain(
            warehouse.engine,
            seen.space_key,
            mask_of(warehouse.engine, seen.space_key, backlog.mask),
        )


def _request(
    projects: Sequence[str], keys: Sequence[str] = (), again_from: int | None = None
) -> dg.RunRequest:
    more = f" and {len(keys) - MOST} more" if len(keys) > MOST else ""
    shown = ", ".join(keys[:MOST]) + more
    return single_issues_request(
        projects, "targeted", {ISSUES_TAG: shown} if shown else None, again_from
    )


def _new_activities(
    seen: Seen,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    *,
    waiting: bool,
    named: bool,
) -> list[dict[str, Any]] | None:
    """Return the newest activities that are not loaded yet, None before the first load.

    Where the feed cannot be read, a run is requested all the same for issues that webhooks have
    just `named`; where it is refused, also for those that are still `waiting`.
    """
    try:
        page = next(backlog.client.activities(order="desc"), Page())
    except BacklogError as error:
        if not named and not (waiting and isinstance(error, PermissionDenied)):
            raise
        return []
    return unknown_activities(warehouse.engine, seen.space_key, page)


def _nothing_to_request(
    context: dg.SensorEvaluationContext,
    seen: Seen,
    new: Sequence[dict[str, Any]],
    news: str,
    now: datetime,
) -> str | None:
    """Return why no run is requested for the news of the feed, or for what waits; None: one is."""
    if not news:
        return f"{len(new)} new activities, none of issues" if new else "nothing new"
    if not seen.due(news, now):
        return "a run was requested for this already"
    if news == WAITING and (other := _active(context, issues_job.name, rolling_refresh_job.name)):
        return f"issues wait for run {other}, which has not ended"
    return None


@dg.sensor(
    job=targeted_sync_job,
    minimum_interval_seconds=ACTIVITY_FEED.seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at the newest page of the activity feed, one request a "
    "tick, and at the inbox of "
    "webhooks, and requests a "
    "run for just the issues in them that are not loaded yet.",
)
def activity_feed(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Request a run when the feed or a webhook names issues, or when issues still wait that an
    earlier run had to leave.
    """
    look = _begin_look(context, backlog, warehouse, FEED)
    if isinstance(look, dg.SkipReason):
        return look
    projects, seen = look
    drained = _drained(seen, backlog, warehouse)
    with looking_at(FEED):
        waiting = issues_wait(warehouse.engine, seen.space_key)
        new = _new_activities(seen, backlog, warehouse, waiting=waiting, named=bool(drained.issues))
    if new is None:
        return dg.SensorResult(
            skip_reason="the feed was not loaded yet: the first load does that", cursor=seen.text()
        )
    telling = [activity for activity in new if issue_events(activity)]
    news = str(max((int(activity["id"]) for activity in telling), default="")) or (
        WAITING if waiting else ""
    )
    now = datetime.now(UTC)
    # What webhooks have just named nobody else has asked for.
    reason = None if drained.issues else _nothing_to_request(context, seen, new, news, now)
    if reason:
        return dg.SensorResult(skip_reason=reason, cursor=seen.text())
    seen = replace(seen, news=news, requested_at=now.isoformat())
    oldest = min((int(activity["id"]) for activity in telling), default=None)
    return dg.SensorResult(
        run_requests=[_request(projects, named_issues(telling), oldest)], cursor=seen.text()
    )


@dg.sensor(
    job=targeted_sync_job,
    minimum_interval_seconds=WEBHOOK_INBOX.seconds,
    default_status=dg.DefaultSensorStatus.RUNNING
    if WEBHOOK_INBOX.on
    else dg.DefaultSensorStatus.STOPPED,
    description="Drains the inbox of webhooks, at no request, and requests a "
    "run for just the issues "
    "that they name. Turn it on "
    "where activity_feed is off, to follow changes without a request.",
)
def webhook_inbox(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Drain the inbox of `ops.webhook_events`, and request a run for what it names, or for what an
    earlier run had to leave.

    Events that come while a run works wait for the next tick.
    """
    look = _begin_look(context, backlog, warehouse, INBOX)
    if isinstance(look, dg.SkipReason):
        return look
    projects, seen = look
    drained = _drained(seen, backlog, warehouse)
    with looking_at(INBOX):
        news = WAITING if drained.issues or issues_wait(warehouse.engine, seen.space_key) else ""
    now = datetime.now(UTC)
    reason = None if drained.issues else _nothing_to_request(context, seen, (), news, now)
    if reason:
        empty = (
            f"{drained.events} events, none of issues" if drained.events else "the inbox is empty"
        )
        return dg.SensorResult(skip_reason=reason if news else empty, cursor=seen.text())
    seen = replace(seen, news=news, requested_at=now.isoformat())
    return dg.SensorResult(run_requests=[_request(projects)], cursor=seen.text())

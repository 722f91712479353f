"""Schedules: when they tick, when a tick starts nothing, and what the issues schedule requests."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from assets.partitions import month_keys
from pipelines.definitions import defs
from pipelines.jobs import of_kind
from pipelines.living_runs import PROCESS_TAG
from pipelines.schedules import (
    SCHEDULES,
    reason_to_skip,
)
from resources.cadences import ISSUES
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.warehouse.warehouse_resource import WarehouseResource
from simulator import Fault
from tests.deployment import Deployment
from tests.pipelines.test_slots import blocked
from tests.pipelines.ticking import active, add_run

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
NOBODY = "999999999@1.0"
BY_NAME = {schedule.name: schedule for schedule in SCHEDULES}
LAST = month_keys()[-1]


def corners(evaluated: ScheduleExecutionData) -> tuple[str, str]:
    """Return the first and the last partition of the only run that a tick requests."""
    [request] = evaluated.run_requests or []
    return request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]


def tick(
    deployment: Deployment,
    name: str,
    at: datetime | None = None,
    warehouse: WarehouseResource | None = None,
) -> ScheduleExecutionData:
    """Evaluate a schedule as the daemon does."""
    context = dg.build_schedule_context(
        instance=deployment.instance,
        scheduled_execution_time=at or datetime.now(UTC),
        repository_def=defs.get_repository_def(),
        resources={"backlog": deployment.backlog, "warehouse": warehouse or deployment.warehouse},
    )
    with context:
        return BY_NAME[name].evaluate_tick(context)


def test_the_jitter_of_a_space_is_the_same_at_every_start_and_at_most_five_minutes() -> None:
    found = [ISSUES.cron_of(f"https://space{number}.backlog.com") for number in range(200)]
    assert set(found) == {f"{minute} */12 * * *" for minute in range(6)}
    for number, cron in enumerate(found):
        assert ISSUES.cron_of(f"https://space{number}.backlog.com/api/v2?x=1") == cron
    assert ISSUES.cron_of(None) == ISSUES.cron_of("") == "0 */12 * * *"


@pytest.mark.parametrize(
    "late", [timedelta(0), timedelta(minutes=59), timedelta(hours=1), timedelta(minutes=-1)]
)
def test_a_tick_that_is_less_than_an_hour_late_is_made_up(late: timedelta) -> None:
    assert reason_to_skip(NOW - late, NOW, []) is None


def test_a_due_tick_requests_one_run_and_none_late_or_while_one_is_active(
    near: Deployment,
) -> None:
    without_tokens = tick(near, "tokens_hourly")
    assert not without_tokens.run_requests
    assert without_tokens.skip_message == "access is by API key, which does not expire"
    for name, schedule in BY_NAME.items():
        due = near.with_oauth() if name == "tokens_hourly" else near
        [request] = tick(due, name).run_requests or []
        assert request.run_key is None
        late = tick(due, name, datetime.now(UTC) - timedelta(hours=2))
        assert not late.run_requests
        assert "more than an hour" in str(late.skip_message)
        for status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED):
            working = add_run(near.instance, schedule.job_name, status)
            busy = tick(due, name)
            assert not busy.run_requests
            assert busy.skip_message == f"run {working} of the same kind has not ended"
            near.instance.delete_run(working)


def test_the_run_of_a_tick_waits_in_the_queue_for_a_command_which_may_load_less(
    near: Deployment,
) -> None:
    of_command = active(near, "issues")
    assert tick(near, "issues_every_12_hours").run_requests
    [run] = near.instance.get_runs(dg.RunsFilter(run_ids=[of_command]))
    assert blocked(of_kind("issues"), dict(run.tags))


def test_a_run_of_another_kind_or_that_has_ended_or_was_killed_holds_nothing_back(
    near: Deployment,
) -> None:
    dead = add_run(near.instance, "issues", tags={PROCESS_TAG: NOBODY})
    assert tick(near, "issues_every_12_hours").run_requests
    [run] = near.instance.get_runs()
    assert (run.run_id, run.status) == (dead, dg.DagsterRunStatus.FAILURE)
    add_run(near.instance, "issues")
    add_run(near.instance, "users", dg.DagsterRunStatus.FAILURE)
    assert tick(near, "users_daily").run_requests


def test_the_issues_schedule_loads_what_changed_and_a_new_project_from_the_start(
    near: Deployment,
) -> None:
    made = near.sim.space.create_issue("WEB").id
    [request] = tick(near, "issues_every_12_hours").run_requests or []
    assert near.run("issues", config=request.run_config, tags=request.tags).success
    assert made in near.stored_issues()
    near.sim.space.add_project("NEW", "新規")
    assert near.run("projects").success
    near.discover()
    assert corners(tick(near, "issues_every_12_hours")) == ("OPS|2026-01", f"NEW|{LAST}")


def test_schedules_leave_out_a_key_that_is_no_project(near: Deployment) -> None:
    near.change("UPDATE ops.sync_state SET watermark = '2026-03-15' WHERE scope = 'issues'")
    near.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    for name, first in (("issues_every_12_hours", "2026-03"), ("rolling_refresh_nightly", LAST)):
        assert corners(tick(near, name)) == (f"OPS|{first}", f"APP|{LAST}")


def test_the_issues_schedule_needs_a_project_but_no_source_and_no_warehouse(
    near: Deployment,
) -> None:
    near.sim.faults.add(Fault(status=500, times=None))
    near.sim.requests.clear()
    assert tick(near, "issues_every_12_hours").run_requests
    assert near.sim.requests.count() == 0
    nowhere = WarehouseResource(url="postgresql://nobody@127.0.0.1:1/nothing")
    assert corners(tick(near, "issues_every_12_hours", warehouse=nowhere))[0] == "OPS|2026-01"
    for key in near.partitions:
        near.instance.delete_dynamic_partition("backlog_projects", key)
    waiting = tick(near, "issues_every_12_hours").skip_message
    assert waiting == "no project is known yet: the sensor project_discovery adds them"

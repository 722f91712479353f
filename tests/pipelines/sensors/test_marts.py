"""When marts are built: the sensor on a real warehouse, tick by tick."""

import json
from datetime import datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType

from assets.location import SETTINGS
from assets.marts.build import MODELS, source_of_marts
from pipelines.sensors.failing_ticks import LookFailedError
from pipelines.sensors.marts import marts_after_loads
from resources.dagster_tags import SENSOR_TAG
from resources.mappings import mappings
from resources.problems.causes import Failure
from resources.warehouse.history.history_writer import finish_sync
from resources.warehouse.state.builds import begin_build, end_build
from resources.warehouse.warehouse_resource import WarehouseResource
from tests.deployment import Deployment
from tests.pipelines.failed_steps import failed_step
from tests.pipelines.ticking import add_run
from tests.sync_log import Log

#: Writes a row.
ANY_ROW = (
    "UPDATE raw.comments SET loaded_at = clock_timestamp() WHERE id = (SELECT "
    "min(id) FROM raw.comments)"
)
BY_SENSOR = {SENSOR_TAG: "marts_after_loads"}
SUCCESS = dg.DagsterRunStatus.SUCCESS
TOO_EARLY = "not more often than every 5 minutes"


def tick(
    deployment: Deployment, cursor: str | None, warehouse: WarehouseResource | None = None
) -> tuple[int, str | None, str | None]:
    """Evaluate the sensor; return how many runs it requests, why none, and its cursor."""
    resources = {"warehouse": warehouse or deployment.warehouse}
    with dg.build_sensor_context(
        instance=deployment.instance, cursor=cursor, resources=resources
    ) as context:
        found = marts_after_loads.evaluate_tick(context)
    return len(found.run_requests or []), found.skip_message, found.cursor


def aged(cursor: str | None, minutes: int) -> str:
    """Return the cursor as it was left so many minutes ago."""
    seen = json.loads(cursor or "")
    built_at = datetime.fromisoformat(seen["built_at"]) - timedelta(minutes=minutes)
    return json.dumps(seen | {"built_at": built_at.isoformat()})


def edited(deployment: Deployment) -> None:
    """Load an issue that has changed."""
    space = deployment.sim.space
    space.edit_issue(min(space.issues), summary=f"changed {len(space.activities)} times")
    assert deployment.run_issues(mode="incremental").success


def built(deployment: Deployment, project: str = "", by: str = "a run") -> None:
    """Note a build of a dbt project, by default the one that is here."""
    source = project or source_of_marts(mappings(SETTINGS.mappings))
    end_build(deployment.engine, begin_build(deployment.engine, source, by))


def test_marts_are_built_after_a_load_that_has_written_something_and_only_then(
    loaded: Deployment,
) -> None:
    runs, _, cursor = tick(loaded, None)
    assert runs == 1
    assert tick(loaded, cursor)[:2] == (0, "no sync has ended since the last tick")
    assert loaded.run_issues(mode="incremental").success
    runs, reason, cursor = tick(loaded, cursor)
    assert (runs, reason) == (0, "nothing was written")
    edited(loaded)
    runs, reason, waiting = tick(loaded, cursor)
    assert (runs, waiting) == (0, cursor)
    assert TOO_EARLY in str(reason)
    assert tick(loaded, aged(cursor, minutes=60))[0] == 1


def test_a_sync_that_dies_after_others_which_began_later_is_news(loaded: Deployment) -> None:
    with Log(loaded.engine) as log:
        log.begun(mode="backfill", run="long")
        log.done(mode="targeted", run="short", items=1)
        _, _, cursor = tick(loaded, None)
        runs, _, cursor = tick(loaded, aged(cursor, minutes=31))
        assert runs == 1, "patience has an end"
        loaded.change(ANY_ROW)
    # It is killed: no row says so.
    assert tick(loaded, aged(cursor, minutes=6))[0] == 1


def test_a_build_that_ran_at_the_first_tick_is_followed_by_another(loaded: Deployment) -> None:
    add_run(loaded.instance, "marts", SUCCESS, tags=BY_SENSOR)
    runs, reason, cursor = tick(loaded, None)
    assert runs == 0
    assert TOO_EARLY in str(reason)
    assert tick(loaded, aged(cursor, minutes=5))[0] == 1


def test_a_build_that_somebody_else_has_started_counts_as_well(loaded: Deployment) -> None:
    _, _, cursor = tick(loaded, None)
    build = add_run(loaded.instance, "marts", SUCCESS)
    edited(loaded)
    built(loaded, by=build)
    assert tick(loaded, aged(cursor, minutes=60))[:2] == (0, "nothing was written")
    edited(loaded)
    runs, reason, _ = tick(loaded, aged(cursor, minutes=60))
    assert runs == 0
    assert TOO_EARLY in str(reason)


def test_the_first_build_waits_for_issues_and_a_later_one_for_comments_too(
    loaded: Deployment,
) -> None:
    with Log(loaded.engine) as log:
        the_first_build_waits(loaded, log)


def the_first_build_waits(loaded: Deployment, log: Log) -> None:
    issues = log.begun("issues")
    for table in ("comments", "activities"):  # of activities no mart is made
        log.begun(table)
    runs, reason, cursor = tick(loaded, None)
    assert (runs, reason) == (0, "syncs at work: 1; the next build includes their rows")
    finish_sync(loaded.engine, issues, items_synced=1, items_failed=0, requests=1)
    runs, _, cursor = tick(loaded, cursor)
    assert runs == 1
    built(loaded, by=add_run(loaded.instance, "marts", SUCCESS, tags=BY_SENSOR))
    # Comments go on for hours, and no sync ends meanwhile.
    loaded.change(ANY_ROW)
    assert tick(loaded, aged(cursor, minutes=10))[0] == 0
    runs, _, cursor = tick(loaded, aged(cursor, minutes=31))
    assert runs == 1
    assert tick(loaded, aged(cursor, minutes=31))[:2] == (0, "nothing was written")
    log.begun("issues", run="run-2")
    loaded.change(ANY_ROW)
    runs, reason, _ = tick(loaded, aged(cursor, minutes=10))
    assert (runs, reason) == (0, "syncs at work: 2; the next build includes their rows")


def test_a_failed_build_is_tried_again_later_and_a_running_one_is_waited_for(
    loaded: Deployment,
) -> None:
    _, _, cursor = tick(loaded, None)
    add_run(loaded.instance, "marts", dg.DagsterRunStatus.FAILURE, tags=BY_SENSOR)
    assert tick(loaded, cursor)[0] == 0
    assert "the last build failed" in str(tick(loaded, aged(cursor, minutes=10))[1])
    assert tick(loaded, aged(cursor, minutes=40))[0] == 1
    at_work = add_run(loaded.instance, "marts", dg.DagsterRunStatus.STARTED, tags=BY_SENSOR)
    assert tick(loaded, aged(cursor, minutes=40))[:2] == (0, f"run {at_work} is building them")


def test_a_build_that_a_full_disk_has_ended_does_not_wait_for_half_an_hour(
    loaded: Deployment,
) -> None:
    _, _, cursor = tick(loaded, None)
    run = add_run(loaded.instance, "marts", tags=BY_SENSOR)
    step = failed_step("marts", Failure("disk_full", "the marts: no"))
    for event in (step, DagsterEvent(DagsterEventType.RUN_FAILURE.value, "marts")):
        loaded.instance.report_dagster_event(event, run)
    assert TOO_EARLY in str(tick(loaded, cursor)[1])
    assert tick(loaded, aged(cursor, minutes=6))[0] == 1


def test_marts_are_built_once_a_day_also_where_nobody_writes_anything(loaded: Deployment) -> None:
    _, _, cursor = tick(loaded, None)
    assert tick(loaded, aged(cursor, minutes=23 * 60))[0] == 0
    runs, _, cursor = tick(loaded, aged(cursor, minutes=24 * 60))
    assert runs == 1
    assert tick(loaded, cursor)[0] == 0


def test_seeds_are_built_again_only_when_the_project_has_changed(loaded: Deployment) -> None:
    def requested() -> set[dg.AssetKey] | None:
        loaded.change(ANY_ROW)
        with dg.build_sensor_context(
            instance=loaded.instance, resources={"warehouse": loaded.warehouse}
        ) as context:
            [request] = marts_after_loads.evaluate_tick(context).run_requests or []
        return set(request.asset_selection) if request.asset_selection is not None else None

    assert requested() is None, "the first build is one of all"
    built(loaded, "an older project")
    assert requested() is None
    built(loaded)
    assert requested() == MODELS
    # One of another project has failed and may have left its tables, and the project is again what
    # it was.
    begin_build(loaded.engine, "a project that was taken back", "a run")
    assert requested() is None


def test_a_tick_without_a_warehouse_fails(loaded: Deployment) -> None:
    nowhere = WarehouseResource(url="postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(
        LookFailedError, match="the log of syncs could not be read: The warehouse cannot be used"
    ):
        tick(loaded, None, nowhere)


def test_times_ahead_of_a_clock_that_was_keep_no_build_waiting(loaded: Deployment) -> None:
    _, _, cursor = tick(loaded, None)
    built(loaded)
    loaded.change(ANY_ROW.replace("clock_timestamp()", "now() + interval '1 day'"))
    loaded.change(
        "UPDATE ops.mart_builds SET began_at = now() + interval '1 day', "
        "ended_at = now() + interval '1 day'"
    )
    edited(loaded)
    runs, _, cursor = tick(loaded, aged(cursor, minutes=-24 * 60))
    assert runs == 1
    assert begin_build(
        loaded.engine, source_of_marts(mappings(SETTINGS.mappings)), "a run"
    ).since is None, "rows of now are older than what that build has begun with"  # fmt: skip
    assert tick(loaded, cursor)[:2] == (0, "no sync has ended since the last tick")

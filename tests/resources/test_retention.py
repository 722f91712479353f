"""What is old is deleted, in batches, and what Dagster or the marts still need is not."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test
from sqlalchemy import Engine, text

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from pipelines.jobs import issues_config
from resources.retention import BATCH, DAGSTER, WAREHOUSE, clean
from resources.simulator import Fault
from resources.warehouse.connect import engine
from tests.deployment import Deployment

OLD_EVENT = "INSERT INTO ops.webhook_events (space_key, payload, processed_at) VALUES ('S', '{}', now() - interval '31 days')"
ISSUES = dg.AssetKey(["raw", "issues"])


@pytest.fixture
def storage(warehouse_url: str) -> Iterator[tuple[dg.DagsterInstance, Engine]]:
    """Give a Dagster whose storage is in a PostgreSQL, and a way into that."""
    made = engine(warehouse_url)
    with instance_for_test(overrides={"storage": {"postgres": {"postgres_url": warehouse_url}}}) as instance:
        yield instance, made
    made.dispose()


def count(storage: Engine, table: str) -> int:
    with storage.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def age(storage: Engine, days: int) -> None:
    """Let all that Dagster has recorded lie so many days farther back."""
    with storage.begin() as connection:
        for table, column in (
            ("event_logs", "timestamp"),
            ("runs", "create_timestamp"),
            ("asset_check_executions", "create_timestamp"),
            ("bulk_actions", "timestamp"),
        ):
            connection.execute(text(f"UPDATE {table} SET {column} = {column} - make_interval(days => {days})"))


def test_dagster_knows_as_much_of_partitions_and_checks_after_old_events_are_gone(
    loaded: Deployment, storage: tuple[dg.DagsterInstance, Engine]
) -> None:
    instance, database = storage
    deployment = replace(loaded, instance=instance).discover()
    for _ in range(2):
        assert deployment.run_issues().success
    assert deployment.run("users").success
    keys = [ISSUES, dg.AssetKey(["raw", "comments"]), dg.AssetKey(["raw", "users"])]

    def known() -> object:
        checks = deployment.raw_definitions.get_repository_def().asset_graph.asset_check_keys
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
        return (
            {key: instance.get_materialized_partitions(key) for key in keys},
            {key: instance.get_latest_materialization_event(key) for key in keys},
            {key: record.status for key, record in latest.items()},
        )

    before, events = known(), count(database, "event_logs")
    age(database, 31)
    gone = clean(database, DAGSTER)
    assert gone["event_logs"] > events // 2
    assert gone["asset_check_executions"] > 0
    assert known() == before
    assert count(database, "event_logs") == events - gone["event_logs"]
    assert clean(database, DAGSTER) == {"event_logs": 0, "asset_check_executions": 0, "runs": 0, "bulk_actions": 0}


def test_a_run_goes_when_nothing_tells_of_it_any_more(loaded: Deployment, storage: tuple[dg.DagsterInstance, Engine]) -> None:
    instance, database = storage
    deployment = replace(loaded, instance=instance).discover()
    for _ in range(3):
        assert deployment.run("users").success
    age(database, 31)
    newest = deployment.run("users").run_id
    clean(database, DAGSTER)
    assert [run.run_id for run in instance.get_runs()] == [newest]


def test_what_is_young_stays(loaded: Deployment, storage: tuple[dg.DagsterInstance, Engine]) -> None:
    instance, database = storage
    deployment = replace(loaded, instance=instance).discover()
    assert deployment.run("users").success
    age(database, 29)
    assert set(clean(database, DAGSTER).values()) == {0}
    assert clean(database, DAGSTER, days=28)["event_logs"] > 0


def test_old_rows_of_ops_go_in_batches_and_open_ones_never(loaded: Deployment) -> None:
    loaded.change(
        "INSERT INTO ops.webhook_events (space_key, received_at, payload, processed_at) "
        f"SELECT 'S', now() - interval '40 days', '{{}}', CASE WHEN n <= {2 * BATCH + 1} THEN now() - interval '31 days' END "
        f"FROM generate_series(1, {2 * BATCH + 3}) AS n"
    )
    loaded.change(
        "INSERT INTO ops.sync_history (space_key, sync_type, mode, status, started_at, ended_at, run_id) "
        "SELECT 'S', 'users', 'full', 'completed', at, at, 'r' FROM (VALUES (now() - interval '401 days'), (now())) AS v (at)"
    )
    gone = clean(loaded.engine, WAREHOUSE)
    assert (gone["ops.webhook_events"], gone["ops.sync_history"]) == (2 * BATCH + 1, 1)
    [left] = loaded.query("SELECT count(*) AS n FROM ops.webhook_events WHERE space_key = 'S'")
    assert left["n"] == 2


def test_rows_that_somebody_has_locked_are_left_to_the_next_time(loaded: Deployment) -> None:
    loaded.change(
        "INSERT INTO ops.webhook_events (space_key, payload, processed_at) VALUES ('S', '{}', now() - interval '31 days')"
    )
    with loaded.engine.begin() as holder:
        holder.execute(text("SELECT * FROM ops.webhook_events FOR UPDATE"))
        assert clean(loaded.engine, WAREHOUSE)["ops.webhook_events"] == 0
    assert clean(loaded.engine, WAREHOUSE)["ops.webhook_events"] == 1


def test_the_newest_proof_of_each_kind_and_the_newest_build_stay(loaded: Deployment) -> None:
    loaded.change("UPDATE ops.verifications SET checked_at = now() - interval '500 days'")
    loaded.change(
        "INSERT INTO ops.mart_builds (began_at, ended_at, project, run_id) "
        "SELECT at, at, 'p', 'r' FROM (VALUES (now() - interval '100 days'), (now() - interval '99 days')) AS v (at)"
    )
    known = loaded.query("SELECT DISTINCT project_id, how, equal FROM ops.verifications ORDER BY 1, 2, 3")
    gone = clean(loaded.engine, WAREHOUSE)
    assert loaded.query("SELECT DISTINCT project_id, how, equal FROM ops.verifications ORDER BY 1, 2, 3") == known
    assert gone["ops.mart_builds"] == 1


def test_the_job_says_what_it_has_deleted(loaded: Deployment) -> None:
    loaded.change(
        "INSERT INTO ops.webhook_events (space_key, payload, processed_at) VALUES ('S', '{}', now() - interval '31 days')"
    )
    run = loaded.run("housekeeping")
    assert run.success
    [output] = [event for event in run.events if event.event_type == dg.DagsterEventType.STEP_OUTPUT]
    assert output.step_output_data.metadata["ops.webhook_events"].value == 1


def test_runs_that_come_by_the_hundred_are_kept_for_three_days_where_they_succeeded(
    loaded: Deployment, storage: tuple[dg.DagsterInstance, Engine]
) -> None:
    instance, database = storage
    deployment = replace(loaded, instance=instance).discover()
    corners = {RANGE_START_TAG: "OPS|2026-06", RANGE_END_TAG: "OPS|2026-06"}
    often = deployment.run("changed_issues", config=issues_config("touched"), tags=corners)
    assert often.success
    deployment.sim.faults.add(Fault(status=400, path="/space/activities"))
    failed = deployment.run("changed_issues", config=issues_config("touched"), tags=corners)
    assert not failed.success
    seldom = deployment.run("users")
    age(database, 4)
    before = {run.run_id: len(run.events) for run in (often, failed, seldom)}
    assert clean(database, DAGSTER)["event_logs"] > 0
    after = {run.run_id: len(run.events) for run in (often, failed, seldom)}
    assert after[often.run_id] < before[often.run_id] / 2
    assert (after[failed.run_id], after[seldom.run_id]) == (before[failed.run_id], before[seldom.run_id])

"""What is old is deleted, in batches, and what Dagster or the marts still need is not."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import instance_for_test
from dagster._core.utils import make_new_backfill_id
from sqlalchemy import Engine, event, text

from assets.dagster_internals import RETENTION
from pipelines.housekeeping import housekeeping_job
from pipelines.jobs import issues_config
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.retention import BATCH, WAREHOUSE, delete_old_rows
from resources.warehouse.server.connect import engine
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_resource import WarehouseResource
from simulator import Fault
from tests.databases import one
from tests.deployment import Deployment

OLD_EVENT = (
    "INSERT INTO ops.webhook_events (space_key, payload, processed_at) VALUES ('S', '{}', "
    "now() - interval '31 days')"
)
ISSUES = dg.AssetKey(["raw", "issues"])
DONE = BulkActionStatus.COMPLETED_SUCCESS


@pytest.fixture
def storage(warehouse_url: str) -> Iterator[tuple[dg.DagsterInstance, Engine]]:
    """Give a Dagster whose storage is in a PostgreSQL, and a way into that."""
    made = engine(warehouse_url)
    with instance_for_test(
        overrides={"storage": {"postgres": {"postgres_url": warehouse_url}}}
    ) as instance:
        yield instance, made
    made.dispose()


@pytest.fixture
def kept(loaded: Deployment, storage: tuple[dg.DagsterInstance, Engine]) -> Deployment:
    """Return a loaded deployment whose runs are recorded in that storage."""
    return replace(loaded, instance=storage[0]).discover()


def count(storage: Engine, table: str) -> int:
    return int(one(storage, f"SELECT count(*) FROM {table}"))


def age(storage: Engine, days: int) -> None:
    """Let all that Dagster has recorded lie so many days farther back."""
    with storage.begin() as connection:
        for table, column in (
            ("event_logs", "timestamp"),
            ("runs", "create_timestamp"),
            ("asset_check_executions", "create_timestamp"),
            ("bulk_actions", "timestamp"),
        ):
            connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - make_interval(days => {days})")
            )


@pytest.mark.full
def test_dagster_knows_as_much_of_partitions_and_checks_after_old_events_are_gone(
    kept: Deployment, storage: tuple[dg.DagsterInstance, Engine]
) -> None:
    instance, database = storage
    for _ in range(2):
        assert kept.run_issues().success
    assert kept.run("users").success
    keys = [ISSUES, dg.AssetKey(["raw", "comments"]), dg.AssetKey(["raw", "users"])]

    def known() -> object:
        checks = kept.raw_definitions.resolve_asset_graph().asset_check_keys
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
        return (
            {key: instance.get_materialized_partitions(key) for key in keys},
            {key: instance.get_latest_materialization_event(key) for key in keys},
            {key: record.status for key, record in latest.items()},
        )

    before, events = known(), count(database, "event_logs")
    age(database, 31)
    gone = delete_old_rows(database, RETENTION)
    assert gone["event_logs"] > events // 2
    assert gone["asset_check_executions"] > 0
    assert known() == before
    assert count(database, "event_logs") == events - gone["event_logs"]
    assert delete_old_rows(database, RETENTION) == {
        "event_logs": 0,
        "asset_check_executions": 0,
        "runs": 0,
        "bulk_actions": 0,
    }


def test_a_run_is_deleted_when_it_is_old_and_nothing_refers_to_it(
    kept: Deployment, storage: tuple[dg.DagsterInstance, Engine]
) -> None:
    instance, database = storage
    for _ in range(3):
        assert kept.run("users").success
    age(database, 29)
    assert set(delete_old_rows(database, RETENTION).values()) == {0}
    age(database, 2)
    newest = kept.run("users").run_id
    delete_old_rows(database, RETENTION)
    assert [run.run_id for run in instance.get_runs()] == [newest]


#: Table -> the columns and values of a row that is over since `at`, and the days after which it
#: goes.
ROWS = {
    "ops.sync_history": (
        "space_key, sync_type, mode, status, started_at, ended_at, run_id",
        "'S', 'users', 'full', 'completed', at, at, 'r'",
        400,
    ),
    "ops.webhook_events": ("space_key, payload, processed_at", "'S', '{}', at", 30),
    "ops.rejected_records": (
        "space_key, table_name, record_key, payload, reason, error, run_id, resolved_at",
        "'S', 'issues', n::text, '{}', 'rejected', 'why', 'r', at",
        180,
    ),
    "ops.reconciliations": (
        "space_key, project_id, checked_at, how, source_rows, warehouse_rows, differences, equal",
        "'S', 1, at, 'count', 1, 1, 0, true",
        400,
    ),
    "ops.mart_builds": ("began_at, ended_at, project, run_id", "at, at, 'p', 'r'", 90),
    "ops.source_conditions": (
        "url, kind, began_at, last_seen_at, message",
        "'http://' || n, 'unreachable', at, at, 'why'",
        400,
    ),
    "ops.heartbeats": ("name, beat_at, detail", "'of one ' || n, at, '{}'", 90),
    "ops.locks": (
        "space_key, name, pid, session_began_at, role_id, holder, taken_at",
        "'S', n::text, 0, at, 0, 'who', at",
        1,
    ),
}
#: Tables whose rows are not over before they are acknowledged.
SETTLED = ("ops.webhook_events", "ops.rejected_records")


def test_old_rows_of_each_ops_table_are_deleted_and_young_or_open_ones_stay(
    loaded: Deployment,
) -> None:
    assert set(ROWS) == {rule.table for rule in WAREHOUSE}
    for table, (columns, values, days) in ROWS.items():
        ages = [f"now() - interval '{age} days'" for age in (days + 1, days - 1, 0)] + (
            ["null"] if table in SETTLED else []
        )
        rows = ", ".join(f"({number}, {at})" for number, at in enumerate(ages))
        loaded.change(f"DELETE FROM {table}")
        loaded.change(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM (VALUES {rows}) AS v (n, at)"
        )
        assert delete_old_rows(loaded.engine, WAREHOUSE)[table] == 1
        [left] = loaded.query(f"SELECT count(*) AS n FROM {table}")
        assert left["n"] == len(ages) - 1
        assert delete_old_rows(loaded.engine, WAREHOUSE)[table] == 0


def test_a_lock_that_is_held_for_days_is_not_old(loaded: Deployment) -> None:
    with Locks(loaded.engine, "acme") as locks:
        locks.acquire("issues")
        loaded.change("UPDATE ops.locks SET taken_at = taken_at - interval '3 days'")
        assert delete_old_rows(loaded.engine, WAREHOUSE)["ops.locks"] == 0
        locks.verify()


def test_old_rows_are_deleted_in_batches_next_to_a_writer(loaded: Deployment) -> None:
    many = 2 * BATCH + 1
    loaded.change(
        "INSERT INTO ops.webhook_events (space_key, payload, processed_at) "
        f"SELECT 'S', '{{}}', now() - interval '31 days' FROM generate_series(1, {many + 1})"
    )
    made, batches, commits = engine(loaded.warehouse_url), list[int](), list[object]()
    with loaded.engine.begin() as writer:
        writer.execute(text("SET LOCAL lock_timeout = '2s'"))
        # A row that is to go, but not from under who is at work on it.
        writer.execute(
            text(
                "UPDATE ops.webhook_events SET outcome = 'mine' WHERE id = (SELECT min(id) "
                "FROM ops.webhook_events)"
            )
        )

        def begun(conn: Any) -> None:
            conn.exec_driver_sql("SET LOCAL lock_timeout = '2s'")

        def deleted(_conn: Any, cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("DELETE"):
                batches.append(cursor.rowcount)
                writer.execute(
                    text("INSERT INTO ops.webhook_events (space_key, payload) VALUES ('S', '{}')")
                )

        for name, listener in (
            ("begin", begun),
            ("after_cursor_execute", deleted),
            ("commit", commits.append),
        ):
            event.listen(made, name, listener)
        gone = delete_old_rows(
            made, tuple(rule for rule in WAREHOUSE if rule.table == "ops.webhook_events")
        )
    made.dispose()
    assert gone == {"ops.webhook_events": many}
    assert (batches, len(commits)) == ([BATCH, BATCH, 1], 3)
    [left] = loaded.query(
        "SELECT count(*) AS n, count(outcome) AS mine FROM ops.webhook_events WHERE space_key = 'S'"
    )
    assert (left["n"], left["mine"]) == (1 + len(batches), 1)


def test_backfills_that_are_over_go_and_those_that_are_asked_for_stay(
    storage: tuple[dg.DagsterInstance, Engine],
) -> None:
    instance, database = storage
    over, asked, young = (
        backfill(instance, status) for status in (DONE, BulkActionStatus.REQUESTED, DONE)
    )
    with database.begin() as connection:
        connection.execute(
            text(
                "UPDATE bulk_actions SET timestamp = timestamp - interval '31 days' "
                "WHERE key IN (:over, :asked)"
            ),
            {"over": over, "asked": asked},
        )
    assert delete_old_rows(database, RETENTION)["bulk_actions"] == 1
    assert {one.backfill_id for one in instance.get_backfills()} == {asked, young}


def backfill(instance: dg.DagsterInstance, status: BulkActionStatus) -> str:
    """Record a backfill, and return its id."""
    backfill_id = make_new_backfill_id()
    made = PartitionBackfill.from_asset_graph_subset(
        backfill_id=backfill_id,
        backfill_timestamp=time.time(),
        asset_graph_subset=AssetGraphSubset.create_empty_subset(),
        tags={},
        dynamic_partitions_store=instance,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(made.with_status(status))
    return backfill_id


def test_the_newest_proof_of_each_kind_and_the_newest_build_stay(loaded: Deployment) -> None:
    loaded.change("UPDATE ops.reconciliations SET checked_at = now() - interval '500 days'")
    loaded.change(
        "INSERT INTO ops.mart_builds (began_at, ended_at, project, run_id) "
        "SELECT at, at, 'p', 'r' FROM (VALUES (now() - interval '100 days'), (now() - "
        "interval '99 days')) AS v (at)"
    )
    known = loaded.query(
        "SELECT DISTINCT project_id, how, equal FROM ops.reconciliations ORDER BY 1, 2, 3"
    )
    gone = delete_old_rows(loaded.engine, WAREHOUSE)
    assert (
        loaded.query(
            "SELECT DISTINCT project_id, how, equal FROM ops.reconciliations ORDER BY 1, 2, 3"
        )
        == known
    )
    assert gone["ops.mart_builds"] == 1


def test_the_job_cleans_both_databases_and_says_what_it_has_deleted(
    kept: Deployment, storage: tuple[dg.DagsterInstance, Engine]
) -> None:
    _, database = storage
    assert kept.run("users").success
    age(database, 31)
    events = count(database, "event_logs")
    kept.change(OLD_EVENT)
    run = kept.run("housekeeping")
    assert run.success
    [output] = [
        event for event in run.events if event.event_type == dg.DagsterEventType.STEP_OUTPUT
    ]
    removed: dict[str, Any] = {
        table: value.value for table, value in output.step_output_data.metadata.items()
    }
    assert removed["ops.webhook_events"] == 1
    assert removed["event_logs"] > 10
    assert removed["event_logs"] < events <= removed["event_logs"] + count(database, "event_logs")


@pytest.mark.full
def test_runs_that_come_by_the_hundred_are_kept_for_three_days_where_they_succeeded(
    kept: Deployment, storage: tuple[dg.DagsterInstance, Engine]
) -> None:
    _, database = storage
    corners = {RANGE_START_TAG: "OPS|2026-06", RANGE_END_TAG: "OPS|2026-06"}
    often = kept.run("targeted_sync", config=issues_config("targeted"), tags=corners)
    assert often.success
    kept.sim.faults.add(Fault(status=400, path="/space/activities"))
    failed = kept.run("targeted_sync", config=issues_config("targeted"), tags=corners)
    assert not failed.success
    seldom = kept.run("users")
    age(database, 4)
    before = {run.run_id: len(run.events) for run in (often, failed, seldom)}
    assert delete_old_rows(database, RETENTION)["event_logs"] > 0
    after = {run.run_id: len(run.events) for run in (often, failed, seldom)}
    assert after[often.run_id] < before[often.run_id] / 2
    assert (after[failed.run_id], after[seldom.run_id]) == (
        before[failed.run_id],
        before[seldom.run_id],
    )


def test_the_job_rotates_the_log_of_the_embedded_server(loaded: Deployment, tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    log, before = tmp_path / "postgres" / "log", tmp_path / "postgres" / "log.old"
    log.write_text("of this week")
    before.write_text("of the one before")
    old = time.time() - 8 * 86_400
    os.utime(before, (old, old))
    warehouse = WarehouseResource(url=loaded.warehouse_url, home=str(tmp_path))
    assert housekeeping_job.execute_in_process(
        resources={"warehouse": warehouse}, instance=loaded.instance
    ).success
    assert (log.read_text(), before.read_text()) == ("", "of this week")

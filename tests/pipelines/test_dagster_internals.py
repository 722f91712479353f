"""What this program uses of Dagster beyond its promises: a contract test for each use, so that an
upgrade says which one broke.
"""

import ast
import importlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.errors import DagsterAssetBackfillDataLoadError
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._daemon.sensor import is_under_min_interval
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from assets.dagster_internals import (
    AHEAD_SECONDS,
    RETENTION,
    backfill_is_active,
    backfill_was_canceled,
    database_url,
    input_versions,
    lost_backfills,
    remember,
    remembered,
    request_backfill,
    take_back,
    times_ahead,
    unfinished_attempts,
    worker_health,
)
from resources import dagster_tags
from resources.cadences import PAUSES
from resources.dagster_tags import PARENT_BACKFILL_TAG, ROOT_BACKFILL_TAG

ROOT = Path(__file__).parents[2]
ABOVE, BELOW, PARTS = dg.AssetKey("above"), dg.AssetKey("below"), dg.AssetKey("parts")
#: The modules that may use Dagster's storages: the one for all that is private, and the storage.
ALLOWED = {"assets/dagster_internals.py", "pipelines/hosting/storage.py"}
SOURCES = [
    path
    for room in ("assets", "pipelines", "resources", "service", "sync")
    for path in sorted((ROOT / room).rglob("*.py"))
]


#: Module of Dagster -> our name of a tag -> its name there.
TAGS = {
    "storage.tags": {
        "RANGE_START_TAG": "ASSET_PARTITION_RANGE_START_TAG",
        "RANGE_END_TAG": "ASSET_PARTITION_RANGE_END_TAG",
        "PARTITION_TAG": "PARTITION_NAME_TAG",
        "CODE_LOCATION_TAG": "CODE_LOCATION_TAG",
        "REPOSITORY_LABEL_TAG": "REPOSITORY_LABEL_TAG",
        "GRPC_INFO_TAG": "GRPC_INFO_TAG",
        "MAX_RUNTIME_TAG": "MAX_RUNTIME_SECONDS_TAG",
        "SENSOR_TAG": "SENSOR_NAME_TAG",
        "BACKFILL_TAG": "BACKFILL_ID_TAG",
        "PARENT_BACKFILL_TAG": "PARENT_BACKFILL_ID_TAG",
        "ROOT_BACKFILL_TAG": "ROOT_BACKFILL_ID_TAG",
        "WILL_RETRY_TAG": "WILL_RETRY_TAG",
        "RETRIED_IN_TAG": "AUTO_RETRY_RUN_ID_TAG",
        "FAILURE_REASON_TAG": "RUN_FAILURE_REASON_TAG",
    },
    "definitions.data_version": {
        "CODE_VERSION_TAG": "CODE_VERSION_TAG",
        "DATA_VERSION_TAG": "DATA_VERSION_TAG",
        "INPUT_VERSION_TAG": "INPUT_DATA_VERSION_TAG_PREFIX",
        "INPUT_EVENT_TAG": "INPUT_EVENT_POINTER_TAG_PREFIX",
        "NO_VERSION": "DEFAULT_DATA_VERSION",
        "NO_EVENT": "NULL_EVENT_POINTER",
    },
    "definitions.repository_definition": {"REPOSITORY": "SINGLETON_REPOSITORY_NAME"},
}


@dg.asset
def above() -> "dg.MaterializeResult[None]":
    """Stand for a table that is read whole."""
    return dg.MaterializeResult(data_version=dg.DataVersion("7"))


@dg.asset(deps=[above])
def below() -> None:
    """Stand for a table below it."""


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def parts(context: dg.AssetExecutionContext) -> None:
    """Stand for a table with partitions, of which one cannot be loaded."""
    if context.partition_key == "b":
        raise RuntimeError("b")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


# -- events ----------------------------------------------------------------------------------------


def test_unfinished_attempts_are_those_of_partitions_that_were_not_recorded(
    instance: dg.DagsterInstance,
) -> None:
    assert dg.materialize([parts], instance=instance, partition_key="a").success
    run = dg.materialize([parts], instance=instance, partition_key="b", raise_on_error=False)
    assert unfinished_attempts(instance, PARTS) == {"b": run.run_id}


def test_the_versions_of_inputs_are_the_tags_that_dagster_itself_records(
    instance: dg.DagsterInstance,
) -> None:
    run = dg.materialize([above, below], instance=instance)
    event = instance.get_latest_materialization_event(BELOW)
    assert event is not None
    assert event.asset_materialization is not None
    tags = input_versions(instance, [ABOVE], run.run_id)
    assert "7" in tags.values()
    assert tags.items() <= (event.asset_materialization.tags or {}).items()


# -- backfills -------------------------------------------------------------------------------------


def test_a_backfill_is_requested_for_just_the_partitions_that_are_named(
    instance: dg.DagsterInstance,
) -> None:
    assert not backfill_is_active(instance)
    backfill = request_backfill(instance, parts, {PARTS: ["b"]}, "failed partitions", {"a": "b"})
    [found] = instance.get_backfills()
    assert (found.backfill_id, found.title, found.tags) == (
        backfill,
        "failed partitions",
        {"a": "b"},
    )
    assert found.asset_backfill_data is not None
    targets = found.asset_backfill_data.target_subset.iterate_asset_partitions()
    assert {(one.asset_key, one.partition_key) for one in targets} == {(PARTS, "b")}
    assert backfill_is_active(instance)
    assert not backfill_was_canceled(instance, backfill)
    canceled = found.with_status(BulkActionStatus.CANCELED)  # type: ignore[no-untyped-call]
    instance.update_backfill(canceled)
    assert backfill_was_canceled(instance, backfill)
    assert not backfill_is_active(instance)
    assert not backfill_was_canceled(instance, "of nobody")


def test_a_lost_backfill_is_known_until_another_goes_on_or_is_through(
    instance: dg.DagsterInstance,
) -> None:
    now = datetime.now(UTC)
    name = request_backfill(instance, parts, {PARTS: ["a", "b"]}, "by hand", {})
    assert lost_backfills(instance, parts, now) == []
    [found] = instance.get_backfills()
    error = SerializableErrorInfo("away", [], DagsterAssetBackfillDataLoadError.__name__)
    failed = found.with_status(BulkActionStatus.FAILED)  # type: ignore[no-untyped-call]
    instance.update_backfill(failed.with_error(error).with_end_timestamp(now.timestamp()))
    [lost] = lost_backfills(instance, parts, now)
    due = now + PAUSES[0]
    assert (lost.id, lost.said, lost.goes_on_at) == (name, "away", due)
    assert lost.tags[PARENT_BACKFILL_TAG] == lost.tags[ROOT_BACKFILL_TAG] == name
    assert {key: sorted(names) for key, names in lost.left.items()} == {PARTS: ["a", "b"]}
    assert lost_backfills(instance, parts, now + timedelta(days=8)) == []
    other = request_backfill(instance, parts, {PARTS: ["a"]}, "another", {})
    [newest, _] = instance.get_backfills()
    assert newest.backfill_id == other
    through = newest.with_status(BulkActionStatus.COMPLETED_SUCCESS)  # type: ignore[no-untyped-call]
    instance.update_backfill(through)
    [lost] = lost_backfills(instance, parts, now)
    assert lost.left == {PARTS: ["b"]}
    request_backfill(instance, parts, {PARTS: ["b"]}, "the rest", {PARENT_BACKFILL_TAG: name})
    assert lost_backfills(instance, parts, now) == []


# -- the daemon ------------------------------------------------------------------------------------


def test_what_is_remembered_is_found_again(instance: dg.DagsterInstance) -> None:
    assert remembered(instance, "alerts acme") is None
    for text in ("first", "second"):
        remember(instance, "alerts acme", text)
        assert remembered(instance, "alerts acme") == text


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_a_launcher_answers_in_the_words_of_dagster(status: str) -> None:
    launcher = importlib.import_module("dagster._core.launcher")
    found = worker_health(status, "why")
    assert (found.status, found.msg) == (launcher.WorkerStatus[status], "why")
    assert isinstance(found, launcher.CheckRunHealthResult)


def test_the_daemon_is_the_command_that_dagster_has_installed(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pipelines.hosting.daemon", "run", "--help"]
    at = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
    done = subprocess.run(words, cwd=ROOT, env=at, capture_output=True, text=True, check=True)
    assert "--workspace" in done.stdout


# -- its database ----------------------------------------------------------------------------------


def test_the_database_of_dagster_is_known_where_there_is_one(
    instance: dg.DagsterInstance, in_postgres: dg.DagsterInstance, warehouse_url: str
) -> None:
    assert database_url(instance) is None
    assert database_url(in_postgres) == warehouse_url


def test_the_tables_and_columns_that_retention_names_exist() -> None:
    """`tests/resources/test_retention.py` shows what the rules delete."""
    tables = {}
    for module, name in (
        ("event_log.schema", "SqlEventLogStorageMetadata"),
        ("runs.schema", "RunStorageSqlMetadata"),
    ):
        tables.update(
            getattr(importlib.import_module(f"dagster._core.storage.{module}"), name).tables
        )
    for rule in RETENTION:
        columns = set(re.findall(r"\b[tn]\.([a-z_]+)", rule.condition))
        assert columns <= {column.name for column in tables[rule.table].columns}, rule.table


# -- tags ------------------------------------------------------------------------------------------


def test_the_tags_of_runs_are_those_of_dagster() -> None:
    for module, ours_and_theirs in TAGS.items():
        theirs = vars(importlib.import_module(f"dagster._core.{module}"))
        for ours, name in ours_and_theirs.items():
            value = getattr(theirs[name], "value", theirs[name])
            assert getattr(dagster_tags, ours) == value, name


NOW = 1_790_000_000.0
SOON, AHEAD, BEFORE = NOW + AHEAD_SECONDS - 1, NOW + 86_400, NOW - 60


@pytest.mark.parametrize(
    ("data", "instead"),
    [
        (None, {}),
        (SensorInstigatorData(), {}),
        (SensorInstigatorData(BEFORE, last_tick_start_timestamp=BEFORE), {}),
        (SensorInstigatorData(SOON, last_tick_start_timestamp=SOON), {}),
        (
            SensorInstigatorData(BEFORE, last_tick_start_timestamp=AHEAD),
            {"last_tick_start_timestamp": None},
        ),
        (
            SensorInstigatorData(AHEAD, last_tick_start_timestamp=AHEAD),
            {"last_tick_timestamp": None, "last_tick_start_timestamp": None},
        ),
        (ScheduleInstigatorData("0 * * * *", BEFORE, BEFORE), {}),
        (ScheduleInstigatorData("0 * * * *", None, SOON), {}),
        (ScheduleInstigatorData("0 * * * *", BEFORE, AHEAD), {"last_iteration_timestamp": NOW}),
        (
            ScheduleInstigatorData("0 * * * *", AHEAD, AHEAD),
            {"start_timestamp": NOW, "last_iteration_timestamp": NOW},
        ),
    ],
)
def test_only_times_ahead_are_taken_back(data: object, instead: dict[str, float | None]) -> None:
    assert times_ahead(data, NOW) == instead


def test_what_a_clock_that_was_ahead_has_stored_keeps_nothing_waiting() -> None:
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="here")
    repository, now = RemoteRepositoryOrigin(server, "__repository__"), time.time()
    ahead = now + 86_400
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:

        def stored(name: str, kind: InstigatorType, data: Any) -> InstigatorState:
            origin = repository.get_instigator_origin(name)
            return instance.add_instigator_state(
                InstigatorState(origin, kind, InstigatorStatus.RUNNING, data)
            )

        def again(state: InstigatorState) -> Any:
            found = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
            assert found is not None
            return found

        of_sensor = SensorInstigatorData(ahead, "key", 900, "cursor", ahead)
        sensor = stored("feed", InstigatorType.SENSOR, of_sensor)
        of_schedule = ScheduleInstigatorData("0 * * * *", now - 60, ahead)
        schedule = stored("hourly", InstigatorType.SCHEDULE, of_schedule)
        for moment in (now - 3_600, ahead):
            instance.create_tick(
                TickData(
                    schedule.instigator_origin_id,
                    "hourly",
                    InstigatorType.SCHEDULE,
                    TickStatus.SKIPPED,
                    moment,
                    selector_id=schedule.selector_id,
                )
            )
        instance.add_daemon_heartbeat(DaemonHeartbeat(ahead, "SENSOR", "daemon", None))
        remote: Any = SimpleNamespace(min_interval_seconds=900)
        assert is_under_min_interval(again(sensor), remote)
        take_back(instance, now)
        assert not is_under_min_interval(again(sensor), remote)
        assert (
            again(sensor).instigator_data.cursor,
            again(sensor).instigator_data.last_run_key,
        ) == (
            "cursor",
            "key",
        )
        assert again(schedule).instigator_data.last_iteration_timestamp == now
        ticks = instance.get_ticks(schedule.instigator_origin_id, schedule.selector_id)
        assert [tick.timestamp for tick in ticks] == [now, now - 3_600]
        assert instance.get_daemon_heartbeats() == {}, "`liveness-check` would find it fresh"
        instance.add_daemon_heartbeat(DaemonHeartbeat(now, "SENSOR", "daemon", None))
        before = again(sensor), again(schedule)
        take_back(instance, now)
        assert before == (again(sensor), again(schedule))
        assert len(instance.get_daemon_heartbeats()) == 1


# -- nowhere else ----------------------------------------------------------------------------------


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the names of all modules that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def test_what_is_private_to_dagster_is_used_in_one_module_only() -> None:
    private = re.compile(r"dagster(_\w+)?(\.\w+)*\._")
    storages = re.compile(r"\.(event_log|daemon_cursor|schedule|run)_storage\b")
    tags = re.compile(
        r"""["']\.?dagster/(asset_partition_range_|partition["']|code_(location|version)"""
        r"""|(input_)?data_version|input_event|repository|grpc_info)"""
    )
    found = {}
    for path in SOURCES:
        text, name = path.read_text(), str(path.relative_to(ROOT))
        uses = []
        if name not in ALLOWED:
            uses = [module for module in imported(ast.parse(text)) if private.match(module)]
            uses += [one[0] for one in storages.finditer(text)]
        if name != "resources/dagster_tags.py":
            uses += [one[0] for one in tags.finditer(text)]
        if uses:
            found[name] = uses
    assert found == {}, "these belong into assets/dagster_internals.py or resources/dagster_tags.py"

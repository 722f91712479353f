"""What this program uses of Dagster beyond its promises: a contract test for each use, so that an
upgrade says which one broke.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance import types
from dagster._core.instance.methods import event_methods
from dagster._core.test_utils import instance_for_test
from sqlalchemy import Engine

from assets.dagster_internals import (
    EVENT_CURSOR,
    FOLLOWED,
    RETENTION,
    backfill_is_active,
    begin_event_cursors,
    database_url,
    input_versions,
    is_serving,
    last_evaluation,
    log_together,
    remember,
    remember_schema,
    remembered,
    request_backfill,
    store_together,
    unfinished_attempts,
)
from pipelines.hosting.lost_messages import AGAIN, LOST
from resources import dagster_tags
from tests.databases import heard

ROOT = Path(__file__).parents[2]
ABOVE, BELOW, PARTS = dg.AssetKey("above"), dg.AssetKey("below"), dg.AssetKey("parts")
CHECK = dg.AssetCheckKey(ABOVE, "is_there")
#: The modules that may import what is private to Dagster: the one for all, and the one that
#: replaces a part of Dagster.
ALLOWED = {"assets/dagster_internals.py", "pipelines/hosting/celery_launcher.py"}
SOURCES = [
    path
    for room in ("assets", "pipelines", "resources", "service", "sync")
    for path in sorted((ROOT / room).rglob("*.py"))
]


@dg.asset(check_specs=[dg.AssetCheckSpec("is_there", asset=ABOVE)])
def above() -> Iterator["dg.MaterializeResult[None]"]:
    """Stand for a table that is read whole."""
    yield dg.MaterializeResult(
        data_version=dg.DataVersion("7"),
        check_results=[dg.AssetCheckResult(passed=False, description="it is not")],
    )


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


def test_the_last_evaluation_of_a_check_is_found(instance: dg.DagsterInstance) -> None:
    assert last_evaluation(instance, CHECK) is None
    dg.materialize([above], instance=instance, raise_on_error=False)
    found = last_evaluation(instance, CHECK)
    assert found is not None
    assert (found.passed, found.description) == (False, "it is not")


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


@pytest.fixture
def in_postgres(warehouse_url: str) -> Iterator[dg.DagsterInstance]:
    with instance_for_test(
        overrides={"storage": {"postgres": {"postgres_url": warehouse_url}}}
    ) as made:
        yield made


#: What PostgreSQL is asked, by any storage.
STATEMENTS = Engine, "before_cursor_execute", 2


@dg.asset(partitions_def=dg.StaticPartitionsDefinition([f"p{number}" for number in range(40)]))
def many(context: dg.AssetExecutionContext) -> None:
    """Stand for a table of which a run loads many partitions, all but the last."""
    done = context.partition_keys[:-1]
    log_together(
        context,
        [
            dg.AssetMaterialization(
                "many", partition=one, metadata={"rows": number}, tags={"of": one}
            )
            for number, one in enumerate(done)
        ],
    )
    raise RuntimeError("the last one")


@pytest.mark.parametrize("storage", ["in_postgres", "instance"])
def test_what_a_run_intends_and_what_it_has_loaded_is_written_together_and_read_as_dagster_writes_it(
    request: pytest.FixtureRequest, storage: str
) -> None:
    instance: dg.DagsterInstance = request.getfixturevalue(storage)
    store_together(instance)
    keys = [f"p{number}" for number in range(40)]
    job = dg.define_asset_job("job", [many]).resolve(
        asset_graph=dg.Definitions(assets=[many]).resolve_asset_graph()
    )
    tags = {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
    with heard(*STATEMENTS) as asked:
        run = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert len([one for one in asked if one.startswith("INSERT INTO event_logs")]) < len(keys)
    key = dg.AssetKey("many")
    planned = instance.event_log_storage.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    )
    assert sorted(
        str(one.event_log_entry.get_dagster_event().partition) for one in planned.records
    ) == sorted(keys)
    assert instance.get_materialized_partitions(key) == set(keys[:-1])
    newest = instance.get_latest_materialization_event(key)
    assert newest is not None
    assert newest.asset_materialization is not None
    assert (
        newest.asset_materialization.partition,
        (newest.asset_materialization.tags or {}).get("of"),
    ) == (keys[-2], keys[-2])
    assert newest.asset_materialization.metadata["rows"].value == len(keys) - 2
    assert unfinished_attempts(instance, key) == {keys[-1]: run.run_id}
    assert instance.get_asset_records([key])[0].asset_entry.last_run_id == run.run_id


# -- backfills -------------------------------------------------------------------------------------


def no_table() -> Iterator["dg.MaterializeResult[None]"]:
    raise RuntimeError("no table")


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["p1", "p2"]),
    check_specs=[dg.AssetCheckSpec(name, asset="unchecked") for name in ("first", "second")],
)
def unchecked() -> Iterator["dg.MaterializeResult[None]"]:
    """Stand for a table whose run ends before its checks."""
    yield from no_table()


def test_what_a_run_intends_to_check_is_written_together_and_as_dagster_writes_it(
    in_postgres: dg.DagsterInstance,
) -> None:
    found = []
    for _ in range(2):
        with heard(*STATEMENTS) as asked:
            run = dg.materialize(
                [unchecked], instance=in_postgres, partition_key="p1", raise_on_error=False
            )
        with in_postgres.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
            rows = connection.exec_driver_sql(
                "SELECT check_name, c.asset_key, c.partition, execution_status, "
                "evaluation_event_timestamp IS NULL, "
                "e.event = c.evaluation_event, e.dagster_event_type, "
                "materialization_event_storage_id "
                "FROM asset_check_executions AS c JOIN event_logs AS e ON e.id = "
                "c.evaluation_event_storage_id "
                f"WHERE c.run_id = '{run.run_id}' ORDER BY check_name"
            ).all()
        found.append(
            (
                [tuple(row) for row in rows],
                len([one for one in asked if one.startswith("INSERT INTO asset_check")]),
            )
        )
        store_together(in_postgres)
    (theirs, many_inserts), (ours, inserts) = found
    assert ours == theirs
    assert [(row[0], row[3], row[5]) for row in ours] == [
        ("first", "PLANNED", True),
        ("second", "PLANNED", True),
    ]
    assert (many_inserts, inserts) == (2, 1)


def test_a_backfill_is_requested_for_just_the_partitions_that_are_named(
    instance: dg.DagsterInstance,
) -> None:
    assert not backfill_is_active(instance)
    backfill = request_backfill(instance, parts, {PARTS: ["b"]}, "failed partitions")
    [found] = instance.get_backfills()
    assert (found.backfill_id, found.title) == (backfill, "failed partitions")
    assert found.asset_backfill_data is not None
    targets = found.asset_backfill_data.target_subset.iterate_asset_partitions()
    assert {(one.asset_key, one.partition_key) for one in targets} == {(PARTS, "b")}
    assert backfill_is_active(instance)


# -- the daemon ------------------------------------------------------------------------------------


def test_the_names_of_event_cursors_are_those_of_the_daemon() -> None:
    consumer = importlib.import_module("dagster._daemon.auto_run_reexecution.event_log_consumer")
    assert set(FOLLOWED) == set(consumer.DAGSTER_EVENT_TYPES)
    names = {consumer._create_cursor_key(kind) for kind in consumer.DAGSTER_EVENT_TYPES}
    assert {EVENT_CURSOR.format(kind.value) for kind in FOLLOWED} == names
    assert consumer.EventLogConsumerDaemon.daemon_type() == "EVENT_LOG_CONSUMER"


def test_a_new_storage_begins_at_its_newest_event_and_what_is_known_stays(
    instance: dg.DagsterInstance,
) -> None:
    keys = {EVENT_CURSOR.format(kind.value) for kind in FOLLOWED}
    dg.materialize([below], instance=instance)
    begin_event_cursors(instance)
    newest = str(instance.event_log_storage.get_maximum_record_id())
    assert instance.daemon_cursor_storage.get_cursor_values(keys) == dict.fromkeys(keys, newest)
    instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(keys, "7"))
    begin_event_cursors(instance)
    assert instance.daemon_cursor_storage.get_cursor_values(keys) == dict.fromkeys(keys, "7")


def test_what_is_remembered_is_found_again(instance: dg.DagsterInstance) -> None:
    assert remembered(instance, "alerts acme") is None
    for text in ("first", "second"):
        remember(instance, "alerts acme", text)
        assert remembered(instance, "alerts acme") == text


def test_a_port_without_a_code_server_does_not_serve() -> None:
    client = importlib.import_module("dagster._grpc.client").DagsterGrpcClient
    assert callable(client.health_check_query)
    assert is_serving(1) is False


@pytest.mark.parametrize("module", ["dagster._daemon", "dagster", "dagster_webserver"])
def test_the_programs_that_are_started_as_modules_exist(module: str) -> None:
    assert find_spec(f"{module}.__main__"), f"python -m {module}"


# -- its database ----------------------------------------------------------------------------------


def test_the_database_of_dagster_is_known_where_there_is_one(
    instance: dg.DagsterInstance, in_postgres: dg.DagsterInstance, warehouse_url: str
) -> None:
    assert database_url(instance) is None
    assert database_url(in_postgres) == warehouse_url


def test_a_storage_that_remembers_its_schema_asks_for_it_no_more(
    in_postgres: dg.DagsterInstance,
) -> None:
    remember_schema(in_postgres)
    dg.materialize([above], instance=in_postgres, raise_on_error=False)
    with heard(*STATEMENTS) as asked:
        dg.materialize([above], instance=in_postgres, raise_on_error=False)
    assert asked
    assert [statement for statement in asked if "pg_catalog" in statement] == []


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
    tags = importlib.import_module("dagster._core.storage.tags")
    repository = importlib.import_module("dagster._core.definitions.repository_definition")
    assert dagster_tags.RANGE_START_TAG == tags.ASSET_PARTITION_RANGE_START_TAG
    assert dagster_tags.RANGE_END_TAG == tags.ASSET_PARTITION_RANGE_END_TAG
    assert dagster_tags.PARTITION_TAG == tags.PARTITION_NAME_TAG
    assert dagster_tags.CODE_LOCATION_TAG == tags.CODE_LOCATION_TAG
    assert dagster_tags.REPOSITORY_LABEL_TAG == tags.REPOSITORY_LABEL_TAG
    assert dagster_tags.GRPC_INFO_TAG == tags.GRPC_INFO_TAG
    assert dagster_tags.MAX_RUNTIME_TAG == tags.MAX_RUNTIME_SECONDS_TAG
    assert dagster_tags.REPOSITORY == repository.SINGLETON_REPOSITORY_NAME


# -- leaned on elsewhere ---------------------------------------------------------------------------


def test_dagster_still_begins_as_it_did_when_a_message_is_lost() -> None:
    printed = inspect.getsource(types) + inspect.getsource(event_methods)
    assert [line for line in (LOST, *AGAIN) if f'"{line}' not in printed] == []


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
        r"""["']\.?dagster/(asset_partition_range_|partition["']|code_location|repository|grpc_info)"""
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

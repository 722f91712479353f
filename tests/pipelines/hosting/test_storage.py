"""Dagster's storage as `dagster.yaml` names it: few connections, none of them stale, none left
behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test
from dagster_shared.yaml_utils import load_yaml_from_path
from sqlalchemy import Engine, text
from sqlalchemy.pool import Pool

from pipelines.hosting.environment import PROJECT_ROOT
from pipelines.hosting.storage import PooledStorage
from tests.databases import execute, heard, one
from tests.waiting import eventually

#: Connections that stay open: one for runs, one for events, one for schedules.
KEPT = 3
#: Connections of a run: those that are kept, those that look for tables, and those of statements at
#: the same time.
MADE = 12
OTHERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND "
    "backend_type = 'client backend'"
)


@dg.asset
def table() -> None:
    """Stand for a table."""


@contextmanager
def opened() -> Iterator[dg.DagsterInstance]:
    storage = load_yaml_from_path(str(PROJECT_ROOT / "dagster.yaml"))["storage"]  # type: ignore[index]
    with instance_for_test(overrides={"storage": storage}) as instance:
        yield instance


def others(database: Engine) -> int:
    return int(one(database, f"SELECT count(*) {OTHERS}"))


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch, warehouse_url: str) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", warehouse_url)


def test_tables_that_another_process_makes_at_the_same_moment_are_waited_for(
    warehouse: Engine,
) -> None:
    # What is there of a table that is just being made.
    execute(warehouse, "CREATE TYPE dynamic_partitions AS (half int)")
    other = Timer(0.7, execute, (warehouse, "DROP TYPE dynamic_partitions"))
    other.start()
    with opened() as instance:
        other.join()
        assert instance.get_dynamic_partitions("projects") == []


def test_an_empty_database_gets_its_tables_and_a_run_takes_few_connections(
    warehouse: Engine,
) -> None:
    for _ in range(2):
        with opened() as instance:
            assert dg.materialize([table], instance=instance).success
            instance.all_instigator_state()
    with heard(Pool, "connect", 0) as made, opened() as instance:
        assert dg.materialize([table], instance=instance).success
        instance.all_instigator_state()
        assert len(instance.get_runs()) == 3
    assert 1 <= len(made) <= MADE, "of some 60 statements"
    assert others(warehouse) == 0, "none is left behind"


def test_instances_that_are_opened_in_turn_leave_no_connections_behind(warehouse: Engine) -> None:
    with opened() as first:
        for _ in range(5):
            with dg.DagsterInstance.from_ref(first.get_ref()) as instance:
                assert instance.get_runs() == []
        # The server takes a moment to end a session.
        eventually(lambda: others(warehouse) <= KEPT, 10)


def test_a_run_whose_connections_are_all_closed_succeeds(warehouse: Engine) -> None:
    @dg.asset
    def interrupted(context: dg.AssetExecutionContext) -> None:
        with warehouse.begin() as connection:
            sessions = text(f"SELECT count(pg_terminate_backend(pid)) {OTHERS}")
            assert connection.execute(sessions).scalar_one() >= 1
        context.log_event(dg.AssetMaterialization("interrupted"))

    with opened() as instance:
        # As the webserver does, which makes pools of its own.
        for _ in range(2):
            assert dg.materialize([interrupted], instance=instance).success
            instance.optimize_for_webserver(0, -1, 20)


def test_no_tables_are_made_where_the_options_say_so(warehouse_url: str, warehouse: Engine) -> None:
    made = PooledStorage.from_config_value(
        None, {"postgres_url": warehouse_url, "should_autocreate_tables": False}
    )
    made.run_storage.dispose()
    assert one(warehouse, "SELECT to_regclass('runs')") is None


@pytest.mark.parametrize("encoding", ["SJIS", "nonsense"])
def test_what_dagster_stores_is_utf8_whatever_the_environment_and_the_database_say(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        name = warehouse.url.database
        admin.execute(text(f"ALTER DATABASE {name} SET client_encoding = 'EUC_JP'"))
    said = "森 ÿ 😀"
    with opened() as instance:
        instance.optimize_for_webserver(0, -1, 20)
        run = dg.materialize([table], instance=instance, tags={"said": said})
        [kept] = instance.get_runs(dg.RunsFilter(tags={"said": said}))
    assert kept.run_id == run.run_id

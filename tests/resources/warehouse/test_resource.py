"""The Dagster resource: an engine on first use, closed after the run, its URL shown nowhere."""

from pathlib import Path

import pytest
from dagster import DagsterInstance, EnvVar, asset, materialize

from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource
from tests.databases import one


def test_an_asset_gets_a_migrated_warehouse_and_leaves_no_connection(
    warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_WAREHOUSE_URL", warehouse_url)
    engines = []

    @asset
    def counted(warehouse: WarehouseResource) -> int:
        engines.append(warehouse.engine)
        assert warehouse.engine is engines[0]
        count: int = one(warehouse.engine, "SELECT count(*) FROM raw.issues")
        return count

    resource = WarehouseResource(url=EnvVar("TEST_WAREHOUSE_URL"))
    with DagsterInstance.ephemeral() as instance:
        result = materialize([counted], resources={"warehouse": resource}, instance=instance)
    assert result.output_for_node("counted") == 0
    # It is a QueuePool, of which Pool is the base.
    assert engines[0].pool.checkedin() == 0  # type: ignore[attr-defined]


def test_without_a_url_the_embedded_server_is_used_and_without_a_home_it_is_an_error() -> None:
    with pytest.raises(WarehouseError, match="set WAREHOUSE_URL, or BACKLOG_ELT_HOME") as caught:
        _ = WarehouseResource().engine
    assert caught.value.cause == "database_refused"


def test_a_server_that_cannot_be_used_is_asked_again_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    resource = WarehouseResource(home=str(tmp_path / "file"))
    for _ in range(2):
        with pytest.raises(WarehouseError, match="cannot be started"):
            _ = resource.engine


def test_the_url_is_in_no_repr() -> None:
    resource = WarehouseResource(url="postgresql://me:s3cret@db/wh")
    assert "s3cret" not in f"{resource!r} {resource}"


def test_resources_of_one_warehouse_share_connections_until_the_last_is_closed(
    warehouse_url: str,
) -> None:
    first, second = WarehouseResource(url=warehouse_url), WarehouseResource(url=warehouse_url)
    engine = first.engine
    assert second.engine is engine
    first.close()
    first.close()
    assert second.engine is engine
    assert one(second.engine, "SELECT 1") == 1
    second.close()
    assert first.engine is not engine
    first.close()

"""What `backlog-elt migrate` does: both databases, brought to the version of this program before its processes start."""

from collections.abc import Iterator

from pipelines.hosting.environment import open_instance, prepare_storage
from resources.secret import reveal
from resources.settings import Settings
from resources.warehouse.migrations import version
from resources.warehouse.resource import WarehouseResource


def migrate(settings: Settings) -> Iterator[str]:
    """Migrate the warehouse, then Dagster's storage, and yield a line for each; the same again changes nothing.

    Raises:
        WarehouseError: a database cannot be used, or the warehouse was migrated by a newer version of this program.
    """
    prepare_storage(settings)
    warehouse = WarehouseResource(url=reveal(settings.warehouse_url), home=str(settings.home))
    try:
        yield f"warehouse: version {version(warehouse.engine)}"
    finally:
        warehouse.close()
    with open_instance() as instance:
        instance.upgrade(lambda _line: None)
    yield "Dagster's storage: up to date"

"""`backlog-elt migrate`: migrates both databases to this version before its processes start."""

from collections.abc import Iterator

import click

from pipelines.cli.group import examples, show
from resources.settings import Settings


@click.command("migrate", epilog=examples("backlog-elt migrate && backlog-elt up"))
def migrate_command() -> None:
    """Bring both databases to this version, after an upgrade.

    The warehouse and Dagster's storage, before anything else is started. Every command migrates the
    warehouse anyway; only Dagster's storage needs this one.
    """
    for line in migrate_databases(Settings.of_this_process()):
        show(line)


def migrate_databases(settings: Settings) -> Iterator[str]:
    """Migrate the warehouse, then Dagster's storage; yield a line for each. Repeating it changes
    nothing.

    Raises:
        WarehouseError: a database cannot be used, or a newer version of this program has migrated
            the warehouse.
    """
    from pipelines.cli.in_process import opened_warehouse
    from pipelines.hosting.environment import open_instance, prepare_storage
    from resources.warehouse.server.migrations import version

    prepare_storage(settings)
    with opened_warehouse(settings) as warehouse:
        yield f"warehouse: version {version(warehouse.engine)}"
    with open_instance() as instance:
        instance.upgrade(lambda _line: None)
    yield "Dagster's storage: up to date"

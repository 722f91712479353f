"""`backlog-elt grant`: creates roles for other programs, and shows how to connect with one."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from pipelines.cli.group import examples, show
from pipelines.cli.options import Number
from resources.secret import reveal
from resources.settings import Settings
from resources.variables import DAGSTER_POSTGRES_URL

if TYPE_CHECKING:
    from resources.warehouse.server.grants import Limits
    from resources.warehouse.server.roles import Access


@click.group(
    "grant", epilog=examples("backlog-elt grant bi", "backlog-elt grant loader --role elt_writer")
)
def grant_command() -> None:
    """Let programs into the databases, each with its own role.

    Each role can do no more than its program needs.
    """


@grant_command.command(
    epilog=examples(
        "BACKLOG_BI_PASSWORD=... backlog-elt grant bi",
        "backlog-elt grant bi --role tableau --connections 40",
    )
)
@click.option(
    "--role", default="backlog_bi", show_default=True, metavar="NAME", help="Name of the role."
)
@click.option(
    "--connections",
    default=20,
    show_default=True,
    type=Number(1, 10_000),
    help="How many it may have at once.",
)
@click.option(
    "--statement-seconds",
    default=120,
    show_default=True,
    type=Number(1, 86_400),
    help="When a statement is ended.",
)
def bi(role: str, connections: int, statement_seconds: int) -> None:
    """Make or update the role of BI tools: it reads schema mart.

    And nothing else. Takes its password from BACKLOG_BI_PASSWORD; without one, a new role gets a
    random password, which is shown this once.
    """
    settings = Settings.of_this_process()
    from resources.warehouse.server.grants import Limits

    granted = make_bi(settings, role, Limits(connections, statement_seconds))
    show(connection_lines(granted))
    for line in warnings(granted):
        show(f"Warning: {line}", err=True)


@grant_command.command(
    epilog=examples("WAREHOUSE_URL=postgresql://admin@db/warehouse backlog-elt grant loader")
)
@click.option(
    "--role", default="backlog_loader", show_default=True, metavar="NAME", help="Name of the role."
)
def loader(role: str) -> None:
    """Make or update the role that loads the warehouse.

    It owns the schemas of this program there, and nothing else. Run it with WAREHOUSE_URL of an
    administrator. A new role gets a random password, which is shown this once.
    """
    show(connection_lines(make_loader(Settings.of_this_process(), role)))


@grant_command.command(
    epilog=examples("DAGSTER_POSTGRES_URL=postgresql://admin@db backlog-elt grant dagster")
)
@click.option(
    "--role", default="backlog_dagster", show_default=True, metavar="NAME", help="Name of the role."
)
def dagster(role: str) -> None:
    """Make or update the role of Dagster's own database.

    It keeps its tables there, and sees no other database. Run it with DAGSTER_POSTGRES_URL of an
    administrator. A new role gets a random password, which is shown this once.
    """
    show(connection_lines(make_dagster(Settings.of_this_process(), role)))


def make_bi(settings: Settings, role: str, limits: "Limits") -> "Access":
    """Create or update the role that reads marts.

    Raises:
        SettingsError: the name is not valid for such a role.
        WarehouseError: the warehouse cannot be used, or its user may not create roles.
    """
    from pipelines.cli.in_process import opened_warehouse
    from pipelines.hosting.environment import prepare_storage
    from resources.warehouse.server.grants import grant_bi
    from resources.warehouse.server.roles import check_name

    check_name(role)
    prepare_storage(settings)
    with opened_warehouse(settings) as warehouse:
        return grant_bi(warehouse.engine, role, reveal(settings.bi_password) or None, limits)


def make_loader(settings: Settings, role: str) -> "Access":
    """Create or update the role that loads the warehouse; raises as `make_bi`."""
    from resources.warehouse.server.embedded import ensure_server
    from resources.warehouse.server.owners import grant_loader

    # Not migrated: tables that the administrator creates would have to change their owner.
    return _granted(
        settings,
        lambda: reveal(settings.warehouse_url) or ensure_server(settings.home).url(),
        role,
        grant_loader,
    )


def make_dagster(settings: Settings, role: str) -> "Access":
    """Create or update the role of Dagster's storage; raises as `make_bi`."""
    from resources.warehouse.server.owners import grant_dagster

    return _granted(settings, lambda: os.environ[DAGSTER_POSTGRES_URL], role, grant_dagster)


def _granted(
    settings: Settings, url: Callable[[], str], role: str, grant: Callable[..., "Access"]
) -> "Access":
    """Grant a role in the database of a URL, which is known when the storage is prepared."""
    from pipelines.hosting.environment import prepare_storage
    from resources.warehouse.server.connect import opened_engine
    from resources.warehouse.server.roles import check_name

    check_name(role)
    prepare_storage(settings)
    with opened_engine(url()) as made:
        return grant(made, role)


def connection_lines(access: "Access") -> str:
    """Return the settings of a connection, one per line. A new password is shown only here."""
    if access.new_password:
        password = f"{access.new_password} (shown this once)"
    else:
        password = "the one of BACKLOG_BI_PASSWORD" if access.password_set else "as before"
    lines = {
        "role": f"{access.role} ({'created' if access.created else 'updated'})",
        "password": password,
        "host": access.host,
        "port": access.port,
        "database": access.database,
        "schema": ", ".join(access.schemas),
        "url": access.url,
    }
    return "\n".join(f"{name:<10}{value}" for name, value in lines.items())


def warnings(access: "Access") -> Iterator[str]:
    """Yield a line for each right that the role has through PUBLIC and that the loader cannot
    revoke.
    """
    for right in access.too_much:
        yield (
            f"{access.role} has {right} through PUBLIC: an administrator can revoke it by "
            f"REVOKE {right} FROM PUBLIC"
        )

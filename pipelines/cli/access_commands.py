"""Commands that let somebody in: this program into Backlog (`login`, `logout`), programs into the databases (`grant`)."""

import click

from pipelines.cli.group import examples
from pipelines.cli.options import PORT, Number
from resources.settings import Settings

#: The redirect URI is registered with the application, so that its port does not change by itself.
LOGIN_PORT = 8976


@click.command(
    epilog=examples(
        "backlog-elt login",
        "backlog-elt login --no-browser  # prints the URL",
        "backlog-elt login --rotate-key  # after a change of BACKLOG_TOKEN_KEY",
    )
)
@click.option("--port", default=LOGIN_PORT, show_default=True, type=PORT, help="Port of the redirect URI.")
@click.option("--no-browser", is_flag=True, help="Only print the URL; open it yourself, also elsewhere through a tunnel.")
@click.option("--timeout", default=300, show_default=True, type=Number(1), help="Seconds to wait for the answer.")
@click.option("--rotate-key", is_flag=True, help="Do not log in; encrypt the stored tokens by the first key of BACKLOG_TOKEN_KEY.")
def login(port: int, no_browser: bool, timeout: int, rotate_key: bool) -> None:
    """Get access by OAuth: a user allows it in a browser.

    Needs an application that is registered with Nulab, with the redirect URI http://127.0.0.1:8976/callback.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import login as module

    if rotate_key:
        click.echo(module.rotate_key(settings))
    else:
        click.echo(module.login(settings, port=port, browser=not no_browser, timeout=timeout, say=_say))


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.command(epilog=examples("backlog-elt logout"))
def logout() -> None:
    """Forget the tokens of OAuth."""
    settings = Settings.of_this_process()
    from pipelines.cli import login as module

    click.echo(module.logout(settings))


@click.group(epilog=examples("backlog-elt grant bi", "backlog-elt grant loader --role elt_writer"))
def grant() -> None:
    """Let programs into the databases, each with its own role.

    Each role can do no more than its program needs.
    """


@grant.command(
    epilog=examples("BACKLOG_BI_PASSWORD=... backlog-elt grant bi", "backlog-elt grant bi --role tableau --connections 40")
)
@click.option("--role", default="backlog_bi", show_default=True, metavar="NAME", help="Name of the role.")
@click.option("--connections", default=20, show_default=True, type=Number(1, 10_000), help="How many it may have at once.")
@click.option("--statement-seconds", default=120, show_default=True, type=Number(1, 86_400), help="When a statement is ended.")
def bi(role: str, connections: int, statement_seconds: int) -> None:
    """Make or update the role of BI tools: it reads schema mart.

    And nothing else. Takes its password from BACKLOG_BI_PASSWORD; without one, a new role gets a random password, which is
    shown this once.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import grant as access
    from resources.warehouse.grants import Limits

    granted = access.grant_bi(settings, role, Limits(connections, statement_seconds))
    click.echo(access.shown(granted))
    for line in access.warnings(granted):
        click.echo(f"Warning: {line}", err=True)


@grant.command(epilog=examples("WAREHOUSE_URL=postgresql://admin@db/warehouse backlog-elt grant loader"))
@click.option("--role", default="backlog_loader", show_default=True, metavar="NAME", help="Name of the role.")
def loader(role: str) -> None:
    """Make or update the role that loads the warehouse.

    It owns the schemas of this program there, and nothing else. Run it with WAREHOUSE_URL of an administrator. A new role gets
    a random password, which is shown this once.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import grant as access

    click.echo(access.shown(access.grant_loader(settings, role)))


@grant.command(epilog=examples("DAGSTER_POSTGRES_URL=postgresql://admin@db backlog-elt grant dagster"))
@click.option("--role", default="backlog_dagster", show_default=True, metavar="NAME", help="Name of the role.")
def dagster(role: str) -> None:
    """Make or update the role of Dagster's own database.

    It keeps its tables there, and sees no other database. Run it with DAGSTER_POSTGRES_URL of an administrator. A new role gets
    a random password, which is shown this once.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import grant as access

    click.echo(access.shown(access.grant_dagster(settings, role)))


ACCESS_COMMANDS: tuple[click.Command, ...] = (login, logout, grant)

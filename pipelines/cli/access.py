"""Commands that let somebody in: this program into Backlog (`login`, `logout`), programs into the databases (`grant`).

Add here: a command of that kind and its options. Keep out: what it does (`login.py`, `access.py`), all other commands.
"""

import click

from resources.settings import Settings

#: The redirect URI is registered with the application, so that its port does not change by itself.
LOGIN_PORT = 8976


@click.command()
@click.option("--port", default=LOGIN_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port of the redirect URI.")
@click.option("--no-browser", is_flag=True, help="Only print the URL; open it yourself, also elsewhere through a tunnel.")
@click.option("--timeout", default=300, show_default=True, type=click.IntRange(1), help="Seconds to wait for the answer.")
@click.option("--rotate-key", is_flag=True, help="Do not log in; encrypt the stored tokens by the first key of BACKLOG_TOKEN_KEY.")
def login(port: int, no_browser: bool, timeout: int, rotate_key: bool) -> None:
    """Get access to the space by OAuth: a user allows the application in a browser.

    Needs an application that is registered with Nulab, with the redirect URI http://127.0.0.1:8976/callback.
    """
    settings = Settings.of_this_process()
    from pipelines import login as module

    if rotate_key:
        click.echo(module.rotate_key(settings))
    else:
        click.echo(module.login(settings, port=port, browser=not no_browser, timeout=timeout, say=_say))


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.command()
def logout() -> None:
    """Forget the tokens of OAuth."""
    settings = Settings.of_this_process()
    from pipelines import login as module

    click.echo(module.logout(settings))


@click.group()
def grant() -> None:
    """Let programs into the databases, each with a role of its own that can do no more than it needs."""


@grant.command()
@click.option("--role", default="backlog_bi", show_default=True, metavar="NAME", help="Name of the role.")
def bi(role: str) -> None:
    """Make or bring up to date a role for BI tools: it reads schema mart, and nothing else.

    Takes its password from BACKLOG_BI_PASSWORD; without one, a new role gets a random password, which is shown this once.
    """
    settings = Settings.of_this_process()
    from pipelines import access

    granted = access.grant_bi(settings, role)
    click.echo(access.shown(granted))
    for line in access.warnings(granted):
        click.echo(f"Warning: {line}", err=True)


@grant.command()
@click.option("--role", default="backlog_loader", show_default=True, metavar="NAME", help="Name of the role.")
def loader(role: str) -> None:
    """Make or bring up to date the role that loads: it owns the schemas of this program in the warehouse, and nothing else.

    Run it with WAREHOUSE_URL of an administrator. A new role gets a random password, which is shown this once.
    """
    settings = Settings.of_this_process()
    from pipelines import access

    click.echo(access.shown(access.grant_loader(settings, role)))


@grant.command()
@click.option("--role", default="backlog_dagster", show_default=True, metavar="NAME", help="Name of the role.")
def dagster(role: str) -> None:
    """Make or bring up to date the role of Dagster: it keeps its tables in Dagster's own database, and sees no other.

    Run it with DAGSTER_POSTGRES_URL of an administrator. A new role gets a random password, which is shown this once.
    """
    settings = Settings.of_this_process()
    from pipelines import access

    click.echo(access.shown(access.grant_dagster(settings, role)))


ACCESS_COMMANDS: tuple[click.Command, ...] = (login, logout, grant)

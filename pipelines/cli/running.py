"""Commands that run until somebody ends them, `up`, `serve` and `simulate`, and `migrate`, which comes before them.

Add here: a command that keeps running. Keep out: what it does.
"""

import sys

import click

from resources.settings import Settings


@click.command()
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port of the Dagster UI.")
@click.option("--service-port", default=3001, show_default=True, type=click.IntRange(1, 65535), help="Port of the sync service.")
@click.option("--no-load", is_flag=True, help="Do not load at once; leave it to the schedules.")
@click.option("--read-only", is_flag=True, help="The Dagster UI only shows: it starts no run and changes no schedule.")
def up(port: int, service_port: int, no_load: bool, read_only: bool) -> None:
    """Start everything: PostgreSQL, the schedules, the first load, the Dagster UI and the sync service."""
    from pipelines import up as module

    module.up(Settings.of_this_process(), port=port, service_port=service_port, first_load=not no_load, read_only=read_only)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback need a token.")
@click.option("--port", default=3001, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.pass_context
def serve(ctx: click.Context, host: str, port: int) -> None:
    """Serve the sync service alone: its page, its API and the inbox of webhooks; beside a running up it uses its space."""
    settings = Settings.of_this_process()
    from pipelines.runtime import Runtime
    from service.__main__ import serve as module

    runtime = Runtime.read(settings.home)
    level = "DEBUG" if ctx.find_root().params["debug"] else None
    module(runtime.fill(settings) if runtime else settings, host, port, level=level)


@click.command()
def migrate() -> None:
    """Bring the warehouse and Dagster's storage to this version, after an upgrade and before anything else is started.

    Every command does so for the warehouse by itself; only Dagster's storage waits for this one.
    """
    settings = Settings.of_this_process()
    from pipelines.migrating import migrate as run

    for line in run(settings):
        click.echo(line)


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def simulate(options: tuple[str, ...]) -> None:
    """Serve a simulated Backlog space; the first line of output is a JSON object with its url and api_key."""
    from resources.simulator.__main__ import main as simulator

    sys.exit(simulator(list(options), program="backlog-elt simulate"))


RUNNING_COMMANDS: tuple[click.Command, ...] = (up, serve, migrate, simulate)

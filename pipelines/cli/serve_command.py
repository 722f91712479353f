"""`backlog-elt serve`: the sync service alone; see `service`."""

import click

from pipelines.cli.group import examples
from pipelines.cli.options import PORT
from resources.settings import Settings


@click.command(
    "serve",
    epilog=examples(
        "backlog-elt serve  # http://127.0.0.1:3001",
        "backlog-elt serve --host 0.0.0.0 --port 8080  # needs BACKLOG_SERVICE_TOKEN",
    ),
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any but loopback needs a token.",
)
@click.option("--port", default=3001, show_default=True, type=PORT, help="Port to listen on.")
@click.pass_context
def serve_command(ctx: click.Context, host: str, port: int) -> None:
    """Serve the sync service alone.

    Its page, its API and the inbox of webhooks; next to a running up it uses its space.
    """
    settings = Settings.of_this_process()
    from pipelines.hosting.runtime import Runtime
    from service.__main__ import serve as module

    runtime = Runtime.read(settings.home)
    level = "DEBUG" if ctx.find_root().params["debug"] else None
    module(runtime.fill(settings) if runtime else settings, host, port, level=level)

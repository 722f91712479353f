"""`backlog-elt up`: starts everything and keeps it running; see `pipelines/hosting/up.py`."""

import click

from pipelines.cli.group import examples
from pipelines.cli.options import PORT
from resources.settings import Settings
from resources.variables import SettingsError


@click.command(
    "up",
    epilog=examples(
        "backlog-elt up  # until Ctrl-C",
        "backlog-elt up --port 3100 --service-port 3101  # next to another one",
        "backlog-elt up --no-load --read-only  # read-only, for viewers",
    ),
)
@click.option("--port", default=3000, show_default=True, type=PORT, help="Port of the Dagster UI.")
@click.option(
    "--service-port", default=3001, show_default=True, type=PORT, help="Port of the sync service."
)
@click.option(
    "--no-load", is_flag=True, help="Do not load at the start; leave it to the schedules."
)
@click.option(
    "--read-only",
    is_flag=True,
    help="Make the Dagster UI read-only: it starts no run, changes no schedule.",
)
def up_command(port: int, service_port: int, no_load: bool, read_only: bool) -> None:
    """Start everything, and keep the warehouse up to date.

    PostgreSQL, the schedules, the first load, the Dagster UI and the sync service. It shows where
    they are, and one line for each thing that matters; all else is in logs/up.log under
    BACKLOG_ELT_HOME.
    """
    if port == service_port:
        raise SettingsError(
            "--service-port", str(service_port), "a port other than that of the Dagster UI (--port)"
        )
    from pipelines.hosting.up import Options
    from pipelines.hosting.up import up as run

    options = Options(port, service_port, first_load=not no_load, read_only=read_only)
    run(Settings.of_this_process(), options)

"""The `backlog-elt` command: `X_command.py` has the options of `backlog-elt X`, what it does, and
its exit code.

Every command imports all of these, so modules that are slow to import (Dagster, SQLAlchemy, pandas)
are imported where they are used. The definitions read the settings when imported, so their import
must come after the settings are read.
"""

import os
from pathlib import Path

import click

from pipelines.cli.alerts_command import alerts_command
from pipelines.cli.forget_command import forget_command
from pipelines.cli.grant_command import grant_command
from pipelines.cli.group import Commands, examples
from pipelines.cli.load_command import load_command
from pipelines.cli.login_command import login_command, logout_command
from pipelines.cli.marts_command import marts_command
from pipelines.cli.metrics_command import metrics_command
from pipelines.cli.migrate_command import migrate_command
from pipelines.cli.privacy_command import privacy_command
from pipelines.cli.report_command import report_command
from pipelines.cli.serve_command import serve_command
from pipelines.cli.simulate_command import simulate_command
from pipelines.cli.status_command import status_command
from pipelines.cli.up_command import up_command
from pipelines.cli.verify_command import verify_command
from resources.env_file import read_env_file
from resources.logs import set_up

COMPLETION = """
Completion of commands and options: in the file that your shell reads first
  bash  eval "$(_BACKLOG_ELT_COMPLETE=bash_source backlog-elt)"
  zsh   eval "$(_BACKLOG_ELT_COMPLETE=zsh_source backlog-elt)"
  fish  _BACKLOG_ELT_COMPLETE=fish_source backlog-elt | source"""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "backlog-elt up  # start everything; Ctrl-C ends it",
        "backlog-elt status  # how things stand",
        "backlog-elt load --project OPS  # load one project now",
        "backlog-elt COMMAND --help  # options and examples of a command",
        more=COMPLETION,
    ),
)
@click.option(
    "--debug", is_flag=True, help="Log each request, and show the traceback when something fails."
)
@click.version_option(package_name="backlog-elt")
def main(debug: bool) -> None:
    """Replicate a Backlog space into PostgreSQL, run by Dagster.

    Reads BACKLOG_URL, BACKLOG_API_KEY, WAREHOUSE_URL and the other variables of docs/reference.md,
    also from a file .env here. What is unset gets a stand-in: a simulated space, an embedded
    PostgreSQL.
    """
    read_env_file(Path(".env"))
    # Commands report important things themselves; retries, requests and so on need --debug.
    set_up(os.environ, level="DEBUG" if debug else "ERROR", whole=True)


for _command in (
    up_command,
    serve_command,
    migrate_command,
    simulate_command,
    load_command,
    verify_command,
    marts_command,
    metrics_command,
    status_command,
    alerts_command,
    report_command,
    forget_command,
    privacy_command,
    login_command,
    logout_command,
    grant_command,
):
    main.add_command(_command)

"""The `backlog-elt` command: one module a command, named like it, which says how it is called, what
it does and how it ends.

Every command imports all of these, so what takes long to import (Dagster, SQLAlchemy, pandas) is
imported where it is used. That is also after the settings have been read: the definitions read them
when they are imported.
"""

import os
from pathlib import Path

import click

from pipelines.cli import (
    alerts,
    forget,
    grant,
    load,
    login,
    marts,
    metrics,
    migrate,
    privacy,
    report,
    serve,
    simulate,
    status,
    up,
    verify,
)
from pipelines.cli.group import Commands, examples
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
    # What matters is said by the command itself; retries, requests and the like need --debug.
    set_up(os.environ, level="DEBUG" if debug else "ERROR", whole=True)


for _command in (
    up.up, serve.serve, migrate.migrate, simulate.simulate, load.load, verify.verify, marts.marts,
    metrics.metrics, status.status,
    alerts.alerts, report.report, forget.forget, privacy.privacy, login.login, login.logout,
    grant.grant,
):  # fmt: skip
    main.add_command(_command)

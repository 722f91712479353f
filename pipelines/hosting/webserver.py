"""Dagster's webserver, with the options that it has, behind a guard: `python -m pipelines.hosting.webserver -h … -p … -w …`.

Dagster's own command serves any page that asks. This one puts together the same application from the same parts and options, and
serves it behind `service.dagster_ui`. All that leans on Dagster's webserver is here. With a version that has other options or
parts it does not start; `tests/pipelines/hosting/test_webserver.py` says so first.
"""

import logging
import os
import sys
from typing import Any

import click
import uvicorn
from dagster._cli.utils import assert_no_remaining_opts, get_possibly_temporary_instance_for_cli
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster._utils.log import configure_loggers
from dagster_shared.cli import WorkspaceOpts
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import DEFAULT_WEBSERVER_PORT, WEBSERVER_LOGGER_NAME, dagster_webserver
from dagster_webserver.version import __version__

from resources.links import root
from resources.variables import DAGSTER_PUBLIC_URL, DAGSTER_URL, SettingsError, text
from service.connections import LARGEST_HEAD, BoundedProtocol
from service.dagster_ui import OwnPages
from service.origins import Names, is_loopback

#: Its options, as they are. Those that are hidden are for `dagster dev`.
OPTIONS = [one for one in dagster_webserver.params if not getattr(one, "hidden", False)]


def names(host: str) -> Names:
    """Return the names of a webserver that listens on a host.

    Raises:
        SettingsError: a URL of Dagster is none.
    """
    declared = [root(name, text(os.environ, name)) for name in (DAGSTER_URL, DAGSTER_PUBLIC_URL)]
    return Names.of(*declared, f"http://{host}", addresses=not is_loopback(host))


def serve(
    *,
    host: str,
    port: int | None,
    path_prefix: str,
    db_statement_timeout: int,
    db_pool_recycle: int,
    db_pool_max_overflow: int,
    read_only: bool,
    suppress_warnings: bool,
    uvicorn_log_level: str,
    dagster_log_level: str,
    log_format: str,
    code_server_log_level: str,
    live_data_poll_rate: int,
    **workspace: Any,
) -> None:
    """Serve until SIGTERM or Ctrl-C; the arguments are the options of Dagster's own command."""
    own = names(host)
    target = workspace_opts_to_load_target(WorkspaceOpts.extract_from_cli_options(workspace))
    assert_no_remaining_opts(workspace)
    if suppress_warnings:
        os.environ["PYTHONWARNINGS"] = "ignore"
    configure_loggers(formatter=log_format, log_level=dagster_log_level.upper())
    setup_interrupt_handlers()
    logger = logging.getLogger(WEBSERVER_LOGGER_NAME)
    with get_possibly_temporary_instance_for_cli(cli_command="dagster-webserver", logger=logger) as instance:
        instance.optimize_for_webserver(db_statement_timeout, db_pool_recycle, db_pool_max_overflow)
        with WorkspaceProcessContext(
            instance,
            version=__version__,
            read_only=read_only,
            workspace_load_target=target,
            code_server_log_level=code_server_log_level,
        ) as context:
            app = create_app_from_workspace_process_context(context, path_prefix, live_data_poll_rate)
            uvicorn.run(
                OwnPages(app, own),
                host=host,
                port=port or DEFAULT_WEBSERVER_PORT,
                log_level=uvicorn_log_level,
                http=BoundedProtocol,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                # Dagster's application has nothing to begin or to end.
                lifespan="off",
            )


command = click.Command("webserver", params=OPTIONS, callback=serve, help="Serve Dagster's UI to its own pages only.")


def main() -> None:
    """Read the command line as Dagster does, DAGSTER_WEBSERVER_… included, and serve."""
    try:
        command(auto_envvar_prefix="DAGSTER_WEBSERVER")
    except SettingsError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()

"""The `backlog-elt` command: `up`, `load`, `verify`, `status` and all others; those that give access are in `cli_access.py`.

Exit codes: 0 done, 1 the work failed (one line, no traceback unless `--debug`), 2 wrong usage or configuration.

Add here: a command and its options. Keep out: what it does (a module beside this one).
"""

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from dotenv import load_dotenv

from pipelines.cli_access import ACCESS_COMMANDS
from resources.logs import set_up
from resources.settings import Settings
from resources.values import parse_month
from resources.variables import SettingsError


class _WrongSetting(click.ClickException):
    """A variable or option that cannot be used: one line, exit code 2."""

    exit_code = 2


class _Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise _WrongSetting(str(error)) from None
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(_one_line(error)) from None


def _one_line(error: Exception) -> str:
    from resources.redact import redact

    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return redact(lines[0]) if lines else f"{type(error).__name__}: run again with --debug to see where"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Log each request, and show the traceback when something fails.")
@click.version_option(package_name="backlog-elt")
def main(debug: bool) -> None:
    """Replicate a Backlog space into PostgreSQL, run by Dagster.

    Reads BACKLOG_URL, BACKLOG_API_KEY, WAREHOUSE_URL and the other variables of the README, also from a file .env here. What is
    unset gets a stand-in: a simulated space, an embedded PostgreSQL.
    """
    load_dotenv(Path.cwd() / ".env")
    # What matters is said by the command itself; retries, requests and the like are for who asks.
    set_up(os.environ, level="DEBUG" if debug else "ERROR", whole=True)


for _command in ACCESS_COMMANDS:
    main.add_command(_command)


@main.command()
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port of the Dagster UI.")
@click.option("--service-port", default=3001, show_default=True, type=click.IntRange(1, 65535), help="Port of the sync service.")
@click.option("--no-load", is_flag=True, help="Do not load at once; leave it to the schedules.")
@click.option("--read-only", is_flag=True, help="The Dagster UI only shows: it starts no run and changes no schedule.")
def up(port: int, service_port: int, no_load: bool, read_only: bool) -> None:
    """Start everything: PostgreSQL, the schedules, the first load, the Dagster UI and the sync service."""
    from pipelines import up as module

    module.up(Settings.of_this_process(), port=port, service_port=service_port, first_load=not no_load, read_only=read_only)


@main.command()
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


def _month(_ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        parse_month(f"--{(parameter.name or '').removesuffix('_month')}", value)
    return value


@main.command()
@click.option("--full", is_flag=True, help="Read everything again; also finds changes that moved no time of change.")
@click.option("--project", "projects", multiple=True, metavar="KEY", help="Only the issues of this project; may be repeated.")
@click.option("--from", "from_month", metavar="YYYY-MM", callback=_month, help="Read again from this month of last change on.")
@click.option("--to", "to_month", metavar="YYYY-MM", callback=_month, help="Read again up to this month of last change.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
def load(
    full: bool, projects: tuple[str, ...], from_month: str | None, to_month: str | None, as_json: bool, no_progress: bool
) -> None:
    """Load the space once, through the same assets and instance as the Dagster UI."""
    settings = Settings.of_this_process()
    from pipelines import loading
    from pipelines.console import progress_for, summary_table

    request = loading.LoadRequest.create(full=full, projects=projects, from_month=from_month, to_month=to_month)
    began = time.monotonic()
    try:
        summary = loading.load(settings, request, progress_for(wanted=not no_progress))
    except SettingsError:
        raise
    except Exception as error:
        if as_json:  # whoever reads the object is told too
            summary = loading.Summary({}, {}, time.monotonic() - began, (_one_line(error),))
            click.echo(json.dumps(summary.as_json(), ensure_ascii=False))
        raise
    click.echo(json.dumps(summary.as_json(), ensure_ascii=False) if as_json else summary_table(summary.as_json()))
    for failure in summary.failures:
        click.echo(f"Error: {failure}", err=True)
    if summary.failures:
        sys.exit(1)


@main.command()
@click.option("--deep", is_flag=True, help="Compare every row of every table; one request for each issue, for its comments.")
@click.option("--repair", is_flag=True, help="Load again what differs, and only that (implies --deep); then compare it again.")
@click.option("--no-comments", is_flag=True, help="With --deep: leave out comments and the changes that they tell of.")
@click.option("--project", "projects", multiple=True, metavar="KEY", help="Only this project; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
def verify(deep: bool, repair: bool, no_comments: bool, projects: tuple[str, ...], as_json: bool, no_progress: bool) -> None:
    """Compare the warehouse with the source: the number of issues of each project, or every row with --deep.

    Ends with 1 when they differ, also where only what has changed at the source since the last load does ("behind").
    """
    settings = Settings.of_this_process()
    from pipelines import verification
    from pipelines.console import progress_for
    from pipelines.console_verify import verified_table

    request = verification.VerifyRequest.create(deep=deep, repair=repair, comments=not no_comments, projects=projects)
    began = time.monotonic()
    try:
        verified = verification.verify(settings, request, progress_for(wanted=not no_progress))
    except SettingsError:
        raise
    except Exception as error:
        if as_json:  # whoever reads the object is told too
            failed = verification.failed(request, _one_line(error), time.monotonic() - began)
            click.echo(json.dumps(failed, ensure_ascii=False))
        raise
    found = verified.as_json()
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else verified_table(found))
    for line in found["errors"]:
        click.echo(f"Error: {line}", err=True)
    if verified.found.failed:
        sys.exit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Show the connection, what runs, the last syncs, the last 24 hours and the rate limit."""
    settings = Settings.of_this_process()
    from pipelines.console import status_table
    from pipelines.state import status as read_status

    found = read_status(settings)
    click.echo(json.dumps(found, ensure_ascii=False, default=_iso) if as_json else status_table(found))


def _iso(moment: datetime) -> str:
    return moment.isoformat()


@main.command()
@click.option("--test", "test", is_flag=True, help="Send a message to every channel, and say what came of it.")
def alerts(test: bool) -> None:
    """Show what is wrong now, since when, and what to do; with --test, try every channel."""
    settings = Settings.of_this_process()
    from pipelines.alerting import command

    said, failed = command.try_channels() if test else (command.show(settings), False)
    click.echo(said)
    if failed:
        sys.exit(1)


@main.command()
@click.option("--project", metavar="KEY", help="Only this project.")
@click.option("--out", default="backlog-report.html", show_default=True, type=click.Path(path_type=Path), help="File to write.")
def report(project: str | None, out: Path) -> None:
    """Write one page of charts and tables from the marts; it opens in any browser, without a network."""
    settings = Settings.of_this_process()
    from pipelines.reporting import write_report

    said = "A build of the marts is at work: waiting for it."
    click.echo(write_report(settings, project, out, waiting=lambda: click.echo(said, err=True)))


@main.command()
@click.option("--user", "user_id", required=True, type=click.IntRange(min=1), metavar="ID", help="Id of the user, as in raw.users.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(user_id: int, yes: bool) -> None:
    """Erase a person from the warehouse: names, addresses and login in every schema, also in what later loads bring.

    What people have written stays, and so does what Backlog has.
    """
    settings = Settings.of_this_process()
    if not yes:
        click.confirm(f"Erase user {user_id} from the warehouse? This cannot be taken back", abort=True)
    from pipelines import forgetting

    changed = forgetting.forget(settings, user_id)
    for table, rows in sorted(changed.items()):
        click.echo(f"{table:<32}{rows:>10,} rows")
    click.echo(f"User {user_id} is forgotten: forgotten-{user_id} stands in place of names and addresses.")


@main.command()
def migrate() -> None:
    """Bring the warehouse and Dagster's storage to this version, after an upgrade and before anything else is started.

    Every command does so for the warehouse by itself; only Dagster's storage waits for this one.
    """
    settings = Settings.of_this_process()
    from pipelines.migrating import migrate as run

    for line in run(settings):
        click.echo(line)


@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def simulate(options: tuple[str, ...]) -> None:
    """Serve a simulated Backlog space; the first line of output is a JSON object with its url and api_key."""
    from resources.simulator.__main__ import main as simulator

    sys.exit(simulator(list(options), program="backlog-elt simulate"))

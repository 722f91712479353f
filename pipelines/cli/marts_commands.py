"""The command that builds the marts."""

import io
import json
import sys
import time
from contextlib import redirect_stdout

import click

from pipelines.cli.group import examples, one_line
from resources.settings import Settings
from resources.variables import SettingsError


@click.command(
    epilog=examples(
        "backlog-elt load && backlog-elt marts  # what has changed, and its marts",
        "backlog-elt marts --full --json  # all anew, with an object as answer",
    )
)
@click.option("--full", is_flag=True, help="Build every issue anew, also those of which nothing was written since the last build.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
@click.pass_context
def marts(ctx: click.Context, full: bool, as_json: bool, no_progress: bool) -> None:
    """Build and test the marts now, from what is loaded.

    By the job of the Dagster UI, where the run is seen. A build at work is waited for. A running up builds them by itself.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import build as building
    from pipelines.cli.console import progress_for

    began = time.monotonic()
    # dbt talks to standard output, which is for the result.
    chatter = sys.stderr if ctx.find_root().params["debug"] else io.StringIO()
    try:
        with redirect_stdout(chatter), progress_for(requested=not no_progress) as progress:
            found = building.build(settings, progress, whole=full).as_json()
    except SettingsError:
        raise
    except Exception as error:
        if as_json:  # the object tells of the error too
            failed = building.Build(0, 0, (), 0, time.monotonic() - began, (one_line(error),))
            click.echo(json.dumps(failed.as_json(), ensure_ascii=False))
        raise
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else building.summary_line(found))
    for failure in found["errors"]:
        click.echo(f"Error: {failure}", err=True)
    if found["errors"]:
        sys.exit(1)


MARTS_COMMANDS: tuple[click.Command, ...] = (marts,)

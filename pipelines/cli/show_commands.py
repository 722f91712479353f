"""Commands that only show something: `status`, `alerts`, `report`."""

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from pipelines.cli.group import examples
from resources.settings import Settings


@click.command(epilog=examples("backlog-elt status", "backlog-elt status --json | jq .last_syncs"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Show how things stand.

    The connection, what runs, the last syncs, the last 24 hours, the rate limit, and how to reach the warehouse.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.console import status_table
    from pipelines.cli.status import status as read_status

    found = read_status(settings)
    click.echo(json.dumps(found, ensure_ascii=False, default=_iso) if as_json else status_table(found))


def _iso(moment: datetime) -> str:
    return moment.isoformat()


@click.command(epilog=examples("backlog-elt alerts", "backlog-elt alerts --test  # try the channels"))
@click.option("--test", "test", is_flag=True, help="Send a message to every channel, and say what came of it.")
def alerts(test: bool) -> None:
    """Show what is wrong now, since when, and what to do."""
    settings = Settings.of_this_process()
    from pipelines.cli import alerts as command

    said, failed = command.try_channels() if test else (command.show(settings), False)
    click.echo(said)
    if failed:
        sys.exit(1)


@click.command(epilog=examples("backlog-elt report", "backlog-elt report --project OPS --out ops.html"))
@click.option("--project", metavar="KEY", help="Only this project.")
@click.option("--out", default="backlog-report.html", show_default=True, type=click.Path(path_type=Path), help="File to write.")
def report(project: str | None, out: Path) -> None:
    """Write charts and tables of the marts into one page.

    It opens in any browser, without a network.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.report import write_report

    def waiting(holder: str) -> None:
        click.echo(f"A build of the marts is at work ({holder}): waiting for it.", err=True)

    click.echo(write_report(settings, project, out, waiting))


LOOKING_COMMANDS: tuple[click.Command, ...] = (status, alerts, report)

"""Commands that load the warehouse and compare it with the source."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from pipelines.cli import collector
from pipelines.cli.group import examples, one_line
from pipelines.cli.options import Month
from resources.settings import Settings
from resources.variables import SettingsError

MONTH = Month()


@click.command(
    epilog=examples(
        "backlog-elt load  # what has changed",
        "backlog-elt load --project OPS --from 2026-04  # these months again, whole",
        "backlog-elt load --full --json  # all again, as an object",
    )
)
@click.option("--full", is_flag=True, help="Read everything again; also finds changes that moved no time of change.")
@click.option("--project", "projects", multiple=True, metavar="KEY", help="Only the issues of this project; may be repeated.")
@click.option("--from", "from_month", type=MONTH, metavar="YYYY-MM", help="Read again from this month of last change on.")
@click.option("--to", "to_month", type=MONTH, metavar="YYYY-MM", help="Read again up to this month of last change.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
@collector.at_rest()
def load(
    full: bool, projects: tuple[str, ...], from_month: str | None, to_month: str | None, as_json: bool, no_progress: bool
) -> None:
    """Load what has changed, the first time everything.

    Through the same assets and instance as the Dagster UI, where the runs are seen.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import load as loading
    from pipelines.cli.console import progress_for
    from pipelines.hosting.runtime import Runtime

    request = loading.LoadRequest.create(full=full, projects=projects, from_month=from_month, to_month=to_month)
    began = time.monotonic()
    try:
        with progress_for(requested=not no_progress) as progress:
            summary = loading.load(settings, request, progress)
    except SettingsError:
        raise
    except Exception as error:
        if as_json:  # whoever reads the object is told too
            summary = loading.Summary({}, {}, time.monotonic() - began, (one_line(error),), settings.simulated)
            click.echo(json.dumps(summary.as_json(), ensure_ascii=False))
        raise
    click.echo(json.dumps(summary.as_json(), ensure_ascii=False) if as_json else summary_table(summary.as_json()))
    for failure in summary.failures:
        click.echo(f"Error: {failure}", err=True)
    if summary.failures:
        sys.exit(1)
    if not as_json and Runtime.read(settings.home) is None:
        click.echo("Next: backlog-elt marts builds the marts from these tables; backlog-elt up does so by itself.", err=True)


def summary_table(summary: Mapping[str, Any]) -> str:
    """Return what a load did, as lines for a terminal; `summary` is the object of `load --json`."""
    from pipelines.cli.console import table

    columns = ("read", "inserted", "updated", "unchanged", "deleted", "rejected")
    rows = [(name, *(f"{counts.get(column, 0):,}" for column in columns)) for name, counts in summary["tables"].items()]
    requests = summary["requests"]
    made = sum(count for name, count in requests.items() if name not in {"retries", "rate_limited"})
    by_bucket = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(requests.items()))
    of = ", from a simulated space" if summary.get("simulated") else ""
    return "\n".join(
        (
            table(("table", *columns), rows),
            "",
            f"{summary['status']} in {summary['seconds']:.1f} s with {made} requests ({by_bucket}){of}",
        )
    )


@click.command(
    epilog=examples(
        "backlog-elt verify  # one request for each project",
        "backlog-elt verify --deep --project OPS  # every row of a project",
        "backlog-elt verify --repair  # and load again what differs",
    )
)
@click.option("--deep", is_flag=True, help="Compare every row of every table; one request for each issue, for its comments.")
@click.option("--repair", is_flag=True, help="Load again what differs, and only that (implies --deep); then compare it again.")
@click.option("--strict", is_flag=True, help="End with 1 also where only what has changed since the last load differs.")
@click.option("--no-comments", is_flag=True, help="With --deep: leave out comments and the changes that they tell of.")
@click.option("--project", "projects", multiple=True, metavar="KEY", help="Only this project; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
def verify(
    deep: bool, repair: bool, strict: bool, no_comments: bool, projects: tuple[str, ...], as_json: bool, no_progress: bool
) -> None:
    """Compare the warehouse with the source.

    The number of issues of each project, or every row with --deep. Ends with 0 when they are equal, or when only what has changed
    at the source since the last load differs ("behind"): the next load brings that. Ends with 1 when anything else differs or could
    not be compared; with --strict, also when it is behind.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import verify as verification
    from pipelines.cli.console import progress_for
    from pipelines.cli.console_verify import verified_table

    request = verification.VerifyRequest.create(deep=deep, repair=repair, comments=not no_comments, projects=projects)
    began = time.monotonic()
    try:
        with progress_for(requested=not no_progress) as progress:
            verified = verification.verify(settings, request, progress)
    except SettingsError:
        raise
    except Exception as error:
        if as_json:  # whoever reads the object is told too
            failed = verification.failed(request, one_line(error), time.monotonic() - began)
            click.echo(json.dumps(failed, ensure_ascii=False))
        raise
    found = verified.as_json()
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else verified_table(found))
    for line in found["errors"]:
        click.echo(f"Error: {line}", err=True)
    if verified.found.failed(strict=strict):
        sys.exit(1)


LOADING_COMMANDS: tuple[click.Command, ...] = (load, verify)

"""`backlog-elt load`: one load in this process, with the jobs, assets and instance of the Dagster
UI.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from pipelines.cli.group import examples, failing_as_object, show, show_result
from pipelines.cli.options import Month, chosen_projects
from resources.progress import Progress
from resources.settings import Settings
from resources.values import parse_month
from resources.variables import SettingsError

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.cli.in_process import Recorder
    from resources.problems.causes import Failure
    from sync.results.command_results import LoadResult, Rows

MONTH = Month()


@click.command(
    "load",
    epilog=examples(
        "backlog-elt load  # what has changed",
        "backlog-elt load --project OPS --from 2026-04  # reload these months",
        "backlog-elt load --full --json  # everything, as JSON",
    ),
)
@click.option(
    "--full",
    is_flag=True,
    help="Read everything again; also finds changes that did not move `updated`.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="KEY",
    help="Only the issues of this project; may be repeated.",
)
@click.option(
    "--from",
    "from_month",
    type=MONTH,
    metavar="YYYY-MM",
    help="Read again from this month of last change on.",
)
@click.option(
    "--to",
    "to_month",
    type=MONTH,
    metavar="YYYY-MM",
    help="Read again up to this month of last change.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
@click.option("--of-up", is_flag=True, hidden=True, help="It is the first load of `up`.")
def load_command(
    full: bool,
    projects: tuple[str, ...],
    from_month: str | None,
    to_month: str | None,
    as_json: bool,
    no_progress: bool,
    of_up: bool,
) -> None:
    """Load what has changed, the first time everything.

    Uses the same assets and instance as the Dagster UI, which shows the runs.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.console import progress_for
    from pipelines.hosting.runtime import Runtime
    from sync.results.command_results import load_result

    request = LoadRequest.create(
        full=full, projects=projects, from_month=from_month, to_month=to_month, of_up=of_up
    )
    with (
        failing_as_object(
            as_json,
            lambda errors, seconds: load_result(
                {}, {}, seconds, errors, simulated=settings.simulated
            ),
        ),
        progress_for(requested=not no_progress) as progress,
    ):
        found = load_space(settings, request, progress)
    show_result(found, summary_table, as_json=as_json)
    if found["errors"]:
        sys.exit(1)
    if (
        not as_json
        and Runtime.read(settings.home) is None
        and (line := next_line(_marts(settings)))
    ):
        show(line, err=True)


def next_line(marts: Literal["missing", "older", "current"]) -> str:
    """Return what to do after a load; empty if nothing."""
    why = {
        "missing": "there are none yet",
        "older": "they are older than what is loaded",
        "current": "",
    }[marts]
    return (
        (
            f"Next: backlog-elt marts builds the marts ({why}); a running backlog-elt up "
            "does so after each load."
        )
        if why
        else ""
    )


def _marts(settings: Settings) -> Literal["missing", "older", "current"]:
    from pipelines.cli.in_process import opened_warehouse
    from resources.warehouse.state.marts_behind import marts_status

    with opened_warehouse(settings) as warehouse:
        return marts_status(warehouse.engine)


@dataclass(frozen=True)
class LoadRequest:
    """What to load: all changes (the default), or all rows of some partitions.

    `of_up`: it is the first load of `up`; its runs have the tag for that.
    """

    full: bool = False
    projects: tuple[str, ...] = ()
    from_month: str | None = None
    to_month: str | None = None
    of_up: bool = False

    @classmethod
    def create(
        cls,
        *,
        full: bool,
        projects: Sequence[str],
        from_month: str | None,
        to_month: str | None,
        of_up: bool = False,
    ) -> "LoadRequest":
        """Check the options of the command against each other.

        Raises:
            SettingsError: a month is malformed or the window is empty.
        """
        for name, month in (("--from", from_month), ("--to", to_month)):
            if month is not None:
                parse_month(name, month)
        if from_month and to_month and from_month > to_month:
            raise SettingsError("--from", from_month, f"a month not after --to {to_month}")
        return cls(full, tuple(dict.fromkeys(projects)), from_month, to_month, of_up)

    @property
    def backfill(self) -> bool:
        """Whether all rows of a window are read again."""
        return self.full or self.from_month is not None or self.to_month is not None


def summary_table(summary: Mapping[str, Any]) -> str:
    """Return the result of a load as lines for a terminal; `summary` is the object of `load
    --json`.
    """
    from pipelines.cli.console import table

    columns = ("read", "inserted", "updated", "unchanged", "deleted", "rejected")
    rows = [
        (name, *(f"{counts.get(column, 0):,}" for column in columns))
        for name, counts in summary["tables"].items()
    ]
    requests = summary["requests"]
    made = sum(count for name, count in requests.items() if name not in {"retries", "rate_limited"})
    by_bucket = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in sorted(requests.items())
    )
    of = ", from a simulated space" if summary.get("simulated") else ""
    return "\n".join(
        (
            table(("table", *columns), rows),
            "",
            (
                f"{summary['status']} in {summary['seconds']:.1f} s with {made} "
                f"requests ({by_bucket}){of}"
            ),
        )
    )


def load_space(settings: Settings, request: LoadRequest, progress: Progress) -> "LoadResult":
    """Load the space once and return what was done; a failure of one part does not stop the others.

    Raises:
        BacklogError: the space cannot be reached or refuses the key; nothing was started.
        WarehouseError: the warehouse cannot be reached; nothing was started.
        SettingsError: `request` names a project or month that does not exist, or the warehouse is
            not for this space; nothing was started.
        LoadInterruptedError: a signal ended the load; what was committed is kept.
    """
    from pipelines.hosting.environment import check_kind, open_instance, prepare_storage, source
    from sync.results.command_results import load_result

    began = time.monotonic()
    # Starting a server takes as long as importing Dagster with its storage.
    with ThreadPoolExecutor(1, thread_name_prefix="server") as meanwhile:
        prepared = meanwhile.submit(prepare_storage, settings)
        import pipelines.hosting.storage  # noqa: F401 - the instance needs it
        from pipelines.cli.in_process import Recorder
    prepared.result()
    check_kind(settings)
    with source(settings), open_instance() as instance:
        recorder = Recorder(progress)
        errors = list(_run_jobs(instance, request, recorder, settings.home))
    tables = {name: cast("Rows", dict(rows)) for name, rows in recorder.tables.items()}
    seconds = time.monotonic() - began
    return load_result(tables, recorder.requests, seconds, errors, simulated=settings.simulated)


def _run_jobs(
    instance: "dg.DagsterInstance",
    request: LoadRequest,
    recorder: "Recorder",
    home: Path,
) -> "Iterator[Failure]":
    # Imported after the variables that the definitions read are set.
    from assets.partitions import PROJECTS, project_partitions
    from pipelines.cli.in_process import connection, run_job
    from pipelines.ended_runs import recording_ends
    from pipelines.hosting.log_file import erase_logs
    from pipelines.jobs import (
        count_reconciliation_job,
        issues_config,
        issues_job,
        projects_job,
        users_job,
    )
    from pipelines.living_runs import end_dead_runs
    from pipelines.raw_definitions import build_raw_definitions
    from pipelines.sensors.project_discovery import new_project_keys
    from pipelines.stored_people import copies
    from resources.dagster_tags import FIRST_LOAD_TAG
    from resources.warehouse.people.forgetting import NO_COPIES, remask
    from sync.projects import note_project_keys
    from sync.watermarks import complete_projects, watermark_furthest_behind

    definitions = build_raw_definitions({"progress": recorder})
    with connection() as (backlog, warehouse), recording_ends(instance, warehouse, backlog.url):
        projects = note_project_keys(backlog.client, warehouse.engine)
        visible = [str(project["projectKey"]) for project in projects]
        requested = chosen_projects(request.projects, visible)
        recorder.requests.update(backlog.client.stats.requests)
        if request.full:
            # Without a key there is no need to ask dbt for the columns of marts.
            mask, space_key = backlog.mask, str(backlog.client.space_info()["spaceKey"])
            elsewhere = copies(instance, mask.tag) if mask.tag else NO_COPIES
            if remask(warehouse.engine, space_key, mask, elsewhere) and mask.key:
                erase_logs(home)
        end_dead_runs(instance)
        name = str(PROJECTS.name)
        instance.add_dynamic_partitions(
            name, new_project_keys(instance.get_dynamic_partitions(name), projects)
        )
        partitions = project_partitions(instance, warehouse.engine, backlog.url)
        watermark = (
            None if request.backfill else watermark_furthest_behind(warehouse.engine, partitions)
        )
        ranges = list(_issue_ranges(request, requested, partitions, watermark))
        of_up = {FIRST_LOAD_TAG: "true"} if request.of_up else {}
        for job in (users_job, projects_job):
            yield from run_job(definitions, instance, job.name, tags=of_up)
        config = issues_config("backfill" if request.backfill else "incremental")
        for tags in ranges:
            yield from run_job(definitions, instance, issues_job.name, config, of_up | tags)
        promised = complete_projects(backlog.client, warehouse.engine).keys() & set(requested)
        yield from run_job(
            definitions, instance, count_reconciliation_job.name, tags=of_up, promised=promised
        )


def _issue_ranges(
    request: LoadRequest,
    requested: Sequence[str],
    partitions: Sequence[str],
    watermark: datetime | None,
) -> Iterator[dict[str, str]]:
    """Yield the tags of the runs that cover the requested projects: one for each range of adjacent
    partitions.
    """
    from assets.partitions import contiguous, month_keys, month_of
    from sync.partition_ranges import range_tags

    months = month_keys()
    first, last = request.from_month or months[0], request.to_month or months[-1]
    for name, month in (("--from", first), ("--to", last)):
        if month not in months:
            raise SettingsError(
                name, month, f"a month from {months[0]} (BACKLOG_HISTORY_START) to {months[-1]}"
            )
    if watermark is not None:
        first = month_of(watermark)
    if not request.backfill and not request.projects:
        # One pass over all; the asset skips inaccessible partitions in between.
        ranges = [(partitions[0], partitions[-1])] if partitions else []
    else:
        ranges = contiguous(requested, partitions)
    for start, end in ranges:
        yield range_tags((start, end), (first, last))

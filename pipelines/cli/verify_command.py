"""`backlog-elt verify`: runs `reconcile` between the configured space and warehouse, and loads
again what differs.

`sync/reconcile/` defines equality; `verify_exit_code` says what a result means to scripts.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from pipelines.cli.group import examples, failing_as_object, show_result
from pipelines.cli.options import chosen_projects
from resources.progress import Progress
from resources.settings import Settings
from resources.variables import SettingsError

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.cli.in_process import Recorder
    from resources.backlog.backlog_resource import BacklogResource
    from resources.problems.causes import Failure
    from resources.warehouse.state.reconciliations import Level
    from resources.warehouse.warehouse_resource import WarehouseResource
    from sync.reconcile.verdict import Reconciliation, Repair

#: Loads again what a reconciliation has requested, and yields a line for each failure.
LoadAgain = Callable[["Repair", "Recorder"], Iterator[str]]


@click.command(
    "verify",
    epilog=examples(
        "backlog-elt verify  # one request for each project",
        "backlog-elt verify --deep --project OPS  # every row of a project",
        "backlog-elt verify --repair  # reload what differs",
    ),
)
@click.option(
    "--deep",
    is_flag=True,
    help="Compare every row of every table; takes one request for each issue.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Reload only what differs (implies --deep), then compare it again.",
)
@click.option(
    "--strict", is_flag=True, help="Exit with 1 also when only changes since the last load differ."
)
@click.option(
    "--no-comments", is_flag=True, help="With --deep: leave out comments and the changes in them."
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="KEY",
    help="Only this project; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
def verify_command(
    deep: bool,
    repair: bool,
    strict: bool,
    no_comments: bool,
    projects: tuple[str, ...],
    as_json: bool,
    no_progress: bool,
) -> None:
    """Compare the warehouse with the source.

    The number of issues of each project, or every row with --deep. Ends with 0 when they are equal,
    or when only what has changed at the source since the last load differs ("behind"): the next
    load brings that. Ends with 1 when anything else differs or could not be compared; with
    --strict, also when it is behind.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.console import progress_for
    from pipelines.cli.console_verify import verified_table
    from sync.results.verify_json import failed_verify, verify_result

    request = VerifyRequest.create(
        deep=deep, repair=repair, comments=not no_comments, projects=projects
    )
    with (
        failing_as_object(as_json, partial(failed_verify, request.level)),
        progress_for(requested=not no_progress) as progress,
    ):
        verified = verify_space(settings, request, progress)
    found = verify_result(verified.found, verified.requests, verified.seconds)
    show_result(found, verified_table, as_json=as_json)
    if code := verify_exit_code(verified.found, strict=strict):
        sys.exit(code)


def verify_exit_code(found: "Reconciliation", *, strict: bool = False) -> int:
    """Return 1 if rows differ or could not be compared, or if they are behind and it is `strict`,
    else 0.
    """
    failed = found.status == "different" or (strict and found.status == "behind")
    return int(failed or bool(found.errors))


@dataclass(frozen=True)
class VerifyRequest:
    """What to compare: counts or rows; `repair` needs rows. Without `projects`: all that the key
    can see.
    """

    level: "Level" = "count"
    repair: bool = False
    comments: bool = True
    projects: tuple[str, ...] = ()

    @classmethod
    def create(
        cls, *, deep: bool, repair: bool, comments: bool, projects: Sequence[str]
    ) -> "VerifyRequest":
        """Check the options of the command against each other; `--repair` compares rows, since a
        count cannot show which differ.

        Raises:
            SettingsError: `--no-comments` without an option that reads comments.
        """
        if not comments and not (deep or repair):
            raise SettingsError(
                "--no-comments",
                "alone",
                "--deep or --repair with it, because a count reads no comments",
            )
        return cls(
            "rows" if deep or repair else "count", repair, comments, tuple(dict.fromkeys(projects))
        )


@dataclass(frozen=True)
class Verified:
    """The result of a comparison and its cost."""

    found: "Reconciliation"
    requests: Mapping[str, int]
    seconds: float


def verify_space(settings: Settings, request: VerifyRequest, progress: Progress) -> Verified:
    """Compare the warehouse with the source; if requested, repair what differs and compare that
    again.

    Raises:
        BacklogError: the space cannot be reached or refuses the key.
        WarehouseError: the warehouse cannot be reached.
        SettingsError: `request` names a project that does not exist.
        LoadInterruptedError: a signal ended it; finished repairs stay.
    """
    from pipelines.cli.in_process import connection
    from pipelines.hosting.environment import prepare_storage, source

    prepare_storage(settings)
    with source(settings), connection() as (backlog, warehouse):
        return verify_between(backlog, warehouse, request, progress, _load_again)


def verify_between(
    backlog: "BacklogResource",
    warehouse: "WarehouseResource",
    request: VerifyRequest,
    progress: Progress,
    load_again: LoadAgain,
) -> Verified:
    """Do the work of `verify_space` for an open space and warehouse; raises the same."""
    # Imported after the variables that the assets read are set.
    from pipelines.cli.in_process import Recorder
    from sync.counts import by_bucket
    from sync.reconcile.reconcile import reconcile

    began = time.monotonic()
    client, recorder = backlog.client, Recorder(progress)
    client.on_wait = lambda bucket, seconds, until: progress.wait(
        f"{bucket} rate limit of Backlog", seconds, until
    )
    visible = [str(project["projectKey"]) for project in client.visible_projects()]
    found = reconcile(
        client,
        warehouse.engine,
        backlog.mask,
        level=request.level,
        projects=chosen_projects(request.projects, visible),
        comments=request.comments,
        repair=(lambda repair: load_again(repair, recorder)) if request.repair else None,
        progress=progress,
    )
    requests = dict(recorder.requests)
    for bucket, count in by_bucket(client.stats).items():
        requests[bucket] = requests.get(bucket, 0) + count
    return Verified(found, requests, time.monotonic() - began)


def _load_again(repairing: "Repair", recorder: "Recorder") -> Iterator[str]:
    from pipelines.hosting.environment import open_instance
    from pipelines.raw_definitions import build_raw_definitions

    with open_instance() as instance:
        yield from run_loads(build_raw_definitions({"progress": recorder}), instance, repairing)


def run_loads(
    definitions: "dg.Definitions", instance: "dg.DagsterInstance", repairing: "Repair"
) -> Iterator[str]:
    """Run the jobs that load what was requested, only for the tables that need it; yield a line for
    each failed step.
    """
    from assets.partitions import PROJECTS
    from pipelines.cli.in_process import run_job
    from pipelines.jobs import projects_job, targeted_sync_job, users_job
    from pipelines.schedules import single_issues_request

    for job, tables in (
        (users_job, [table for table in repairing.tables if table == "users"]),
        (projects_job, [table for table in repairing.tables if table != "users"]),
    ):
        if tables:
            yield from _lines(run_job(definitions, instance, job.name, tables=tables))
    projects = instance.get_dynamic_partitions(str(PROJECTS.name))
    if repairing.issues and projects:
        request = single_issues_request(projects, "targeted")
        name = targeted_sync_job.name
        yield from _lines(run_job(definitions, instance, name, request.run_config, request.tags))


def _lines(failures: "Iterator[Failure]") -> Iterator[str]:
    return (one.line for one in failures)

"""One load from the command line: the same jobs, assets and instance as the Dagster UI, run in this process."""

import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from pipelines.cli import collector
from pipelines.hosting.environment import check_kind, open_instance, prepare_storage, source
from pipelines.hosting.stop_signals import Interrupted, interrupted
from pipelines.runs import command_tags, end_dead_runs
from resources.progress import Progress
from resources.redact import redact
from resources.settings import Settings
from resources.values import parse_month
from resources.variables import SettingsError
from resources.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from pipelines.cli.objects import LoadObject, Rows
    from resources.backlog.resource import BacklogResource
    from resources.warehouse.resource import WarehouseResource

#: The runs of a load say what they have to say through `Progress` and the event log, not on the console.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class LoadRequest:
    """What to load: everything that changed (the default), or a window of partitions read again whole."""

    full: bool = False
    projects: tuple[str, ...] = ()
    from_month: str | None = None
    to_month: str | None = None

    @classmethod
    def create(cls, *, full: bool, projects: Sequence[str], from_month: str | None, to_month: str | None) -> "LoadRequest":
        """Check the options of the command against each other.

        Raises:
            SettingsError: a month is malformed or the window is empty.
        """
        for name, month in (("--from", from_month), ("--to", to_month)):
            if month is not None:
                parse_month(name, month)
        if from_month and to_month and from_month > to_month:
            raise SettingsError("--from", from_month, f"a month not after --to {to_month}")
        return cls(full, tuple(dict.fromkeys(projects)), from_month, to_month)

    @property
    def backfill(self) -> bool:
        """Whether windows are read again whole."""
        return self.full or self.from_month is not None or self.to_month is not None


class LoadInterruptedError(Interrupted):
    """Somebody ended the load: a signal, or the terminal."""

    def __init__(self) -> None:
        super().__init__("interrupted: what was committed is kept; give the same command again")


@dataclass
class Recorder:
    """A `Progress` that passes everything on and adds up what the tables report; checks report requests and no rows."""

    inner: Progress
    tables: dict[str, Counter[str]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    def start(self, what: str, total: int | None) -> None:
        """Pass on."""
        self.inner.start(what, total)

    def advance(self, what: str, rows: int) -> None:
        """Pass on."""
        self.inner.advance(what, rows)

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Pass on."""
        self.inner.wait(reason, seconds, until)

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Pass on and add up."""
        if rows:
            self.tables.setdefault(what, Counter()).update(rows)
        self.requests.update(requests)
        self.inner.done(what, rows, requests)


@dataclass(frozen=True)
class Summary:
    """What a load did; `failures` holds one line for each thing that failed."""

    tables: Mapping[str, Mapping[str, int]]
    requests: Mapping[str, int]
    seconds: float
    failures: tuple[str, ...]
    simulated: bool = False

    def as_json(self) -> "LoadObject":
        """Return the object that `load --json` prints."""
        return {
            "status": "failed" if self.failures else "completed",
            "simulated": self.simulated,
            "tables": {name: cast("Rows", dict(rows)) for name, rows in self.tables.items()},
            "requests": dict(self.requests),
            "seconds": round(self.seconds, 2),
            "errors": list(self.failures),
        }


def load(settings: Settings, request: LoadRequest, progress: Progress) -> Summary:
    """Load the space once and return what was done; a part that fails does not keep the others from loading.

    Raises:
        BacklogError: the space cannot be reached or refuses the key; nothing was started.
        WarehouseError: the warehouse cannot be reached; nothing was started.
        SettingsError: `request` names a project or month that does not exist, or the warehouse is not for this space; nothing was
            started.
        LoadInterruptedError: somebody ended the load; what was committed is kept.
    """
    began = time.monotonic()
    prepare_storage(settings)
    check_kind(settings)
    with source(settings, alive=False), open_instance() as instance:
        # Dagster's storage connects anew for every statement, half to two thirds of a small load, unless it is told that
        # it serves the UI: then it keeps a connection. No time limit on statements; a minute a connection, for firewalls.
        instance.optimize_for_webserver(statement_timeout=0, pool_recycle=60, max_overflow=10)
        recorder = Recorder(progress)
        failures = tuple(_run_jobs(instance, request, recorder))
    took = time.monotonic() - began
    return Summary(recorder.tables, recorder.requests, took, tuple(dict.fromkeys(failures)), settings.simulated)


def _run_jobs(instance: dg.DagsterInstance, request: LoadRequest, recorder: Recorder) -> Iterator[str]:
    # Imported here, when the variables that the definitions read have been set.
    from assets.partitions import PROJECTS, project_partitions
    from pipelines.jobs import count_reconciliation_job, issues_config, issues_job, projects_job, users_job
    from pipelines.raw_definitions import build_raw_definitions
    from pipelines.run_ends import recording_ends
    from pipelines.sensors.project_discovery import new_project_keys
    from sync.people import mask_stored
    from sync.projects import note_project_keys
    from sync.watermarks import complete_projects, oldest_watermark

    definitions = build_raw_definitions({"progress": recorder})
    collector.resume()
    with connection() as (backlog, warehouse), recording_ends(instance, warehouse, backlog.url):
        projects = note_project_keys(backlog.client, warehouse.engine)
        requested = _requested_projects(request, projects)
        recorder.requests.update(backlog.client.stats.requests)
        if request.full:
            mask_stored(backlog.client, warehouse.engine)
        end_dead_runs(instance)
        name = str(PROJECTS.name)
        instance.add_dynamic_partitions(name, new_project_keys(instance.get_dynamic_partitions(name), projects))
        partitions = project_partitions(instance, warehouse.engine, backlog.url)
        watermark = None if request.backfill else oldest_watermark(warehouse.engine, partitions)
        ranges = list(_issue_ranges(request, requested, partitions, watermark))
        for job in (users_job, projects_job):
            yield from run_job(definitions, instance, job.name)
        config = issues_config("backfill" if request.backfill else "incremental")
        for tags in ranges:
            yield from run_job(definitions, instance, issues_job.name, config, tags)
        promised = complete_projects(backlog.client, warehouse.engine).keys() & set(requested)
        yield from run_job(definitions, instance, count_reconciliation_job.name, promised=promised)


@contextmanager
def connection() -> "Iterator[tuple[BacklogResource, WarehouseResource]]":
    """Yield the two resources outside of a run, as the definitions configure them, and close them afterwards."""
    from pipelines.raw_definitions import VARIABLES, source_resources

    resources = source_resources({name: os.environ.get(name, "") for name in VARIABLES})
    with ExitStack() as stack:
        for resource in resources:
            stack.callback(resource.close)
        yield resources


def _requested_projects(request: LoadRequest, projects: Sequence[Mapping[str, Any]]) -> list[str]:
    visible = [str(project["projectKey"]) for project in projects]
    for key in request.projects:
        if key not in visible:
            known = ", ".join(sorted(visible)[:10]) or "none"
            raise SettingsError("--project", key, f"the key of a project that the API key can see ({known})")
    return list(request.projects) or visible


def _issue_ranges(
    request: LoadRequest, requested: Sequence[str], partitions: Sequence[str], watermark: datetime | None
) -> Iterator[dict[str, str]]:
    """Yield the tags of the runs that cover the requested projects: one for each stretch of neighbouring partitions."""
    from assets.partitions import RANGE_END_TAG, RANGE_START_TAG, contiguous, month_keys, month_of, partition_key

    months = month_keys()
    first, last = request.from_month or months[0], request.to_month or months[-1]
    for name, month in (("--from", first), ("--to", last)):
        if month not in months:
            raise SettingsError(name, month, f"a month from {months[0]} (BACKLOG_HISTORY_START) to {months[-1]}")
    if watermark is not None:
        first = month_of(watermark)
    if not request.backfill and not request.projects:
        # One pass over all of them; partitions in between that are out of sight are left out by the asset.
        ranges = [(partitions[0], partitions[-1])] if partitions else []
    else:
        ranges = contiguous(requested, partitions)
    for start, end in ranges:
        yield {RANGE_START_TAG: partition_key(start, first), RANGE_END_TAG: partition_key(end, last)}


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    promised: Collection[str] = (),
    tables: Sequence[str] = (),
) -> Iterator[str]:
    """Run a job in this process, or only some `tables` of it.

    Yields one line for each step that failed, and for `promised` projects that are unequal.

    Raises:
        LoadInterruptedError: somebody ended the run.
        WarehouseError: the run was broken off.
    """
    from assets.location import SETTINGS, raw_key

    if interrupted():
        raise LoadInterruptedError
    result = definitions.resolve_job_def(job).execute_in_process(
        run_config={**QUIET, **(config or {})},
        instance=instance,
        asset_selection=[raw_key(table) for table in tables] or None,
        tags={**(tags or {}), **command_tags(SETTINGS.dagster_location)},
        raise_on_error=False,
    )
    for event in result.all_events:
        if event.is_step_failure:
            first, _, more = reason(event).partition("\n")
            yield f"{first}; the Dagster UI has the details" if more else first
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            yield from _broken_promise(event, promised)
    see_end(result)


def _broken_promise(event: dg.DagsterEvent, promised: Collection[str]) -> Iterator[str]:
    """Yield a line when the count found that projects do not equal the source, though the load was to make them equal.

    A project that was not asked for, or of which only some months were ever read, is for the check to tell, no failure of the load.
    """
    from sync.reconcile.result import TOO_FAST

    check = event.asset_check_evaluation_data
    if check.check_name == "issue_counts_match_source" and not check.passed:
        unequal: Any = check.metadata["unequal_projects"].value
        for project in unequal:
            if project in promised:
                repair = f"backlog-elt verify --repair --project {project} finds and repairs them"
                yield f"{check.check_name}: {project}: not as many issues as at the source; {repair}"
        inconclusive: Any = check.metadata["inconclusive_projects"].value
        yield from (f"{check.check_name}: {project}: {TOO_FAST}" for project in inconclusive if project in promised)


def see_end(result: dg.ExecuteInProcessResult) -> None:
    """See that a run has succeeded, unless a step of it tells why it failed: Dagster's storage may have been lost on the way.

    Raises:
        LoadInterruptedError: it was ended from outside.
        WarehouseError: it was broken off.
    """
    if result.success or any(event.is_step_failure for event in result.all_events):
        return
    if any(event.event_type == dg.DagsterEventType.RUN_CANCELED for event in result.all_events):
        raise LoadInterruptedError
    failures = (event.job_failure_data.error for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE)
    error = next((error for error in failures if error), None)
    said = redact(error.message.strip().partition("\n")[0].partition(": ")[2]) if error else "it has no end in Dagster's storage"
    raise WarehouseError(f"The run was broken off ({said}): what is committed is kept, give the same command again.")


def reason(event: dg.DagsterEvent) -> str:
    """Return why a step failed.

    Raises:
        LoadInterruptedError: it was ended from outside.
    """
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error.cause if data.error and data.error.cause else data.error
    if error and error.cls_name == "DagsterExecutionInterruptedError":
        raise LoadInterruptedError
    return f"{event.step_key}: {redact(error.message.strip()) if error else 'failed'}; the Dagster UI has the details"

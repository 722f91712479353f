"""Runs jobs in the process of a command, as the Dagster UI does, and opens the two resources
outside of a run.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.failing import failure_of_step, innermost
from pipelines.living_runs import command_tags
from pipelines.stop_signals import Interrupted, interrupted
from resources.problems.causes import Failure
from resources.progress import Progress
from resources.redact import first_line
from resources.secret import reveal
from resources.warehouse.server.server_errors import advice
from resources.warehouse.warehouse_errors import WarehouseError

if TYPE_CHECKING:
    from resources.backlog.backlog_resource import BacklogResource
    from resources.settings import Settings
    from resources.warehouse.warehouse_resource import WarehouseResource

#: Runs of a load report through `Progress` and the event log, not on the console.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class LoadInterruptedError(Interrupted):
    """A signal or the terminal has ended the load."""

    def __init__(self) -> None:
        super().__init__("interrupted: what was committed is kept; run the same command again")


@dataclass
class Recorder:
    """A `Progress` that passes everything on and adds up what tables report; checks report only
    requests.
    """

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


@contextmanager
def connection() -> "Iterator[tuple[BacklogResource, WarehouseResource]]":
    """Yield the two resources outside of a run, configured like the definitions, and close them."""
    from pipelines.raw_definitions import VARIABLES, source_resources

    backlog, warehouse = source_resources({name: os.environ.get(name, "") for name in VARIABLES})
    with closing(warehouse), closing(backlog):
        yield backlog, warehouse


@contextmanager
def opened_warehouse(settings: "Settings") -> "Iterator[WarehouseResource]":
    """Yield the warehouse of the settings, and close it."""
    from resources.warehouse.warehouse_resource import WarehouseResource

    warehouse = WarehouseResource(url=reveal(settings.warehouse_url), home=str(settings.home))
    with closing(warehouse):
        yield warehouse


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    promised: Collection[str] = (),
    tables: Sequence[str] = (),
) -> Iterator[Failure]:
    """Run a job in this process, or only some `tables` of it.

    Yields why each failed step has failed, and a failure for each of the `promised` projects that
    is not equal to the source.

    Raises:
        LoadInterruptedError: a signal ended the run.
        WarehouseError: the run was interrupted.
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
            yield failure_of(event)
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            yield from _broken_promise(event, promised)
    see_end(result)


def _broken_promise(event: dg.DagsterEvent, promised: Collection[str]) -> Iterator[Failure]:
    """Yield a failure for each promised project whose number of issues differs from the source.

    Other projects, and those of which only some months were read, do not fail a load.
    """
    from sync.reconcile.verdict import TOO_FAST

    check = event.asset_check_evaluation_data
    if check.check_name == "issue_counts_match_source" and not check.passed:
        unequal: Any = check.metadata["unequal_projects"].value
        for project in unequal:
            if project in promised:
                repair = f"backlog-elt verify --repair --project {project} finds and repairs them"
                yield Failure(
                    "not_equal",
                    f"{check.check_name}: {project}: not as many issues as at the source; {repair}",
                )
        inconclusive: Any = check.metadata["inconclusive_projects"].value
        yield from (
            Failure("changes_too_fast", f"{check.check_name}: {project}: {TOO_FAST}")
            for project in inconclusive
            if project in promised
        )


def see_end(result: dg.ExecuteInProcessResult) -> None:
    """Check that a run has succeeded, unless a failed step explains why not: Dagster's storage may
    have been lost meanwhile.

    Raises:
        LoadInterruptedError: it was ended from outside.
        WarehouseError: it was interrupted.
    """
    if result.success or any(event.is_step_failure for event in result.all_events):
        return
    if any(event.event_type == dg.DagsterEventType.RUN_CANCELED for event in result.all_events):
        raise LoadInterruptedError
    failures = (
        event.job_failure_data.error
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.RUN_FAILURE
    )
    error = innermost(next((error for error in failures if error), None))
    said = first_line(error.message).partition(": ")[2] if error else "Dagster has no end of it"
    raise _storage_lost(said)


def _storage_lost(said: str) -> WarehouseError:
    to_do = advice(said) or "run the same command again"
    line = f"The run was interrupted ({said}): what was committed is kept; {to_do}."
    return WarehouseError(line, cause="storage_lost")


def failure_of(event: dg.DagsterEvent) -> Failure:
    """Return why a step failed.

    Raises:
        LoadInterruptedError: it was ended from outside.
        WarehouseError: Dagster could not store what it did.
    """
    found, data = failure_of_step(event), event.step_failure_data
    match found.cause:
        case "interrupted":
            raise LoadInterruptedError
        case "storage_lost":
            raise _storage_lost(found.line.partition(": ")[2])
        case "defect":
            where = f"{event.step_key}: {found.line}; the Dagster UI has the details"
            return Failure("defect", where)
    said = data.user_failure_data.description or "" if data.user_failure_data else ""
    more = "; the Dagster UI has the details" if "\n" in said.strip() else ""
    return Failure(found.cause, f"{found.line}{more}")

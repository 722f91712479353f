"""`backlog-elt marts`: one build of all marts in this process, with the job and the instance of the
Dagster UI.
"""

import io
import logging
import sys
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.group import examples, failing_as_object, show_result
from resources.problems.causes import Failure
from resources.progress import Progress
from resources.settings import Settings
from resources.variables import SettingsError

if TYPE_CHECKING:
    import dagster as dg

    from sync.results.command_results import MartsResult

#: The name under which a build reports progress.
WHAT = "marts"


@click.command(
    "marts",
    epilog=examples(
        "backlog-elt load && backlog-elt marts  # what has changed, and its marts",
        "backlog-elt marts --full --json  # rebuild everything, result as JSON",
    ),
)
@click.option("--full", is_flag=True, help="Rebuild every issue, not only those with new rows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line.")
@click.option("--no-progress", is_flag=True, help="No progress bars or lines.")
@click.pass_context
def marts_command(ctx: click.Context, full: bool, as_json: bool, no_progress: bool) -> None:
    """Build and test the marts now, from what is loaded.

    Runs the job `marts`, so the run is shown in the Dagster UI. Waits for a running build. A
    running up builds marts on its own.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.console import progress_for
    from sync.results.command_results import marts_result

    # dbt writes to standard output, which is for the result. dagster-dbt's log is stored with the
    # run.
    debug = ctx.find_root().params["debug"]
    chatter = sys.stderr if debug else io.StringIO()
    logging.getLogger("dagster.builtin").propagate = debug
    with (
        failing_as_object(as_json, lambda errors, seconds: marts_result(0, seconds, errors)),
        redirect_stdout(chatter),
        progress_for(requested=not no_progress) as progress,
    ):
        found = build(settings, progress, whole=full)
    show_result(found, summary_line, as_json=as_json)
    if found["errors"]:
        sys.exit(1)


class NothingLoadedError(RuntimeError):
    """There are no rows to build marts from."""


@dataclass
class _Watcher:
    """Counts what a build has made, event by event, and reports it."""

    progress: Progress
    patience: float
    waiting: str
    made_here: Collection["dg.AssetKey"]
    models: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def __call__(self, entry: "dg.EventLogEntry") -> None:
        event = entry.dagster_event
        if event is None:
            if entry.user_message.startswith(self.waiting):
                until = datetime.now(UTC) + timedelta(seconds=self.patience)
                holder = entry.user_message.removeprefix(self.waiting)
                self.progress.wait(f"other build of the marts{holder}", self.patience, until)
        elif event.is_step_materialization and event.asset_key in self.made_here:
            self.models += 1
            self.progress.advance(WHAT, 1)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._count(event.asset_check_evaluation_data)

    def _count(self, check: "dg.AssetCheckEvaluation") -> None:
        if check.passed:
            self.checks["passed"] += 1
        elif check.severity.value == "WARN":
            self.warnings.append(check.check_name)
        else:
            self.checks["failed"] += 1
            asset = check.asset_key.to_user_string()
            line = f"check {check.check_name} of {asset}; its rows are in the Dagster UI"
            self.failures.append(Failure("test_failed", line))


def build(settings: Settings, progress: Progress, *, whole: bool) -> "MartsResult":
    """Build all marts once and return what was done; waits for a running build.

    Raises:
        SettingsError: another code location builds the marts; nothing was started.
        WarehouseError: the warehouse cannot be reached; nothing was started.
        NothingLoadedError: no space was ever loaded.
        LoadInterruptedError: a signal ended the build.
    """
    if settings.key_prefix:
        expected = (
            "unset, or the command in the environment of the location that has BACKLOG_MARTS_OF: "
            "that one makes the marts"
        )
        raise SettingsError("BACKLOG_DAGSTER_LOCATION", settings.dagster_location, expected)
    from pipelines.cli.in_process import opened_warehouse
    from pipelines.hosting.environment import open_instance, prepare_storage
    from pipelines.living_runs import end_dead_runs
    from resources.warehouse.state.known_spaces import known_spaces

    prepare_storage(settings)
    with opened_warehouse(settings) as warehouse:
        if not known_spaces(warehouse.engine):
            raise NothingLoadedError(
                "There is nothing to build marts from: load a space first (backlog-elt load)."
            )
        # Imported after the variables that the definitions read are set.
        from pipelines.definitions import build_definitions

        with open_instance() as instance:
            end_dead_runs(instance)
            return build_marts(
                build_definitions({"warehouse": warehouse}), instance, progress, whole=whole
            )


def build_marts(
    definitions: "dg.Definitions",
    instance: "dg.DagsterInstance",
    progress: Progress,
    *,
    whole: bool = False,
) -> "MartsResult":
    """Run the job `marts` in this process and return what it did.

    Raises:
        LoadInterruptedError: a signal ended the run.
        WarehouseError: the run was interrupted.
    """
    from assets.location import SETTINGS
    from assets.marts.build import BuildConfig, marts
    from assets.marts.build_notes import notes_of
    from pipelines.cli.in_process import QUIET, failure_of, see_end
    from pipelines.jobs import marts_job
    from pipelines.living_runs import command_tags
    from resources.warehouse.state.builds import WAITING
    from sync.results.command_results import marts_result

    began = time.monotonic()
    watcher = _Watcher(progress, BuildConfig(whole=whole).wait_seconds, WAITING, marts.keys)
    progress.start(WHAT, None)
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, watcher)
    result = definitions.resolve_job_def(marts_job.name).execute_in_process(
        run_config={**QUIET, "ops": {marts.op.name: {"config": {"whole": whole}}}},
        instance=instance,
        run_id=run_id,
        tags=command_tags(SETTINGS.dagster_location),
        raise_on_error=False,
    )
    see_end(result)
    steps = [failure_of(event) for event in result.all_events if event.is_step_failure]
    # The checks that failed are named one by one.
    failures = [*watcher.failures, *(one for one in steps if one.cause != "test_failed")]
    checks = watcher.checks
    built = marts_result(
        watcher.models,
        time.monotonic() - began,
        failures or steps,
        passed=checks["passed"],
        failed=checks["failed"],
        warnings=watcher.warnings,
        notes=[note["said"] for event in result.all_events for note in notes_of(event) or ()],
    )
    figures = {"models": watcher.models, "checks passed": checks["passed"]}
    figures |= {"checks warned": len(watcher.warnings), "checks failed": checks["failed"]}
    progress.done(WHAT, figures, {})
    return built


def summary_line(found: Mapping[str, Any]) -> str:
    """Return the result of a build as a line, and one more for each note; `found` is the object of
    `marts --json`.
    """
    checks = ", ".join(f"{count} {name}" for name, count in found["checks"].items())
    warned = f" (warned: {', '.join(found['warnings'])})" if found["warnings"] else ""
    done = (
        f"{found['status']} in {found['seconds']:.1f} s: {found['models']} models built, "
        f"checks: {checks}{warned}"
    )
    following = "; next: backlog-elt report, or SQL on schema mart (docs/bi.md)"
    return "\n".join([done if found["errors"] else done + following, *found["notes"]])

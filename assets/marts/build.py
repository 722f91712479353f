"""The marts as Dagster assets: one per model, with lineage from `raw/*`, and dbt's tests as their
checks.
"""

import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field
from sqlalchemy import Engine, text

from assets.location import REPORT
from assets.marts.charts.draw import warm_up
from assets.marts.dashboards import DASHBOARDS
from assets.marts.dbt import AT_ONCE, DagsterDbtCliRuntimeError, InstalledDbt, dbt_assets
from assets.marts.dbt_errors import first_line
from assets.marts.failing_rows import is_failing, with_rows
from assets.marts.keys import IS_KEY, answered
from assets.marts.ops_tables import OPS_ASSETS
from assets.marts.project import (
    FOLDER,
    beside,
    bring_parsed,
    connected,
    digest,
    keep_parsed,
    manifest,
)
from assets.marts.shown import shown, without_dbt_entries
from assets.marts.translator import Translator
from resources.warehouse.builds import begin_build, end_build, is_built
from resources.warehouse.issue_sync_state import history_share
from resources.warehouse.locks import LOST, Locks
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource

#: A build of all marts is done: no issue waits any more.
_ALL_BUILT = text("DELETE FROM staging.changed_issue")
#: What a run says while another one builds.
WAITING = "waiting for another build"


class BuildConfig(dg.Config):
    """How marts are built."""

    whole: bool = Field(
        default=False, description="Rebuild every issue, also those without new rows"
    )
    wait_seconds: float = Field(
        default=600.0,
        description="How long a build waits for another one, such as one started in the UI",
    )


def _with_marts() -> Iterator[dg.AssetMaterialization]:
    """Say of the tables that a build of all marts has read, and of what reads the marts, that they
    are as new as the build.

    The report is as new as its file: the command that writes it says so.
    """
    for spec in OPS_ASSETS:
        yield dg.AssetMaterialization(spec.key, description="read by a build of the marts")
    for spec in DASHBOARDS:
        if spec.key != REPORT:
            yield dg.AssetMaterialization(
                spec.key, description="the marts that it reads were built"
            )


@contextmanager
def _build_lock(
    context: dg.AssetExecutionContext, config: BuildConfig, engine: Engine
) -> Iterator[Locks]:
    """Yield the lock of builds once it is free; whatever fails in the block says so where the
    server has restarted meanwhile.
    """
    try:
        with Locks(engine, "all spaces", f"build of run {context.run.run_id[:8]}") as locks:
            locks.acquire(
                "marts",
                config.wait_seconds,
                lambda holder: context.log.info(f"{WAITING} ({holder})"),
            )
            try:
                yield locks
            except Exception:
                if locks.is_lost():
                    raise WarehouseError(LOST) from None
                raise
    except WarehouseError as error:
        raise dg.Failure(f"the marts: {error}", allow_retries=False) from None


def _in_words_of_dbt(events: Iterable[Any]) -> Iterator[Any]:
    """Yield the events of dbt; where it fails, the first line of the failure is dbt's own."""
    try:
        yield from events
    except DagsterDbtCliRuntimeError as error:
        raise dg.Failure(f"{first_line(error.description or '')}\n\n{error.description}") from None


def _looked_up(
    events: Iterable[Any], look: Callable[[dg.Output[Any]], dict[str, Any]]
) -> Iterator[tuple[Any, Future[dict[str, Any]]]]:
    """Yield each event in its order, and with an output what is shown of it, which a thread looks
    up while other events come.
    """
    nothing: Future[dict[str, Any]] = Future()
    nothing.set_result({})
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[tuple[Any, Future[dict[str, Any]]]] = deque()
        try:
            for event in events:
                waiting.append(
                    (event, thread.submit(look, event) if isinstance(event, dg.Output) else nothing)
                )
                while waiting and waiting[0][1].done():
                    yield waiting.popleft()
        except Exception:  # what was built before it is built
            yield from waiting
            raise
        except BaseException:  # the run is ended: nobody will look
            thread.shutdown(wait=False, cancel_futures=True)
            raise
        yield from waiting


@dbt_assets(manifest=manifest(), name="dbt_build", dagster_dbt_translator=Translator())
def marts(
    context: dg.AssetExecutionContext, config: BuildConfig, warehouse: WarehouseResource
) -> Iterator[Any]:
    """Build the chosen marts and test them, one build at a time; what dbt leaves behind is in the
    events of the run.

    Issues of which nothing was written since the last build of all marts keep their rows, unless
    the project has changed since.
    """
    folder = str(FOLDER)
    dbt = InstalledDbt(
        project_dir=folder,
        profiles_dir=folder,
        dbt_executable=sys.executable,
        global_config_flags=AT_ONCE,
    )
    with ExitStack() as stack:
        locks = stack.enter_context(_build_lock(context, config, warehouse.engine))
        # A build of some marts only goes by what the last one of all has found. Seeds are files of
        # the project: where that has not changed, they need not be chosen.
        project = digest()
        everything = (
            MODELS if is_built(warehouse.engine, project) and not config.whole else {*marts.keys}
        )
        build = None
        if everything <= context.selected_asset_keys:
            build = begin_build(warehouse.engine, project, context.run.run_id, whole=config.whole)
        arguments = ["build", "--exclude", f"test_name:{IS_KEY}"]
        if config.whole or (build and build.since is None):
            arguments.append("--full-refresh")
        elif build:
            context.log.info(f"rebuilding the issues with rows written since {build.since}")
        target = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="backlog-elt-dbt-")))
        bring_parsed(warehouse.engine, target)
        with connected(
            warehouse.engine,
            unchanged=build is not None and build.since is not None and not config.whole,
        ):
            invocation = dbt.cli(arguments, context=context, target_path=target)
        # dbt needs some seconds before it builds anything.
        with beside(warehouse.engine) as connection:
            read = history_share(connection)
        with suppress(Exception):  # a chart says itself why it cannot be drawn
            warm_up()
        look = partial(
            shown,
            nodes=invocation.manifest["nodes"],
            engine=warehouse.engine,
            log=context.log,
            read=read,
        )
        for event, found in _looked_up(_in_words_of_dbt(invocation.stream()), look):
            if is_failing(event):
                if not locks.is_lost():  # a server that has restarted may have lost what is tested
                    yield without_dbt_entries(
                        with_rows(event, warehouse.engine, invocation.manifest, target, context.log)
                    )
            elif isinstance(event, dg.AssetCheckResult):
                yield without_dbt_entries(event)
            elif isinstance(event, dg.Output):
                # Not as metadata of the event: that would be stored with the output of the step,
                # too.
                context.add_asset_metadata(
                    found.result(), asset_key=context.asset_key_for_output(event.output_name)
                )
                yield dg.Output(None, event.output_name)
            else:
                yield event
        keep_parsed(warehouse.engine, target)
        keys = [*answered(context.selected_asset_check_keys, invocation.manifest, warehouse.engine)]
        yield from keys
        if broken := [key.check_name for key in keys if not key.passed]:
            raise dg.Failure(
                f"the marts: rows without a key of their own: {', '.join(map(str, broken))}",
                allow_retries=False,
            )
        if build:
            with warehouse.engine.begin() as connection:
                connection.execute(_ALL_BUILT)
            end_build(warehouse.engine, build, locks.verify)
        # Commits of models do not wait for the disk. This one does, and with it all before; a
        # server that has restarted refuses it.
        locks.release("marts")
        if build:
            for event in _with_marts():
                context.log_event(event)


#: All but the seeds.
MODELS = {spec.key for spec in marts.specs if spec.group_name != "seeds"}
MART_ASSETS = [marts]

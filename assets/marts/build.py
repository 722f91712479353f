"""The marts as Dagster assets: one per model, with lineage from `raw/*`, and dbt's tests as
checks.
"""

import signal
from collections.abc import Iterator
from contextlib import chdir
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtCliRuntimeError,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    dbt_assets,
)
from dagster_dbt.core.dbt_event_iterator import DbtEventIterator
from pydantic import Field
from sqlalchemy import Engine, text

from assets.location import REPORT, SETTINGS
from assets.marts.charts.shown import chart_for
from assets.marts.dashboards import DASHBOARDS
from assets.marts.dbt_errors import first_line
from assets.marts.failing_rows import with_rows
from assets.marts.manifest import digest, manifest
from assets.marts.ops_tables import OPS_ASSETS
from assets.marts.project import DBT, PROJECT, connected, target_of
from assets.marts.translator import Translator
from resources.mappings import Line, digest_of, mappings, store
from resources.warehouse.builds import begin_build, dbt_session, end_build, is_built, marts_locked
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


@dbt_assets(
    manifest=manifest(),
    project=PROJECT,
    name="dbt_build",
    dagster_dbt_translator=Translator(DagsterDbtTranslatorSettings(enable_code_references=True)),
)
def marts(
    context: dg.AssetExecutionContext, config: BuildConfig, warehouse: WarehouseResource
) -> Iterator[Any]:
    """Build the chosen marts and test them, one build at a time.

    Issues of which nothing was written since the last build of all marts keep their rows, unless
    the project has changed since.
    """
    try:
        yield from _build(context, config, warehouse.engine)
    except WarehouseError as error:
        raise dg.Failure(f"the marts: {error}", allow_retries=False) from None
    except DagsterDbtCliRuntimeError as error:
        said = error.description or ""
        raise dg.Failure(f"{first_line(said)}\n\n{said}") from None


#: All but mappings and seeds.
MODELS = {spec.key for spec in marts.specs if spec.group_name != "mappings"}
MART_ASSETS = [marts]


def source_of_marts(lines: list[Line]) -> str:
    """Return what changes with the dbt project and with the mappings: all marts are of one such."""
    return f"{digest()} {digest_of(lines)}"


def _build(context: dg.AssetExecutionContext, config: BuildConfig, engine: Engine) -> Iterator[Any]:
    target, work = target_of(engine), f"build of run {context.run.run_id[:8]}"
    locked = marts_locked(
        engine, work, config.wait_seconds, lambda who: context.log.info(f"{WAITING} ({who})")
    )
    # dagster-dbt changes to the folder of the project, in threads: so the whole process does it.
    with locked as locks, chdir(PROJECT.project_dir):
        lines, build = mappings(SETTINGS.mappings), None
        project = source_of_marts(lines)
        for line in lines:
            if line.problem:
                place = f"line {line.line}" if line.line else "the whole"
                context.log.warning(f"mappings: {line.file}, {place}: {line.problem}")
        with engine.begin() as connection:
            store(connection, lines)
        # A build of some marts only goes by what the last one of all has found. Where mappings and
        # the project have not changed, mappings and seeds need not be chosen.
        changed = config.whole or not is_built(engine, project)
        if ({*marts.keys} if changed else MODELS) <= context.selected_asset_keys:
            build = begin_build(engine, project, context.run.run_id, whole=config.whole)
        arguments = ["build"]
        if config.whole or (build and build.since is None):
            arguments.append("--full-refresh")
        elif build:
            context.log.info(f"rebuilding the issues with rows written since {build.since}")
        with connected(engine, dbt_session(engine)):
            dbt = DBT.cli(arguments, context=context, target_path=target)
        for event in events_of(dbt):
            if isinstance(event, dg.Output):
                chart = chart_for(event, engine, context.log)
                yield event.with_metadata({**chart, **event.metadata})
            elif isinstance(event, dg.AssetCheckResult) and not event.passed:
                if not locks.is_lost():  # a server that has restarted may have lost what is tested
                    yield with_rows(event, engine, dbt.manifest, target, context.log)
            else:
                yield event
        # Commits of models do not wait for the disk: a server that has restarted may have lost
        # some.
        locks.verify()
        if build:
            with engine.begin() as connection:
                connection.execute(_ALL_BUILT)
            end_build(engine, build, locks.verify)
            # What the build has read and what reads the marts is as new as it. The report is as
            # new as its file: the command that writes it says so.
            for spec in (*OPS_ASSETS, *(one for one in DASHBOARDS if one.key != REPORT)):
                context.log_event(dg.AssetMaterialization(spec.key, description="marts were built"))


def events_of(dbt: DbtCliInvocation) -> Iterator[Any]:
    """Yield what dbt does, as events of Dagster, with the rows and columns of what is made.

    The two fetches wait for the next event in a loop that keeps a core busy, which dbt needs. So
    each is given one event by itself. Where the run is ended, dbt is told so.
    """
    try:
        for event in dbt.stream():
            if isinstance(event, dg.Output):
                [event] = DbtEventIterator(iter([event]), dbt).fetch_row_counts()
                made = DbtEventIterator(iter([event]), dbt)
                [event] = made.fetch_column_metadata(with_column_lineage=False)
            yield event
    except BaseException:
        dbt.process.send_signal(signal.SIGINT)
        dbt.process.wait()
        raise

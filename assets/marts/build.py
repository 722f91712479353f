"""The marts as Dagster assets, one per model, and dbt's tests as their checks."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import chdir
from typing import Any, Final

import dagster as dg
from dagster_dbt import (
    DagsterDbtCliRuntimeError,
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from dagster_dbt.core.dbt_event_iterator import DbtEventIterator
from pydantic import Field
from sqlalchemy import Engine, text

from assets.declaration import OWNERS
from assets.failing import failing_as, step_failure
from assets.location import REPORT, SETTINGS, raw_keys_below
from assets.marts.build_notes import tell_notes
from assets.marts.build_row import noted
from assets.marts.charts.shown import chart_metadata, with_chart
from assets.marts.dashboards import DASHBOARDS
from assets.marts.dbt_errors import why_not_built
from assets.marts.manifest import DBT_COMMAND, FOLDER, dbt_environment, digest, manifest
from assets.marts.ops_tables import OPS_ASSETS
from assets.marts.people import shown_by
from resources.cadences import MARTS
from resources.mappings import Line, digest_of, mappings, problems, store
from resources.redact import first_line, plain_line
from resources.warehouse.server.free_space import has_room
from resources.warehouse.state.builds import (
    begin_build,
    dbt_session,
    end_build,
    is_built,
    marts_locked,
)
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_resource import WarehouseResource

PROJECT = DbtProject(FOLDER)
DBT = DbtCliResource(PROJECT, dbt_executable=DBT_COMMAND)
#: Where dbt writes what became of each node.
RESULTS: Final = "run_results.json"
#: Rows to which a test objects, and characters of a value, that its check shows.
ROWS, CHARACTERS = 20, 120


class Translator(DagsterDbtTranslator):
    """What Dagster shows of a model, seed or snapshot before any build."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Add owners and the assets that fill the tables that it reads; a mart is to be fresh, and
        shows its chart.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        deps = [key for dep in spec.deps for key in raw_keys_below(dep.asset_key)]
        fresh = dg.FreshnessPolicy.time_window(fail_window=MARTS.fresh_within)
        policy = fresh if spec.group_name == "mart" else None
        spec = spec.merge_attributes(metadata=chart_metadata(spec.key))
        return spec.replace_attributes(deps=deps, owners=OWNERS, freshness_policy=policy)


class BuildConfig(dg.Config):
    """How marts are built."""

    whole: bool = Field(default=False, description="Rebuild every issue, also without new rows")
    wait_seconds: float = Field(default=600.0, description="How long it waits for another build")


@dbt_assets(
    manifest=manifest(),
    project=PROJECT,
    name="dbt_build",
    dagster_dbt_translator=Translator(DagsterDbtTranslatorSettings(enable_code_references=True)),
)
def marts(
    context: dg.AssetExecutionContext, config: BuildConfig, warehouse: WarehouseResource
) -> Iterator[Any]:
    """Build the chosen marts and test them, one build at a time. Issues without a row written since
    the last build of all marts keep their rows, unless the project has changed.
    """
    engine, run_id = warehouse.engine, context.run.run_id
    work = f"build of run {run_id[:8]}"
    locked = marts_locked(engine, work, config.wait_seconds, context.log.info)
    row = noted(engine, SETTINGS.backlog_url, run_id)
    # dagster-dbt changes to the folder of the project, in threads: so the whole process does.
    with failing_as(context, "the marts"), row, locked as locks, chdir(FOLDER):
        yield from _build(context, engine, locks, whole=config.whole)


#: All but mappings and seeds.
MODELS = {spec.key for spec in marts.specs if spec.group_name != "mappings"}


def source_of_marts(lines: list[Line]) -> str:
    """Return what changes with the dbt project and with the mappings: all marts are of one such."""
    return f"{digest()} {digest_of(lines)}"


def _build(
    context: dg.AssetExecutionContext, engine: Engine, locks: Locks, *, whole: bool
) -> Iterator[Any]:
    lines = mappings(SETTINGS.mappings)
    for problem in problems(lines):
        context.log.warning(f"mappings: {problem}")
    store(engine, lines)
    # A build of some marts only goes by what the last one of all has found. Where mappings and the
    # project have not changed, mappings and seeds need not be chosen.
    project, build, arguments = source_of_marts(lines), None, ["build"]
    every = {*marts.keys} if whole or not is_built(engine, project) else MODELS
    if every <= context.selected_asset_keys:
        build = begin_build(engine, project, context.run.run_id, whole=whole)
    if whole or (build and build.since is None):
        arguments.append("--full-refresh")
    elif build:
        context.log.info(f"rebuilding the issues with rows written since {build.since}")
    with dbt_environment(engine, dbt_session(engine)):
        target = SETTINGS.home / "dbt" / str(engine.url.database)  # the next build finds it parsed
        (target / RESULTS).unlink(missing_ok=True)  # those of the build before
        dbt = DBT.cli(arguments, context=context, target_path=target)
    try:
        for event in events_of(dbt):
            if isinstance(event, dg.Output):
                yield with_chart(event, engine, context.log)
            elif isinstance(event, dg.AssetCheckResult) and not event.passed:
                if not locks.is_lost():  # a server that has restarted may have lost what is tested
                    yield with_rows(event, engine, dbt)
            else:
                yield event
    except DagsterDbtCliRuntimeError as error:
        locks.verify()
        results = dbt.get_artifact(RESULTS)["results"] if (target / RESULTS).exists() else []
        said = error.description or ""
        why = why_not_built(results, said, is_full=not has_room(engine))
        raise step_failure(context, why, details=said) from None
    tell_notes(context, engine)
    # Commits of models do not wait for the disk: a server that has restarted may have lost some.
    locks.verify()
    if build:
        with engine.begin() as connection:  # no issue waits any more
            connection.exec_driver_sql("DELETE FROM staging.changed_issue")
        end_build(engine, build, locks.verify)
        # What it has read, and what reads it, is as new. The report is recorded when it is written.
        for spec in (*OPS_ASSETS, *(one for one in DASHBOARDS if one.key != REPORT)):
            context.log_event(dg.AssetMaterialization(spec.key, description="marts were built"))


def events_of(dbt: DbtCliInvocation) -> Iterator[Any]:
    """Yield what dbt does, as events of Dagster, with the rows and columns of what is made.

    Each fetch gets one event by itself: waiting for one, it keeps a core busy, which dbt needs.
    """
    try:
        for event in dbt.stream():
            if isinstance(event, dg.Output):
                [event] = DbtEventIterator(iter([event]), dbt).fetch_row_counts()
                made = DbtEventIterator(iter([event]), dbt)
                [event] = made.fetch_column_metadata(with_column_lineage=False)
            yield event
    finally:  # of a run that is ended; else dbt has ended
        dbt.process.send_signal(signal.SIGINT)
        dbt.process.wait()


def with_rows(
    event: dg.AssetCheckResult, engine: Engine, dbt: DbtCliInvocation
) -> dg.AssetCheckResult:
    """Return a check that failed with its first rows in the metadata `rows`.

    Columns that say who somebody is are left out: Dagster keeps what a check shows. So are rows
    that cannot be read, and the log says why: dbt may have failed for the same reason.
    """
    node = dbt.manifest["nodes"][event.metadata["unique_id"].value]
    people = shown_by(node, dbt.manifest["nodes"])
    compiled = next(dbt.target_path.glob(f"compiled/**/{node['path']}"), None)
    if compiled is None or node.get("column_name") in people:
        return event
    query = text(compiled.read_text(encoding="utf-8").replace(":", "\\:"))  # no parameters
    try:
        with engine.connect() as connection:
            found = connection.execute(query).mappings().fetchmany(ROWS)
    except Exception as error:  # such as a date that Python does not know
        why = first_line(f"{type(error).__name__}: {error}")
        dg.get_dagster_logger().warning(f"{node['name']}: its rows were left out: {why}")
        return event
    rows = [
        {name: plain_line(row[name])[:CHARACTERS] for name in row if name not in people}
        for row in found
    ]
    if not any(rows):
        return event
    shown = dg.MetadataValue.table([dg.TableRecord(row) for row in rows])
    return event.with_metadata({**event.metadata, "rows": shown})

"""The marts as Dagster assets: one per model, with lineage from `raw/*`, and dbt's tests as their checks.

Add here: what Dagster shows of a mart. Keep out: models and tests (the dbt project around this file).
"""

import re
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from logging import Logger
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from pydantic import Field
from sqlalchemy import Engine

from assets.location import raw_keys_below
from assets.marts.failing_rows import is_failing, with_rows
from assets.marts.project import DBT, FOLDER, InstalledDbt, connected, digest, keep_parsed, manifest
from assets.raw.declaration import OWNERS
from resources.warehouse.builds import begin_build, end_build
from resources.warehouse.errors import WarehouseError
from resources.warehouse.locks import Locks
from resources.warehouse.resource import WarehouseResource

#: What a run says while another one builds.
WAITING = "another build is at work: waiting for it"
_COMMENT = re.compile(r"\A(?:--[^\n]*\n)+")


class BuildConfig(dg.Config):
    """How marts are built."""

    whole: bool = Field(default=False, description="Build every issue anew, also those of which nothing was written")
    turn_seconds: float = Field(
        default=600.0, description="How long a build waits for another one, as of somebody who has chosen a mart in the UI"
    )


class Translator(DagsterDbtTranslator):
    """What Dagster shows of a model besides what the project says: owners, the file it comes from, words for each test."""

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Return who looks after every mart."""
        del dbt_resource_props
        return OWNERS

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the link to the file of a model."""
        file = FOLDER / str(dbt_resource_props["original_file_path"])
        links = dg.CodeReferencesMetadataValue(code_references=[dg.LocalFileCodeReference(file_path=str(file), line_number=1)])
        return {**super().get_metadata(dbt_resource_props), "dagster/code_references": links}

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Hang a mart on all assets that fill the tables that it reads."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(deps=[key for dep in spec.deps for key in raw_keys_below(dep.asset_key)])

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """Describe a test by the comment at its head, or by what it asserts of which column."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        test = self.get_resource_props(manifest, unique_id)
        return spec and spec._replace(description=spec.description or _words(test))


def _words(test: Mapping[str, Any]) -> str:
    comment = _COMMENT.match(str(test["raw_code"]))
    if comment:
        return " ".join(line.removeprefix("--").strip() for line in comment[0].splitlines())
    arguments = {name: value for name, value in test["test_metadata"]["kwargs"].items() if name != "model"}
    return f"{test['test_metadata']['name']}: " + ", ".join(f"{name} {value}" for name, value in arguments.items())


def chart_for(event: Any, engine: Engine, log: Logger) -> dict[str, Any]:
    """Return the chart that stands on the mart that an event tells of, as metadata; nothing for other events.

    A chart never fails a build: one that cannot be drawn is left out, and the log says why.
    """
    from assets.marts.charts.catalogue import CHARTS  # matplotlib takes half a second to import

    if not isinstance(event, dg.Output | dg.AssetMaterialization) or "unique_id" not in event.metadata:
        return {}
    mart = str(event.metadata["unique_id"].value).rsplit(".", 1)[-1]
    for chart in (one for one in CHARTS if one.mart == mart):
        try:
            with engine.connect() as connection:
                picture = b64encode(chart.svg(connection).encode()).decode()
        except Exception as error:  # whatever it is, the rows are built
            log.warning(f"{mart}: its chart was left out: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
            continue
        return {"chart": dg.MetadataValue.md(f"![{chart.title}](data:image/svg+xml;base64,{picture})")}
    return {}


@dbt_assets(manifest=manifest(), name="dbt_build", dagster_dbt_translator=Translator())
def marts(context: dg.AssetExecutionContext, config: BuildConfig, warehouse: WarehouseResource) -> Iterator[Any]:
    """Build the chosen marts and test them, one build at a time; what dbt leaves behind is in the events of the run.

    Issues of which nothing was written since the last build of all marts keep their rows, unless the project has changed since.
    """
    dbt = InstalledDbt(project_dir=str(FOLDER), profiles_dir=str(FOLDER), dbt_executable=DBT)
    with ExitStack() as stack:
        try:
            locks = stack.enter_context(Locks(warehouse.engine, "all spaces"))
            locks.acquire("marts", config.turn_seconds, lambda: context.log.info(WAITING))
        except WarehouseError as error:
            raise dg.Failure(f"the marts: {error}", allow_retries=False) from None
        # A build of some marts only goes by what the last one of all has found.
        build = None if context.is_subset else begin_build(warehouse.engine, digest(), context.run.run_id, whole=config.whole)
        arguments = ["build"]
        if config.whole or (build and build.since is None):
            arguments.append("--full-refresh")
        elif build:
            # The project is the same, and seeds are files of it.
            arguments += ["--exclude", "resource_type:seed"]
            context.log.info(f"issues of which something was written since {build.since} are built anew")
        target = stack.enter_context(tempfile.TemporaryDirectory(prefix="backlog-elt-dbt-"))
        with connected(warehouse.engine):
            invocation = dbt.cli(arguments, context=context, target_path=Path(target))
        for event in invocation.stream():
            if is_failing(event):
                yield with_rows(event, warehouse.engine, invocation.manifest, Path(target))
            else:
                # Not as metadata of the event: that would be stored with the output of the step, too.
                if isinstance(event, dg.Output) and (chart := chart_for(event, warehouse.engine, context.log)):
                    context.add_asset_metadata(chart, asset_key=context.asset_key_for_output(event.output_name))
                yield event
        keep_parsed(Path(target))
        if build:
            end_build(warehouse.engine, build)


MART_ASSETS = [marts]

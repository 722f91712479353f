"""What the UI shows of marts, seeds, tables of the program and dashboards: before a build, and what
a build leaves.
"""

import json
import re
from collections import defaultdict
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
import pytest

from assets.location import REPORT
from assets.marts.build import MODELS
from assets.marts.build_notes import notes_of
from assets.marts.charts.catalogue import CHARTS
from assets.marts.dashboards import DASHBOARDS, dashboards
from assets.marts.manifest import FOLDER, manifest
from assets.marts.ops_tables import OPS_ASSETS
from assets.marts.report import NEEDED
from pipelines.definitions import defs
from tests.deployment import Deployment, Run, failures

Metadata = dict[str, dict[str, Any]]
#: What asks the server for the time.
CLOCK = re.compile(
    r"now\(\)|_timestamp\(\)|timeofday\(\)|\b(?:current|local)_?(?:date|time|timestamp)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def graph() -> Any:
    """Return the assets as Dagster knows them before any run."""
    return defs.resolve_asset_graph()


@pytest.fixture(scope="module")
def run(built: tuple[Deployment, int]) -> Run:
    """Return a build as the sensor asks for it, all but the seeds, after one of all."""
    deployment, _ = built
    job = deployment.definitions.resolve_job_def("marts").get_subset(asset_selection=MODELS)
    done = deployment.run_job(job)
    assert done.success, failures(done)
    return done


@pytest.fixture(scope="module")
def shown(run: Run) -> Metadata:
    """Return what the build has recorded, asset -> name -> value."""
    events = [event for event in run.events if event.is_step_materialization and event.asset_key]
    found = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in events
        if event.asset_key
    }
    return {
        key: {name: value.value for name, value in metadata.items()}
        for key, metadata in found.items()
    }


def columns_of(deployment: Deployment, schema: str) -> dict[str, dict[str, str]]:
    """Return table or view -> column -> type, as the database has them."""
    types: dict[str, dict[str, str]] = defaultdict(dict)
    for row in deployment.query(
        "SELECT c.relname, attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute a "
        f"JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = '{schema}'::regnamespace "
        "AND c.relkind IN ('r', 'v') "
        "WHERE attnum > 0 AND NOT attisdropped"
    ):
        types[f"{schema}/{row['relname']}"][row["attname"]] = row["type"]
    return types


def test_groups_are_read_from_left_to_right(graph: Any) -> None:
    above: dict[str, set[str]] = defaultdict(set)
    for key in graph.get_all_asset_keys():
        group = graph.get(key).group_name
        above[group] |= {graph.get(parent).group_name for parent in graph.get(key).parent_keys} - {
            group
        }
    order = [*TopologicalSorter(above).static_order()]
    assert set(order) == {"raw", "ops", "mappings", "staging", "mart", "dashboard"}
    assert order[-3:] == ["staging", "mart", "dashboard"], (
        "a circle between groups draws them in any order"
    )


def test_people_read_words_before_sql_and_see_when_a_mart_is_too_old(graph: Any) -> None:
    marts = [
        graph.get(key) for key in graph.get_all_asset_keys() if graph.get(key).group_name == "mart"
    ]
    assert len(marts) > 25
    for node in marts:
        assert " / " in node.description.splitlines()[0], f"{node.key}: both languages"
        assert "```sql\n" in node.description
        assert node.freshness_policy.fail_window.to_timedelta().total_seconds() == 26 * 3_600


def test_every_column_is_described_in_both_languages() -> None:
    models = [
        node
        for node in json.loads(manifest().read_bytes())["nodes"].values()
        if node["resource_type"] == "model"
    ]
    columns = [(model["name"], column) for model in models for column in model["columns"].values()]
    assert len(columns) > 500
    assert [
        f"{name}.{column['name']}" for name, column in columns if " / " not in column["description"]
    ] == []
    tables = [model for model in models if model["config"]["materialized"] != "view"]
    # The days of a space without an issue begin with the present year.
    assert [model["name"] for model in tables if CLOCK.search(model["raw_code"])] == ["calendar"]
    assert [
        file.name
        for file in (FOLDER / "macros").glob("*.sql")
        if CLOCK.search(file.read_text(encoding="utf-8"))
    ] == []


def test_tables_of_the_program_are_described_as_they_are(
    built: tuple[Deployment, int], graph: Any
) -> None:
    types = columns_of(built[0], "ops")
    assert {spec.key.to_user_string() for spec in OPS_ASSETS} >= {
        "ops/sync_outcomes",
        "ops/sync_state",
        "ops/mart_builds",
    }
    for spec in OPS_ASSETS:
        node = graph.get(spec.key)
        schema = node.metadata["dagster/column_schema"]
        assert node.metadata["dagster/table_name"] == spec.key.to_user_string().replace("/", ".")
        assert {column.name: column.type for column in schema.columns} == types[
            spec.key.to_user_string()
        ], spec.key
        assert len(node.description.split(". ")) == 2
        assert all(column.description for column in schema.columns)


@pytest.mark.full
def test_a_mart_shows_its_columns_with_types_the_rows_of_a_table_and_its_chart_first(
    built: tuple[Deployment, int], graph: Any, shown: Metadata
) -> None:
    deployment, _ = built
    types = columns_of(deployment, "mart")
    marts = [
        key for key in shown if graph.get(dg.AssetKey.from_user_string(key)).group_name == "mart"
    ]
    assert len(marts) > 25
    views = {
        row["name"] for row in deployment.query("SELECT 'mart/' || viewname AS name FROM pg_views")
    }
    for key in marts:
        columns = {
            column.name: column.type for column in shown[key]["dagster/column_schema"].columns
        }
        assert columns.keys() == types[key].keys(), key
        assert "dagster/row_count" not in shown[key] if key in views else True
        if key not in views:
            [count] = deployment.query(f"SELECT count(*) AS n FROM {key.replace('/', '.')}")
            assert shown[key]["dagster/row_count"] == count["n"], key
    for chart in CHARTS:
        assert next(iter(shown[f"mart/{chart.mart}"])) == "chart"
    [rows] = deployment.query("SELECT count(*) AS n FROM staging.stg_issue")
    assert shown["staging/stg_issue"]["dagster/row_count"] == rows["n"]


@pytest.mark.full
def test_a_build_logs_no_warning_and_misses_nothing(
    built: tuple[Deployment, int], run: Run, shown: Metadata
) -> None:
    deployment, _ = built
    assert deployment.log(run, "WARNING") == deployment.log(run, "ERROR") == []
    assert [line for line in deployment.log(run, "INFO") if "did not yield" in line] == []
    # A test of dbt that is no check would be one more observation.
    assert [notes_of(event) for event in run.events if event.is_asset_observation] == [[]]
    planned = {event.asset_key for event in run.events if event.is_asset_materialization_planned}
    assert planned == MODELS
    assert max(len(str(metadata)) for metadata in shown.values()) < 100_000


@pytest.mark.full
def test_what_a_build_has_read_and_what_reads_the_marts_are_as_new_as_the_build(
    shown: Metadata,
) -> None:
    reported = {dg.AssetKey.from_user_string(key) for key in shown} - MODELS
    assert reported == {spec.key for spec in (*OPS_ASSETS, *DASHBOARDS)} - {REPORT}


def test_the_report_is_downstream_of_its_marts_and_nothing_runs_for_it(
    graph: Any,
) -> None:
    node = graph.get(REPORT)
    assert not node.is_materializable
    assert node.parent_keys == {
        dg.AssetKey(["mart", name]) for name in NEEDED | {"project_summary"}
    }


def test_an_exposure_gives_its_address_and_owners_and_may_read_raw_tables() -> None:
    described: dict[str, Any] = json.loads(manifest().read_text())
    [name, shipped] = next(iter(described["exposures"].items()))
    nodes = [*shipped["depends_on"]["nodes"][:1], "source.backlog_elt.raw.users"]
    own = {
        "name": "hours",
        "label": None,
        "url": "https://bi.example.com/hours",
        "owner": {"name": "PMO", "email": "pmo@example.com"},
    }
    [made] = dashboards(
        described | {"exposures": {name: shipped | own | {"depends_on": {"nodes": nodes}}}}
    )
    assert made.key == dg.AssetKey(["dashboard", "hours"])
    assert made.metadata["url"] == dg.MetadataValue.url("https://bi.example.com/hours")
    assert list(made.owners) == ["pmo@example.com"]
    assert dg.AssetKey(["raw", "users"]) in {dep.asset_key for dep in made.deps}

"""An upgrade after which models are gone: their tables and views go with them, and nothing else."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine

from pipelines.hosting.environment import PROJECT_ROOT
from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.deployment import Deployment, quiet
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

pytestmark = pytest.mark.long

SPEC = SpaceSpec(seed=5, users=3, projects=1, issues=6, history_days=30)
MODELS = Path("assets/marts/models/mart")
#: What the version before has besides: a table, a view of it, a table that somebody reads, and a
#: history.
BEFORE = {
    MODELS / "retired.sql": "select issue_id from {{ ref('issue') }}",
    MODELS
    / "retired_view.sql": "{{ config(materialized='view') }} select * from {{ ref('retired') }}",
    MODELS / "retired_read.sql": "select issue_id from {{ ref('issue') }}",
    MODELS / "retired.yml": """
models:
  - {name: retired, description: "A / あ"}
  - {name: retired_view, description: "A / あ"}
  - {name: retired_read, description: "A / あ"}
""",
    Path("assets/marts/snapshots/dim_retired.sql"): """
{% snapshot dim_retired %}
{{ config(unique_key=['space_key'], strategy='check', check_cols=['url'],
    updated_at='changed_at') }}
select space_key, url, changed_at from {{ source('ops', 'spaces') }}
{% endsnapshot %}
""",
}
RELATIONS = """
SELECT n.nspname || '.' || relname AS name FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname IN ('mart', 'staging') AND relkind IN ('r', 'v', 'm')
"""


@pytest.fixture
def version_before(tmp_path: Path) -> Path:
    """Return the folder of a version that has more models."""
    folder = tmp_path / "before"
    left = shutil.ignore_patterns(".*", "__pycache__", "target", "tests", "docs", "benchmarks")
    shutil.copytree(PROJECT_ROOT, folder, ignore=left)
    for file, content in BEFORE.items():
        (folder / file).write_text(content, encoding="utf-8")
    return folder


def relations(made: Engine) -> set[str]:
    with made.connect() as connection:
        return {*connection.exec_driver_sql(RELATIONS).scalars()}


@pytest.fixture
def loaded(new_database: NewDatabase, tmp_path: Path) -> Iterator[tuple[Deployment, Shell]]:
    """Return a deployment without marts, and a shell on its warehouse."""
    url = new_database()
    variables = {
        "WAREHOUSE_URL": url,
        "DAGSTER_POSTGRES_URL": new_database(),
        "BACKLOG_ELT_HOME": str(tmp_path / "home"),
        "BACKLOG_HISTORY_START": "2026-01",
    }
    made = engine(url)
    with Simulator(SPEC) as sim, dg.DagsterInstance.ephemeral() as instance:
        shell = Shell(
            tmp_path, variables | {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}
        )
        yield Deployment(sim, url, made, instance, sim.api_key, quiet()), shell
    made.dispose()


@pytest.mark.timeout(600)
def test_relations_that_no_model_makes_any_more_go_and_those_of_others_stay(
    loaded: tuple[Deployment, Shell], version_before: Path
) -> None:
    deployment, shell = loaded
    before, now = Shell(version_before, shell.variables), Shell(PROJECT_ROOT, shell.variables)
    now.succeed("load")
    before.succeed("marts")
    retired = {"mart.retired", "mart.retired_view", "mart.retired_read", "mart.dim_retired"}
    assert retired <= relations(deployment.engine)
    somebody = f"somebody_{uuid.uuid4().hex[:12]}"
    deployment.change(
        f"CREATE ROLE {somebody}; CREATE TABLE mart.by_hand (); CREATE TABLE mart.of_somebody ();"
        f"ALTER TABLE mart.of_somebody OWNER TO {somebody};"
        "CREATE VIEW mart.custom_fields_mine AS SELECT issue_id FROM mart.issue_category"
    )
    deployment.change("CREATE VIEW public.mine AS SELECT issue_id FROM mart.retired_read")
    try:
        part = dg.AssetKey(["mart", "issue_category"])
        job = deployment.definitions.resolve_job_def("marts").get_subset(asset_selection={part})
        assert deployment.run_job(job).success
        assert retired <= relations(deployment.engine), "a build of some marts drops nothing"
        printed = now.succeed("marts").out.splitlines()
        left = relations(deployment.engine)
        assert retired & left == {"mart.retired_read", "mart.dim_retired"}
        others = {"mart.by_hand", "mart.of_somebody"}
        assert others <= left
        [named] = [line for line in printed if "no model makes it, and no build" in line]
        assert {*named.split(": ")[0].split(", ")} >= {*others, "mart.dim_retired"}
        [kept] = [line for line in printed if line.startswith("mart.retired_read: ")]
        assert "view mine depends on table mart.retired_read" in kept
        deployment.change("DROP VIEW public.mine")
        assert "mart.retired_read" not in now.succeed("marts").out
        assert relations(deployment.engine) == left - {"mart.retired_read"}
    finally:
        deployment.change(f"DROP OWNED BY {somebody}; DROP ROLE {somebody}")

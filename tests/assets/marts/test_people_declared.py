"""Columns that say who somebody is are declared, so that no new one is missed by masking, and are
not shown by Dagster.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from assets.marts.build import with_rows
from assets.marts.people import people_columns, project_tables
from resources.warehouse.raw.schema import SPECS
from tests.assets.marts.building import rows_of
from tests.deployment import Deployment

#: The columns of text of all tables and views that hold what was loaded; what people write is no
#: name of theirs.
COLUMNS = (
    "SELECT table_schema || '.' || table_name AS table, column_name AS column FROM "
    "information_schema.columns "
    "WHERE table_schema IN ('raw', 'staging', 'mart') AND data_type IN "
    "('text', 'character varying')"
)


@pytest.fixture(scope="module")
def holding_people(marts: Deployment) -> set[tuple[str, str]]:
    """Return table and column of all that holds a name, login or address of somebody."""
    people = (
        "SELECT unnest(ARRAY[name, user_id, mail_address, nulab_account_id]) FROM raw.users "
        "UNION SELECT name FROM ops.names WHERE kind = 'users'"
    )
    marts.change(f"CREATE TABLE IF NOT EXISTS public.texts_of_people AS {people}")
    found = set()
    for row in marts.query(COLUMNS):
        table, column = row["table"], row["column"]
        query = (
            f'SELECT EXISTS (SELECT FROM {table} WHERE "{column}" IN (SELECT * FROM '
            "public.texts_of_people)) AS held"
        )
        if marts.query(query)[0]["held"]:
            found.add((table, column))
    marts.change("DROP TABLE public.texts_of_people")
    return found


@pytest.mark.full
def test_every_column_that_says_who_somebody_is_is_declared(
    holding_people: set[tuple[str, str]],
) -> None:
    declared = {(one.table_name, one.column) for one in people_columns()}
    declared |= {
        (spec.table.fullname, column) for spec in SPECS.values() for column in spec.of_people
    }
    assert len(holding_people) > 20
    assert holding_people <= declared
    assert {table for table, _ in declared if not table.startswith("raw.")} <= project_tables()


@pytest.mark.full
def test_the_rows_that_a_test_of_dbt_objects_to_are_shown_without_people(
    marts: Deployment, tmp_path: Path
) -> None:
    node: dict[str, Any] = {
        "name": "late",
        "path": "late.sql",
        "depends_on": {"nodes": ["model.issue"]},
    }
    issue = {
        "columns": {"assignee": {"meta": {"person": "name"}}, "issue_key": {"meta": {}}},
        "depends_on": {"nodes": []},
    }
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled" / "late.sql").write_text("SELECT issue_key, assignee FROM mart.issue")
    failed = dg.AssetCheckResult(
        passed=False, check_name="late", metadata={"unique_id": "test.late"}
    )

    nodes = {"test.late": node, "model.issue": issue}
    dbt: Any = SimpleNamespace(manifest={"nodes": nodes}, target_path=tmp_path)
    shown = with_rows(failed, marts.engine, dbt)
    assert {*rows_of(shown)[0]} == {"issue_key"}
    node["column_name"] = "assignee"
    assert "rows" not in with_rows(failed, marts.engine, dbt).metadata

"""Keys of the marts: the database holds those of tables, a test of dbt looks for those of views."""

import json

import pytest

from assets.marts.manifest import manifest
from tests.assets.marts.building import checks_of, rows_of
from tests.deployment import Deployment


def test_the_database_holds_each_table_of_the_marts_to_its_key(
    marts: Deployment,
) -> None:
    nodes = json.loads(manifest().read_bytes())["nodes"].values()
    made = [
        node
        for node in nodes
        if node["schema"] == "mart" and node["resource_type"] in ("model", "snapshot")
    ]
    tables = {f"mart.{node['alias']}" for node in made if node["config"]["materialized"] != "view"}
    assert len(tables) > 40
    held = marts.query(
        "SELECT conrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'p'"
    )
    assert tables <= {row["name"] for row in held}


@pytest.mark.full
def test_a_build_finds_and_shows_two_rows_of_one_key_of_a_view(
    marts: Deployment,
) -> None:
    [view] = marts.query("SELECT pg_get_viewdef('mart.time_spine') AS made")
    made = str(view["made"]).rstrip(";")
    first = f"SELECT * FROM ({made}) AS all_days WHERE day = (SELECT min(day) FROM mart.calendar)"
    marts.change(f"CREATE OR REPLACE VIEW mart.time_spine AS ({made}) UNION ALL {first}")
    run = marts.run("marts")
    marts.change(f"CREATE OR REPLACE VIEW mart.time_spine AS {made}")
    check = checks_of(run)["is_key_time_spine_day"]
    assert not check.passed
    assert [row["rows"] for row in rows_of(check)] == ["2"]

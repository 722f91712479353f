"""Code locations of several spaces in one Dagster: what each of them shows, and that nothing is
mixed up.

A location reads its name when it is first imported, so each is looked at in a process of its own.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.full

_LOOK = """
import json
from assets.location import SETTINGS
from assets.partitions import PROJECTS
from pipelines.definitions import defs

repository = defs.get_repository_def()
graph = repository.asset_graph
print(json.dumps({
    "assets": sorted(key.to_user_string() for key in graph.materializable_asset_keys),
    "external": sorted(key.to_user_string() for key in graph.external_asset_keys),
    "checks": sorted({key.asset_key.to_user_string() for key in graph.asset_check_keys}),
    "kinds": sorted(
        job.tags["backlog_elt/kind"]
        for job in repository.get_all_jobs()
        if "backlog_elt/kind" in job.tags
    ),
    "partitions": PROJECTS.name,
    "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    "schedules": sorted(schedule.name for schedule in repository.schedule_defs),
}))
"""


def look(**variables: str) -> dict[str, Any]:
    """Return what the code location shows whose process has these variables."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOOK],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_of_two_spaces_no_asset_partition_or_kind_of_run_is_shared() -> None:
    acme, beta = (look(BACKLOG_DAGSTER_LOCATION=name) for name in ("acme", "beta"))
    assert acme["assets"]
    assert all(key.startswith("acme/raw/") for key in acme["assets"] + acme["checks"])
    assert [key.replace("acme/", "beta/") for key in acme["assets"]] == beta["assets"]
    assert acme["external"] == []
    assert acme["kinds"]
    assert all(kind.endswith("@acme") for kind in acme["kinds"])
    assert not {*acme["kinds"]} & {*beta["kinds"]}
    assert (acme["partitions"], beta["partitions"]) == (
        "backlog_projects@acme",
        "backlog_projects@beta",
    )
    assert "marts_after_loads" not in acme["sensors"]


def test_the_marts_of_all_spaces_are_a_location_that_hangs_on_each_of_them() -> None:
    marts, acme = look(BACKLOG_MARTS_OF="acme, beta"), look(BACKLOG_DAGSTER_LOCATION="acme")
    assert {key.split("/")[0] for key in marts["assets"]} == {"mart", "staging"}
    of_acme, of_beta = (
        {key for key in marts["external"] if key.startswith(f"{space}/raw/")}
        for space in ("acme", "beta")
    )
    assert of_acme <= {*acme["assets"]}
    assert {key.replace("acme/", "beta/") for key in of_acme} == of_beta != set()
    assert (marts["sensors"], marts["schedules"], marts["kinds"]) == (
        ["alerts", "marts_after_loads"],
        [],
        ["marts"],
    )

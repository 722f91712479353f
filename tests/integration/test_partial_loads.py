"""Loads that do a part of the work: some projects or months first, or nothing at all because
something is wrong.
"""

import json
from pathlib import Path

import pytest

from simulator import Simulator, SpaceSpec
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

SPEC = SpaceSpec(seed=3, users=4, projects=3, issues=40, history_days=240)


@pytest.fixture
def variables(new_database: NewDatabase) -> dict[str, str]:
    """Return the variables of two fresh databases."""
    return {
        "WAREHOUSE_URL": new_database(),
        "DAGSTER_POSTGRES_URL": new_database(),
        "BACKLOG_HISTORY_START": "2026-01",
    }


def test_a_part_may_be_loaded_first_and_the_rest_later(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    with Simulator(SPEC) as sim:
        own = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "BACKLOG_ELT_HOME": str(tmp_path / "home"),
        }
        shell = Shell(tmp_path, variables | own)
        read = []
        for words in (["--project", "OPS"], ["--from", "2026-05", "--to", "2026-05"], []):
            done = shell.run("load", "--json", *words)
            found = json.loads(done.out)
            assert (done.code, found["status"], found["errors"]) == (0, "completed", []), done.err
            read.append(found["tables"]["issues"]["inserted"])
        assert read[0] == len(sim.space.project("OPS").issues)
        assert sum(read) == 40


def test_a_load_that_cannot_start_prints_its_object_too(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    with Simulator(SPEC) as sim:
        own = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": "wrong-key-of-somebody",
            "BACKLOG_ELT_HOME": str(tmp_path / "home"),
        }
        done = Shell(tmp_path, variables | own).run("load", "--json")
    found = json.loads(done.out)
    assert (done.code, found["status"], found["tables"], found["requests"]) == (1, "failed", {}, {})
    assert "check BACKLOG_API_KEY" in found["errors"][0]
    assert done.err == f"Error: {found['errors'][0]}\n"

"""`backlog-elt load` and `marts` as processes where nothing is set, and where nothing is loaded."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from resources.warehouse.server import embedded
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

pytestmark = pytest.mark.long


def test_marts_of_nothing_and_of_a_location_without_marts_are_not_built(
    shell: Shell, new_database: NewDatabase
) -> None:
    done = shell.run(
        "marts", "--json", WAREHOUSE_URL=new_database(), DAGSTER_POSTGRES_URL=new_database()
    )
    said = "There is nothing to build marts from: load a space first (backlog-elt load)."
    assert (done.code, done.lines, json.loads(done.out)["errors"]) == (
        1,
        [f"Error: {said}"],
        [said],
    )
    done = shell.run("marts", BACKLOG_DAGSTER_LOCATION="acme")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "Error: BACKLOG_DAGSTER_LOCATION is 'acme': expected unset, or the command"
    )


def test_with_nothing_set_a_load_brings_its_own_space_and_its_own_postgresql() -> None:
    folder = Path(
        tempfile.mkdtemp(prefix="backlog-elt-test-")
    )  # not one of pytest's: they are for one user only
    shell = Shell(folder, {"BACKLOG_HISTORY_START": "2026-01"})
    try:
        first, second, asked = (
            shell.run(*words, "--json") for words in (["load"], ["load"], ["status"])
        )
    finally:
        embedded.stop(folder / ".backlog-elt")
        shutil.rmtree(folder)
    assert (first.code, second.code, asked.code) == (0, 0, 0), first.err + second.err + asked.err
    assert json.loads(first.out)["tables"]["issues"]["inserted"] == 2_000
    for rows in json.loads(second.out)["tables"].values():
        assert (rows["inserted"], rows["updated"], rows["deleted"]) == (0, 0, 0)
    status = json.loads(asked.out)
    assert (status["simulated"], status["warehouse"]["embedded"], status["connected"]) == (
        True,
        True,
        True,
    )
    assert status["warehouse"]["url"].startswith("postgresql://postgres@/warehouse?")

"""The command `report` where it cannot do its work: one line that says what to do, and no
half-written file.
"""

from pathlib import Path

import pytest
from sqlalchemy import text

from pipelines.cli.report_command import write_report
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.connect import engine
from tests.assets.marts.test_report import unpacked
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

COLUMNS = """
    'acme' AS space_key, 1::bigint AS project_id,
    'OPS' AS project_key, '運用' AS project_name, false AS is_archived, false AS is_deleted,
    1 AS issues, 1 AS waiting, 0 AS active, 0 AS review, 0 AS done,
    0.0 AS estimated_hours, 0.0 AS actual_hours,
    null::float8 AS lead_seconds_median, null::float8 AS lead_seconds_p85,
    null::float8 AS cycle_seconds_median, null::float8 AS cycle_seconds_p85"""


@pytest.fixture(scope="module")
def database(new_database: NewDatabase) -> str:
    """Return the URL of a warehouse with one mart only, as it is while marts are built for the
    first time.
    """
    url = new_database()
    made = engine(url)
    with made.begin() as connection:
        connection.execute(text("CREATE SCHEMA mart"))
        connection.execute(text(f"CREATE TABLE mart.project_summary AS SELECT {COLUMNS}"))
    made.dispose()
    return url


def test_without_marts_it_says_what_to_do(
    shell: Shell, tmp_path: Path, new_database: NewDatabase
) -> None:
    done = shell.run("report", WAREHOUSE_URL=new_database())
    assert done.code == 1
    assert done.lines == [
        (
            "Error: There are no marts to report on: build them "
            "(backlog-elt marts; automatic under `up`)."
        )
    ]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_project_is_answered_with_the_known_ones(
    shell: Shell, tmp_path: Path, database: str
) -> None:
    done = shell.run("report", "--project", "NOPE", WAREHOUSE_URL=database)
    assert (done.code, done.out) == (2, "")
    expected = (
        "--project is 'NOPE': expected the key of a project in the marts (OPS); see "
        "backlog-elt report --help"
    )
    assert done.lines == [f"Error: {expected}"]
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_stays_as_it_was(tmp_path: Path, database: str) -> None:
    settings = Settings.from_env({"WAREHOUSE_URL": database})
    file = tmp_path / "page.html"
    file.write_text("older")
    with pytest.raises(SettingsError, match="--project"):
        write_report(settings, "NOPE", file)
    assert file.read_text() == "older"
    assert write_report(settings, "OPS", file) == file
    data = unpacked(file.read_text())
    assert "issue" in data["missing"], "the page names the marts that are not there"
    assert (data["tables"]["issues"]["n"], data["sync"]) == ([], None)
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (folder, tmp_path / "nowhere" / "page.html"):
        with pytest.raises(
            SettingsError, match=r"--out is .*: expected a file that can be written"
        ):
            write_report(settings, "OPS", place)
    assert sorted(tmp_path.iterdir()) == [folder, file]

"""The data dictionary is made from the schema and kept in step with it."""

from pathlib import Path

import pytest

from resources.warehouse.document import main, render
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops import OPS_TABLES


def test_the_page_in_the_repository_is_what_the_schema_says() -> None:
    assert main(["--check"]) == 0


def test_every_table_and_column_is_on_the_page() -> None:
    page = render()
    for table in [*(spec.table for spec in SPECS.values()), *OPS_TABLES]:
        section = page.split(f"### {table.fullname}\n")[1].split("\n### ")[0]
        assert all(f"| `{column.name}` |" in section for column in table.columns)


def test_a_stale_page_fails_the_check_until_it_is_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "tables.md"
    assert main(["--check"], page) == 1
    page.write_text("by hand\n", encoding="utf-8")
    assert main(["--check"], page) == 1
    assert (
        "tables.md is stale: run python -m resources.warehouse.document" in capsys.readouterr().err
    )
    assert main([], page) == 0
    assert main(["--check"], page) == 0

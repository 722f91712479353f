"""The data dictionary is made from the schema and kept in step with it."""

from pathlib import Path

import pytest

from resources.warehouse.document import main


def test_the_page_in_the_repository_is_what_the_schema_says() -> None:
    assert main(["--check"]) == 0


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

"""The data dictionary is made from the schema and kept in step with it."""

from pathlib import Path

from resources.warehouse.document import main


def test_the_page_of_the_repository_is_current_and_a_stale_one_is_found(tmp_path: Path) -> None:
    page = tmp_path / "tables.md"
    page.write_text("by hand\n", encoding="utf-8")
    codes = [main(["--check"]), main(["--check"], page), main([], page), main(["--check"], page)]
    assert codes == [0, 1, 0, 0]

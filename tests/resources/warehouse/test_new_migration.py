"""The command that makes the migration of a declared table."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.server import new_migration
from resources.warehouse.server.migrations import HEAD

NEXT = f"{int(HEAD[1:]) + 1:04}"


def test_the_migration_of_a_table_makes_it_as_it_is_declared(
    warehouse: Engine, tmp_path: Path
) -> None:
    assert new_migration.main(["categories", "licence"], tmp_path) == 0
    module = tmp_path / f"{NEXT}_categories_and_licence.py"
    assert f'down_revision = "{HEAD}"' in module.read_text()
    statements = module.with_suffix(".sql").read_text()
    columns = text(
        "SELECT table_name, column_name, data_type, is_nullable, col_description(format('raw.%I', "
        "table_name)::regclass, ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'raw' ORDER BY 1, ordinal_position"
    )
    with warehouse.begin() as conn:
        before = conn.execute(columns).all()
        conn.execute(text("DROP TABLE raw.categories, raw.licence"))
        conn.exec_driver_sql(statements.replace("%", "%%"))
        assert conn.execute(columns).all() == before


@pytest.mark.parametrize("names", [[], ["nowhere"], ["categories", "nowhere"]])
def test_a_table_that_is_not_declared_gets_no_migration(names: list[str], tmp_path: Path) -> None:
    assert new_migration.main(names, tmp_path) == 2
    assert list(tmp_path.iterdir()) == []

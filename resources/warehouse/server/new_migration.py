"""Creates the migration of new tables: `python -m resources.warehouse.server.new_migration NAME …`
writes the next version to `migrations/versions/`. It is generated once and then kept.
"""

import sys
from pathlib import Path

from sqlalchemy import Table, make_url
from sqlalchemy.schema import (
    CreateIndex,
    CreateTable,
    DDLElement,
    SetColumnComment,
    SetTableComment,
)

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server.migrations import HEAD
from resources.warehouse.state.schema_ops import OPS_TABLES

VERSIONS = Path(__file__).parent / "migrations" / "versions"
#: Every table that a migration makes, by its name.
_TABLES = {table.name: table for table in (*OPS_TABLES, *(spec.table for spec in SPECS.values()))}
_DIALECT = make_url("postgresql+psycopg2://").get_dialect()()

_MODULE = '''"""Make {tables}.

The SQL next to this file is frozen: it was rendered from the metadata of its day and does not
change with it.
"""

from pathlib import Path

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(
        Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%")
    )
'''


def sql_of(table: Table) -> str:
    """Return the statements that create a table with its indexes and comments."""
    elements: tuple[DDLElement, ...] = (
        CreateTable(table),
        *(CreateIndex(index) for index in sorted(table.indexes, key=lambda one: str(one.name))),
        SetTableComment(table),
        *(SetColumnComment(column) for column in table.columns),
    )
    statements = (str(element.compile(dialect=_DIALECT)) for element in elements)
    lines = "\n".join(f"{statement.strip()};" for statement in statements).splitlines()
    return "\n".join(line.rstrip().replace("\t", "    ") for line in lines) + "\n"


def main(names: list[str], versions: Path = VERSIONS) -> int:
    """Write the migration that creates some tables; return 2 when one is not declared."""
    unknown = [name for name in names if name not in _TABLES]
    if unknown or not names:
        sys.stderr.write(f"name tables that resources/warehouse declares, not {unknown}\n")
        return 2
    number = int(HEAD.removeprefix("v")) + 1
    module = versions / f"{number:04}_{'_and_'.join(names)}.py"
    tables = " and ".join(_TABLES[name].fullname for name in names)
    module.write_text(
        _MODULE.format(tables=tables, revision=f"v{number}", before=HEAD), encoding="utf-8"
    )
    statements = "\n".join(sql_of(_TABLES[name]) for name in names)
    module.with_suffix(".sql").write_text(statements, encoding="utf-8")
    sys.stdout.write(f"{module.name} and its .sql\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

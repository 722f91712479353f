"""Keep locks in a table that only the loader may write: advisory locks are anybody's to take.

The SQL beside this file is frozen: it was rendered from the metadata of its day and does not change with it.
"""

from pathlib import Path

from alembic import op

from resources.warehouse.errors import WarehouseError

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """Refuse: an older version does not see the table."""
    raise WarehouseError("The table of locks is not dropped: leave it, an older version does not see it.")

"""Describe the raw tables and their columns in English and Japanese.

The SQL next to this file is frozen: it was rendered from the metadata of its day and does not
change with it.
"""

from pathlib import Path

from alembic import op

from resources.warehouse.warehouse_errors import WarehouseError

revision = "v5"
down_revision = "v4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(
        Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%")
    )


def downgrade() -> None:
    """Refuse: a warehouse goes back by its backup."""
    raise WarehouseError("Restore the backup of before the upgrade.")

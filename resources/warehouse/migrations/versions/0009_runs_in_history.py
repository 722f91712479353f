"""Runs that end without a sync are in the history, and statistics have one definition.

The SQL beside this file is frozen: it was rendered from the metadata of its day and does not change with it.
"""

from pathlib import Path

from alembic import op

from resources.warehouse.errors import WarehouseError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """Refuse: an older version of the program does not mind the column."""
    raise WarehouseError("The projects of syncs are not dropped: leave them, an older version does not see them.")

"""Make the table of the conditions of the source.

The SQL beside this file is frozen: it was rendered from the metadata of its day and does not change with it.
"""

from pathlib import Path

from alembic import op

from resources.warehouse.errors import WarehouseError

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """Refuse: going back would drop what was replicated."""
    raise WarehouseError("Going back would drop what was replicated: restore a backup instead.")

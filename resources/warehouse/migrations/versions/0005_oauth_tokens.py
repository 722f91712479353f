"""Make the table of OAuth tokens.

The SQL beside this file is frozen: it was rendered from the metadata of its day and does not change with it.
"""

from pathlib import Path

from alembic import op

from resources.warehouse.errors import WarehouseError

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """Refuse: going back would log everybody out."""
    raise WarehouseError("The table of tokens is not dropped: run backlog-elt logout to forget them.")

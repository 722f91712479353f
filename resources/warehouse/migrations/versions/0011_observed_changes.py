"""Note what loads see change in issues, so that what no change log tells has a date that stays.

The SQL beside this file is frozen: it was rendered from the metadata of its day and does not change with it.
"""

from pathlib import Path

from alembic import op

from resources.warehouse.errors import WarehouseError

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """Refuse: the dates cannot be found again."""
    raise WarehouseError("What loads have seen change is not dropped: leave the table, an older version does not see it.")

"""Make ops.row_counts.

The SQL next to this file is frozen: it was rendered from the metadata of its day and does not
change with it.
"""

from pathlib import Path

from alembic import op

revision = "v7"
down_revision = "v6"


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(
        Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%")
    )

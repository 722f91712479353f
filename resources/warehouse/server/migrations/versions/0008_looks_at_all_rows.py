"""Note when a check has last looked at all rows."""

from alembic import op

revision = "v8"
down_revision = "v7"

_COMMENT = "The same when all rows were last looked at: after a day they are looked at again"


def upgrade() -> None:
    """Add the column; without a value all rows are looked at."""
    op.execute("ALTER TABLE ops.check_marks ADD COLUMN all_until timestamptz")
    op.execute(f"COMMENT ON COLUMN ops.check_marks.all_until IS '{_COMMENT}'")

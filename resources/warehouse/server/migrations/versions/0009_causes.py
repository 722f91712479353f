"""Note the code of the cause of each failure beside its line."""

from alembic import op

revision = "v9"
down_revision = "v8"

_COLUMNS = {
    ("sync_history", "cause"): "Code of the cause of error; null for a row of before codes",
    ("sync_state", "last_cause"): "Code of the cause of last_error",
    ("source_conditions", "cause"): "Code of the cause of message",
}


def upgrade() -> None:
    """Add the columns; what was recorded before has no code."""
    for (table, column), comment in _COLUMNS.items():
        op.execute(f"ALTER TABLE ops.{table} ADD COLUMN {column} text")
        op.execute(f"COMMENT ON COLUMN ops.{table}.{column} IS '{comment}'")

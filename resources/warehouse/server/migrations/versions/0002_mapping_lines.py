"""Make the table of the mappings that people edit."""

from alembic import op

revision = "v2"
down_revision = "v1"

_MAKE = """
CREATE TABLE ops.mapping_lines (
    file text NOT NULL,
    line bigint NOT NULL,
    cells jsonb,
    problem text,
    PRIMARY KEY (file, line)
)
"""
_COMMENTS = {
    "TABLE ops.mapping_lines": "Lines of the mappings that people edit, as the last build of marts "
    "has read them",
    "COLUMN ops.mapping_lines.file": "Name of the file",
    "COLUMN ops.mapping_lines.line": "Number of the line; 0: the file as a whole",
    "COLUMN ops.mapping_lines.cells": "Its cells by column; null: it does not count",
    "COLUMN ops.mapping_lines.problem": "Why it does not count; null: it does",
}


def upgrade() -> None:
    """Make the table; each build of marts fills it."""
    op.execute(_MAKE)
    for what, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS '{comment}'")

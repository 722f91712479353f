"""Make the table of how far checks have looked, and the indexes by which loads look and count."""

from alembic import op

revision = "v3"
down_revision = "v2"

_MAKE = """
CREATE TABLE ops.check_marks (
    space_key text NOT NULL,
    table_name text NOT NULL,
    check_name text NOT NULL,
    right_until timestamptz NOT NULL,
    PRIMARY KEY (space_key, table_name, check_name)
)
"""
_BY_KEY = (
    "CREATE INDEX issues_space_key_issue_key_idx ON raw.issues (space_key, issue_key) "
    "INCLUDE (id, project_id, deleted_at)"
)
_DELETED = (
    "CREATE INDEX {table}_deleted_idx ON raw.{table} (space_key, project_id) "
    "WHERE deleted_at IS NOT NULL"
)
_COMMENTS = {
    "TABLE ops.check_marks": "Which rows of the large tables each check has found right: a load "
    "looks only at those written since",
    "COLUMN ops.check_marks.space_key": "Space it belongs to",
    "COLUMN ops.check_marks.table_name": "Raw table",
    "COLUMN ops.check_marks.check_name": "Check of the table",
    "COLUMN ops.check_marks.right_until": "Rows written before it were looked at, and the check "
    "held",
}


def upgrade() -> None:
    """Make them; the next load looks at all rows."""
    op.execute(_MAKE)
    op.execute(_BY_KEY)
    for table in ("issues", "comments", "issue_changes"):
        op.execute(_DELETED.format(table=table))
    for what, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS '{comment}'")

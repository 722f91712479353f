"""Make the tables that tell where a space is found and up to which rows the marts are built.

The SQL beside this file is frozen: it was rendered from the metadata of its day and does not change with it.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the frozen SQL, statement by statement as one script."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    """Drop them: the next load and the next build make them anew."""
    op.get_bind().exec_driver_sql(
        "DROP TABLE ops.spaces, ops.mart_builds; "
        "DROP INDEX raw.issues_space_key_project_id_loaded_at_idx, raw.comments_space_key_project_id_loaded_at_idx, "
        "raw.issue_changes_space_key_project_id_loaded_at_idx, raw.activities_space_key_project_id_loaded_at_idx"
    )

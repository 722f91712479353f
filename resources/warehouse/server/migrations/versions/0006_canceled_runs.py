"""Count what a person has canceled as neither completed nor failed."""

from alembic import op

revision = "v6"
down_revision = "v5"

_CHANGE = """
CREATE OR REPLACE VIEW ops.sync_outcomes AS
SELECT
    id, space_key, sync_type, mode, project_key, projects, run_id,
    CASE WHEN canceled THEN 'canceled' ELSE status END AS status,
    started_at, ended_at, items_synced, items_failed, requests, error,
    mode <> 'run' AS is_sync,
    CASE WHEN status = 'failed' AND NOT canceled THEN run_id END AS failed_run,
    CASE WHEN status <> 'completed' THEN run_id END AS other_run,
    CASE WHEN status = 'completed' AND mode <> 'run' THEN ended_at END AS succeeded_at,
    CASE WHEN mode <> 'run' THEN extract(epoch FROM ended_at - started_at)::float8 END AS seconds
FROM (
    SELECT *, coalesce(status = 'failed' AND starts_with(error, 'the run was canceled'), false)
        AS canceled
    FROM ops.sync_history
) AS h
"""
_COMMENT = (
    "The one definition of run, sync, success and last success, for all statistics: a run is one "
    "run_id, it has failed when one of its rows has, and has completed when none of them has "
    "another status; what a person has canceled is neither; a sync is a row that is not of mode "
    "run; a success is a sync that completed, and the last one is the newest succeeded_at"
)


def upgrade() -> None:
    """Change the view."""
    op.execute(_CHANGE)
    op.execute(f"COMMENT ON VIEW ops.sync_outcomes IS '{_COMMENT}'")

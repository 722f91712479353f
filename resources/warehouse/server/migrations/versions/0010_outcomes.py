"""Derive that a load was interrupted: it is in progress, and its process is gone."""

from alembic import op

revision = "v10"
down_revision = "v9"

#: A load holds its lock as long as its process lives. A row of a canceled run is known by its
#: words; `run` is the mode of rows that copy the end of a run.
_CHANGE = """
CREATE OR REPLACE VIEW ops.sync_outcomes AS
SELECT
    id, space_key, sync_type, mode, project_key, projects, run_id, status,
    started_at, ended_at, items_synced, items_failed, requests, error,
    is_sync,
    CASE WHEN status = 'failed' THEN run_id END AS failed_run,
    CASE WHEN status <> 'completed' THEN run_id END AS other_run,
    CASE WHEN status = 'completed' AND is_sync THEN ended_at END AS succeeded_at,
    CASE WHEN is_sync AND NOT is_gone THEN extract(epoch FROM ended_at - started_at)::float8 END
        AS seconds,
    cause, waiting_for, waiting_until, progress_done, progress_total
FROM (
    SELECT
        id, space_key, sync_type, mode, project_key, projects, run_id, started_at,
        items_synced, items_failed, requests, is_gone,
        mode <> 'run' AS is_sync,
        CASE WHEN is_gone OR (status = 'failed' AND cause = 'interrupted' AND mode <> 'run')
                THEN 'interrupted'
            WHEN status = 'failed' AND starts_with(error, 'the run was canceled') THEN 'canceled'
            ELSE status END AS status,
        CASE WHEN is_gone THEN coalesce(noted_at, started_at) ELSE ended_at END AS ended_at,
        CASE WHEN is_gone THEN 'the process of the run was killed' ELSE error END AS error,
        CASE WHEN is_gone THEN 'interrupted' ELSE cause END AS cause,
        CASE WHEN NOT is_gone THEN waiting_for END AS waiting_for,
        CASE WHEN NOT is_gone THEN waiting_until END AS waiting_until,
        CASE WHEN NOT is_gone THEN progress_done END AS progress_done,
        CASE WHEN NOT is_gone THEN progress_total END AS progress_total
    FROM (
        SELECT *, status = 'in_progress' AND NOT EXISTS (
                SELECT FROM ops.locks AS l
                JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.usesysid = l.role_id
                    AND a.application_name
                        = 'backlog-elt locks ' || extract(epoch FROM l.session_began_at)
                WHERE l.space_key = h.space_key
                    AND l.name = 'load/' || h.run_id || '/' || h.sync_type
            ) AS is_gone
        FROM ops.sync_history AS h
    ) AS seen
) AS told
"""
_COMMENTS = {
    "COLUMN ops.sync_history.noted_at": "When its load last noted a wait or how far it is",
    "TABLE ops.sync_history": "Every sync: what, when, how it ended, what it cost; and every run "
    "that ended without one; a sync that was killed stays "
    "in_progress, and ops.sync_outcomes says so",
    "VIEW ops.sync_outcomes": "The one definition of sync, success, last success and how a sync "
    "stands, for all statistics: a row of a load whose process is gone, or that a signal has "
    "ended, is interrupted; a success is a sync that completed, and the last one is the newest "
    "succeeded_at; a row of mode run is no sync",
    "COLUMN ops.sync_outcomes.is_sync": "Whether the row is a sync of the source",
    "COLUMN ops.sync_outcomes.seconds": "How long the sync took; null for every other row, and for "
    "a sync that was killed",
    "COLUMN ops.sync_outcomes.status": "in_progress, completed, interrupted, failed or canceled",
}


def upgrade() -> None:
    """Add the column and change the view."""
    op.execute("ALTER TABLE ops.sync_history ADD COLUMN noted_at timestamptz")
    op.execute(_CHANGE)
    for what, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS '{comment}'")

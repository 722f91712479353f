"""A build of the marts has a row of its own in the history; pages of it go by time."""

from alembic import op

revision = "v11"
down_revision = "v10"

#: `build` is the mode of the row of a build. Rows of mode `run` are of earlier versions, which
#: copied the ends of runs.
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
        mode NOT IN ('run', 'build') AS is_sync,
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
    "TABLE ops.sync_history": "Every sync and every build of the marts: what, when, how it ended, "
    "what it cost; one that was killed stays in_progress, and ops.sync_outcomes says so; a row of "
    "mode run is of an earlier version",
    "VIEW ops.sync_outcomes": "The one definition of sync, success, last success and how a sync "
    "stands, for all statistics: a row of a load whose process is gone, or that a signal has "
    "ended, is interrupted; a success is a sync that completed, and the last one is the newest "
    "succeeded_at; a row of mode build or run is no sync",
}


def upgrade() -> None:
    """Change the view and add the index."""
    op.execute(_CHANGE)
    op.create_index(
        "sync_history_space_key_started_at_idx",
        "sync_history",
        ["space_key", "started_at"],
        schema="ops",
    )
    for what, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS '{comment}'")

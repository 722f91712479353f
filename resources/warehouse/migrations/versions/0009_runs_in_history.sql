ALTER TABLE ops.sync_history ADD COLUMN projects TEXT[];
UPDATE ops.sync_history SET projects = ARRAY[project_key] WHERE project_key IS NOT NULL;
CREATE INDEX sync_history_run_id_idx ON ops.sync_history (run_id);
CREATE UNIQUE INDEX sync_history_run_key ON ops.sync_history (run_id) WHERE mode = 'run';
COMMENT ON TABLE ops.sync_history IS 'Every sync: what, when, how it ended, what it cost; and every run that ended without one';
COMMENT ON COLUMN ops.sync_history.space_key IS 'Space it belongs to; its address while no load has told its key';
COMMENT ON COLUMN ops.sync_history.sync_type IS 'What was synced, as `issues` or `users`; of a run that is no sync its kind, as `marts`';
COMMENT ON COLUMN ops.sync_history.mode IS 'How it was read, as `backfill` or `incremental`; `run`: no sync, but how a run ended';
COMMENT ON COLUMN ops.sync_history.project_key IS 'Project, null when the sync covers several or the space';
COMMENT ON COLUMN ops.sync_history.projects IS 'Projects that the sync covers, null when it covers the whole space';
CREATE VIEW ops.sync_outcomes AS
SELECT
    id, space_key, sync_type, mode, project_key, projects, run_id, status, started_at, ended_at, items_synced, items_failed, requests, error,
    mode <> 'run' AS is_sync,
    CASE WHEN status = 'failed' THEN run_id END AS failed_run,
    CASE WHEN status <> 'completed' THEN run_id END AS other_run,
    CASE WHEN status = 'completed' AND mode <> 'run' THEN ended_at END AS succeeded_at,
    CASE WHEN mode <> 'run' THEN extract(epoch FROM ended_at - started_at)::float8 END AS seconds
FROM ops.sync_history;
COMMENT ON VIEW ops.sync_outcomes IS 'The one definition of run, sync, success and last success, for all statistics: a run is one run_id, it has failed when one of its rows has, and has completed when none of them has another status; a sync is a row that is not of mode run; a success is a sync that completed, and the last one is the newest succeeded_at';
COMMENT ON COLUMN ops.sync_outcomes.is_sync IS 'Whether the row is a sync of the source; otherwise it says how a run ended that is none';
COMMENT ON COLUMN ops.sync_outcomes.failed_run IS 'The run, where this row makes it a failed one';
COMMENT ON COLUMN ops.sync_outcomes.other_run IS 'The run, where this row keeps it from being a completed one';
COMMENT ON COLUMN ops.sync_outcomes.succeeded_at IS 'When the sync ended well; null for every other row';
COMMENT ON COLUMN ops.sync_outcomes.seconds IS 'How long the sync took; null for every other row';

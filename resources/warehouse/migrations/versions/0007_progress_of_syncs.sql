ALTER TABLE ops.sync_history ADD COLUMN progress_done BIGINT;
ALTER TABLE ops.sync_history ADD COLUMN progress_total BIGINT;
COMMENT ON COLUMN ops.sync_history.progress_done IS 'How far its load is while it works: rows, or issues whose comments are read';
COMMENT ON COLUMN ops.sync_history.progress_total IS 'How many there will be of these, where that is known';

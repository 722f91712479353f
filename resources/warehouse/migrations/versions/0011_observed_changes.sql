-- What loads have seen change between two versions of an issue, and an index for what dates it.

CREATE TABLE ops.observed_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    space_key TEXT NOT NULL,
    issue_id BIGINT NOT NULL,
    field TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    updated_before TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    evidence TEXT NOT NULL,
    run_id TEXT NOT NULL,
    CONSTRAINT observed_changes_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE ops.observed_changes IS 'What loads have seen change between two versions of an issue; dates what no change log tells, once and for all';
COMMENT ON COLUMN ops.observed_changes.id IS 'Number of the entry';
COMMENT ON COLUMN ops.observed_changes.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.observed_changes.issue_id IS 'Issue';
COMMENT ON COLUMN ops.observed_changes.field IS 'Field as in raw.issue_changes; updated_at: the first version seen was replaced';
COMMENT ON COLUMN ops.observed_changes.old_value IS 'Value of the version that was stored: id, list of ids, day, number or instant';
COMMENT ON COLUMN ops.observed_changes.new_value IS 'Value of the version that was written over it';
COMMENT ON COLUMN ops.observed_changes.updated_before IS 'updated_at of the version that was stored';
COMMENT ON COLUMN ops.observed_changes.updated_at IS 'updated_at of the version that was written over it';
COMMENT ON COLUMN ops.observed_changes.changed_at IS 'When it was changed, as far as the evidence tells';
COMMENT ON COLUMN ops.observed_changes.evidence IS 'What dates it: an activity, a deletion that was found, or the sync that saw it';
COMMENT ON COLUMN ops.observed_changes.run_id IS 'Run that wrote the version';

CREATE INDEX observed_changes_space_key_issue_id_idx ON ops.observed_changes (space_key, issue_id);
CREATE INDEX activities_deleted_statuses_idx ON raw.activities (space_key, project_id, created_at) WHERE type = 34;

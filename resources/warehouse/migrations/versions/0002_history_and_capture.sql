CREATE TABLE raw.comments (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    issue_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    content TEXT,
    created_user_id BIGINT,
    created_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT comments_pkey PRIMARY KEY (space_key, id)
);
CREATE INDEX comments_space_key_issue_id_idx ON raw.comments (space_key, issue_id);
CREATE INDEX comments_space_key_project_id_created_at_idx ON raw.comments (space_key, project_id, created_at);
COMMENT ON TABLE raw.comments IS 'Rows of the history of issues: what was said, what was changed, or both';
COMMENT ON COLUMN raw.comments.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.comments.id IS 'Id in the source, unique within the space; a later one is higher (`id`)';
COMMENT ON COLUMN raw.comments.issue_id IS 'Issue it stands at (`issueId`)';
COMMENT ON COLUMN raw.comments.project_id IS 'Project of the issue (`projectId`)';
COMMENT ON COLUMN raw.comments.content IS 'What was said; empty where there are only changes (`content`)';
COMMENT ON COLUMN raw.comments.created_user_id IS 'User who wrote it or made the changes (`createdUser.id`)';
COMMENT ON COLUMN raw.comments.created_at IS 'When it was written (`created`)';
COMMENT ON COLUMN raw.comments.updated_at IS 'When its text was last changed (`updated`)';
COMMENT ON COLUMN raw.comments.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.comments.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.comments.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.comments.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.comments.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.comments.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.activities (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_id BIGINT,
    type BIGINT,
    content_id BIGINT,
    comment_id BIGINT,
    created_user_id BIGINT,
    created_at TIMESTAMP WITH TIME ZONE,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    CONSTRAINT activities_pkey PRIMARY KEY (space_key, id)
);
CREATE INDEX activities_space_key_comment_id_idx ON raw.activities (space_key, comment_id);
CREATE INDEX activities_space_key_content_id_idx ON raw.activities (space_key, content_id);
CREATE INDEX activities_space_key_project_id_created_at_idx ON raw.activities (space_key, project_id, created_at);
COMMENT ON TABLE raw.activities IS 'The feed of the space: each event that a project showed, as it was told then';
COMMENT ON COLUMN raw.activities.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.activities.id IS 'Id in the source, unique within the space; a later one is higher (`id`)';
COMMENT ON COLUMN raw.activities.project_id IS 'Project it happened in (`project.id`)';
COMMENT ON COLUMN raw.activities.type IS 'Kind of event, as 1 issue created, 2 updated, 3 commented, 4 deleted, 14 bulk update (`type`)';
COMMENT ON COLUMN raw.activities.content_id IS 'Issue, wiki page … it is about; null without a numeric id (`content.id`)';
COMMENT ON COLUMN raw.activities.comment_id IS 'Comment it tells of, where it tells of one (`content.comment.id`)';
COMMENT ON COLUMN raw.activities.created_user_id IS 'User who did it (`createdUser.id`)';
COMMENT ON COLUMN raw.activities.created_at IS 'When it happened (`created`)';
COMMENT ON COLUMN raw.activities.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.activities.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.activities.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.activities.run_id IS 'Run that wrote the row last';

CREATE TABLE raw.issue_changes (
    space_key TEXT NOT NULL,
    comment_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    issue_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    created_user_id BIGINT,
    field TEXT,
    source_field TEXT,
    kind TEXT,
    old_value TEXT,
    new_value TEXT,
    old_id BIGINT,
    new_id BIGINT,
    old_ids BIGINT[],
    new_ids BIGINT[],
    custom_field_id BIGINT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT issue_changes_pkey PRIMARY KEY (space_key, comment_id, position)
);
CREATE INDEX issue_changes_space_key_issue_id_created_at_idx ON raw.issue_changes (space_key, issue_id, created_at);
CREATE INDEX issue_changes_space_key_project_id_created_at_idx ON raw.issue_changes (space_key, project_id, created_at);
COMMENT ON TABLE raw.issue_changes IS 'Changes of single fields of issues, one row each, made from the change log of comments';
COMMENT ON COLUMN raw.issue_changes.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.issue_changes.comment_id IS 'Comment whose change log tells of it (`commentId`)';
COMMENT ON COLUMN raw.issue_changes.position IS 'Place in that change log, from 0 (`position`)';
COMMENT ON COLUMN raw.issue_changes.issue_id IS 'Issue that was changed (`issueId`)';
COMMENT ON COLUMN raw.issue_changes.project_id IS 'Project of the issue (`projectId`)';
COMMENT ON COLUMN raw.issue_changes.created_at IS 'When it was changed (`created`)';
COMMENT ON COLUMN raw.issue_changes.created_user_id IS 'User who changed it (`createdUser.id`)';
COMMENT ON COLUMN raw.issue_changes.field IS 'Field in standard English, as due_date; custom_field_<id> of a custom field (`field`)';
COMMENT ON COLUMN raw.issue_changes.source_field IS 'Field as the source calls it, as limitDate (`sourceField`)';
COMMENT ON COLUMN raw.issue_changes.kind IS 'standard, custom, attachment, notification, commit or other (`kind`)';
COMMENT ON COLUMN raw.issue_changes.old_value IS 'Value before as it was shown, null when none (`oldValue`)';
COMMENT ON COLUMN raw.issue_changes.new_value IS 'Value after as it was shown, null when none (`newValue`)';
COMMENT ON COLUMN raw.issue_changes.old_id IS 'Id behind the value before; null when there is not exactly one that is known (`oldId`)';
COMMENT ON COLUMN raw.issue_changes.new_id IS 'Id behind the value after; null when there is not exactly one that is known (`newId`)';
COMMENT ON COLUMN raw.issue_changes.old_ids IS 'Ids behind the list before; null when not all are known (`oldIds[]`)';
COMMENT ON COLUMN raw.issue_changes.new_ids IS 'Ids behind the list after; null when not all are known (`newIds[]`)';
COMMENT ON COLUMN raw.issue_changes.custom_field_id IS 'Custom field, also one that no longer exists (`customFieldId`)';
COMMENT ON COLUMN raw.issue_changes.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.issue_changes.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.issue_changes.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.issue_changes.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.issue_changes.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.issue_changes.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE ops.issue_reads (
    space_key TEXT NOT NULL,
    issue_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE,
    last_comment_id BIGINT DEFAULT '0' NOT NULL,
    wanted_from BIGINT,
    wanted_issue BOOLEAN DEFAULT false NOT NULL,
    wanted_by TEXT,
    wants BIGINT DEFAULT '0' NOT NULL,
    deep_read_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT issue_reads_pkey PRIMARY KEY (space_key, issue_id)
);
CREATE INDEX issue_reads_wanted_idx ON ops.issue_reads (space_key, project_id) WHERE wanted_issue OR wanted_from IS NOT NULL;
COMMENT ON TABLE ops.issue_reads IS 'How far the comments of each issue are read, and what is still to be read';
COMMENT ON COLUMN ops.issue_reads.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.issue_reads.issue_id IS 'Issue';
COMMENT ON COLUMN ops.issue_reads.project_id IS 'Project of the issue';
COMMENT ON COLUMN ops.issue_reads.updated_at IS 'The issue''s last change when its comments were read; null: never read';
COMMENT ON COLUMN ops.issue_reads.last_comment_id IS 'Highest comment id read; 0: none yet';
COMMENT ON COLUMN ops.issue_reads.wanted_from IS 'Comments from this id on are to be read again; 0: all; null: none';
COMMENT ON COLUMN ops.issue_reads.wanted_issue IS 'Whether the issue itself is to be read';
COMMENT ON COLUMN ops.issue_reads.wanted_by IS 'What told last that there is something to read';
COMMENT ON COLUMN ops.issue_reads.wants IS 'How often something was wanted; tells a new want';
COMMENT ON COLUMN ops.issue_reads.deep_read_at IS 'When all its comments were last read; null: never';

CREATE TABLE ops.deletions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    space_key TEXT NOT NULL,
    table_name TEXT NOT NULL,
    record_key TEXT NOT NULL,
    project_id BIGINT,
    found_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL,
    run_id TEXT NOT NULL,
    restored_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT deletions_pkey PRIMARY KEY (id)
);
CREATE INDEX deletions_open_idx ON ops.deletions (space_key, table_name, record_key) WHERE restored_at IS NULL;
CREATE INDEX deletions_space_key_project_id_found_at_idx ON ops.deletions (space_key, project_id, found_at);
COMMENT ON TABLE ops.deletions IS 'Every row that was found gone from the source: when, why, by which evidence, and whether it came back';
COMMENT ON COLUMN ops.deletions.id IS 'Number of the entry';
COMMENT ON COLUMN ops.deletions.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.deletions.table_name IS 'Raw table';
COMMENT ON COLUMN ops.deletions.record_key IS 'Key after space_key, parts joined by /';
COMMENT ON COLUMN ops.deletions.project_id IS 'Project, where the table has one';
COMMENT ON COLUMN ops.deletions.found_at IS 'When it was found gone';
COMMENT ON COLUMN ops.deletions.reason IS 'Why the row is marked, as `deleted_reason` has it';
COMMENT ON COLUMN ops.deletions.evidence IS 'How it was found, as activity feed, issue re-read or census';
COMMENT ON COLUMN ops.deletions.run_id IS 'Run that found it';
COMMENT ON COLUMN ops.deletions.restored_at IS 'When it came back; null while it is gone';

CREATE TABLE ops.verifications (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    space_key TEXT NOT NULL,
    project_id BIGINT NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    how TEXT NOT NULL,
    source_rows BIGINT NOT NULL,
    warehouse_rows BIGINT NOT NULL,
    differences BIGINT NOT NULL,
    equal BOOLEAN NOT NULL,
    note TEXT,
    CONSTRAINT verifications_pkey PRIMARY KEY (id),
    CONSTRAINT verifications_how_check CHECK (how IN ('census', 'deep'))
);
CREATE INDEX verifications_space_key_project_id_checked_at_idx ON ops.verifications (space_key, project_id, checked_at);
COMMENT ON TABLE ops.verifications IS 'Every comparison of a project in the warehouse with the source, and how it came out';
COMMENT ON COLUMN ops.verifications.id IS 'Number of the entry';
COMMENT ON COLUMN ops.verifications.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.verifications.project_id IS 'Project';
COMMENT ON COLUMN ops.verifications.checked_at IS 'When it was compared';
COMMENT ON COLUMN ops.verifications.how IS 'census: by count; deep: by id, time of change and content';
COMMENT ON COLUMN ops.verifications.source_rows IS 'Issues at the source';
COMMENT ON COLUMN ops.verifications.warehouse_rows IS 'Issues in the warehouse that are not marked deleted';
COMMENT ON COLUMN ops.verifications.differences IS 'Issues that differ';
COMMENT ON COLUMN ops.verifications.equal IS 'Whether both sides are equal';
COMMENT ON COLUMN ops.verifications.note IS 'More about it, in one line';

CREATE TABLE ops.webhook_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    space_key TEXT NOT NULL,
    activity_id BIGINT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    payload TEXT NOT NULL,
    processed_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    CONSTRAINT webhook_events_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX webhook_events_activity_key ON ops.webhook_events (space_key, activity_id) WHERE activity_id IS NOT NULL;
CREATE INDEX webhook_events_open_idx ON ops.webhook_events (space_key, id) WHERE processed_at IS NULL;
COMMENT ON TABLE ops.webhook_events IS 'The inbox: what webhooks have told, once each';
COMMENT ON COLUMN ops.webhook_events.id IS 'Number of the event';
COMMENT ON COLUMN ops.webhook_events.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.webhook_events.activity_id IS 'Activity it tells of; null when the payload names none';
COMMENT ON COLUMN ops.webhook_events.received_at IS 'When it came in';
COMMENT ON COLUMN ops.webhook_events.payload IS 'The body as received, as JSON in ASCII; a JSON string when it was no JSON';
COMMENT ON COLUMN ops.webhook_events.processed_at IS 'When it was dealt with; null while open';
COMMENT ON COLUMN ops.webhook_events.outcome IS 'What became of it';

CREATE TABLE ops.names (
    space_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    seen_from TIMESTAMP WITH TIME ZONE NOT NULL,
    name TEXT NOT NULL,
    unseen_at TIMESTAMP WITH TIME ZONE,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_to TIMESTAMP WITH TIME ZONE,
    CONSTRAINT names_pkey PRIMARY KEY (space_key, kind, owner_id, id, seen_from)
);
COMMENT ON TABLE ops.names IS 'Which name meant which id at what time: the change log names things as they were called then';
COMMENT ON COLUMN ops.names.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.names.kind IS 'statuses, issue_types, categories, versions, users, custom_field_items …';
COMMENT ON COLUMN ops.names.owner_id IS 'Project or custom field; 0: the space';
COMMENT ON COLUMN ops.names.id IS 'What has the name';
COMMENT ON COLUMN ops.names.seen_from IS 'First seen with it; -infinity: when first looked';
COMMENT ON COLUMN ops.names.name IS 'Name';
COMMENT ON COLUMN ops.names.unseen_at IS 'Looked last without finding it; null: seen when first looked';
COMMENT ON COLUMN ops.names.seen_at IS 'Last seen with it';
COMMENT ON COLUMN ops.names.seen_to IS 'Found without it; null while it has it';

ALTER TABLE ops.sync_history ADD COLUMN waiting_for TEXT;
ALTER TABLE ops.sync_history ADD COLUMN waiting_until TIMESTAMP WITH TIME ZONE;
COMMENT ON COLUMN ops.sync_history.waiting_for IS 'What it waits for, in words; null when it does not wait';
COMMENT ON COLUMN ops.sync_history.waiting_until IS 'Until when it waits, where that is known';

-- lz4 halves PostgreSQL's work on payloads; a server built without it keeps its default.
DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN
        SELECT attrelid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'raw'::regnamespace AND relkind = 'r' AND attname = 'payload' AND relname IN ('comments', 'activities', 'issue_changes')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN payload SET COMPRESSION lz4', target);
    END LOOP;
EXCEPTION
    WHEN feature_not_supported THEN NULL;
END
$$;

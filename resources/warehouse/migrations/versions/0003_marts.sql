-- Where a space is found, the builds of marts, and indexes for both.

CREATE TABLE ops.spaces (
    space_key TEXT NOT NULL,
    url TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT spaces_pkey PRIMARY KEY (space_key)
);

COMMENT ON TABLE ops.spaces IS 'Where each space is found, for links to its issues';
COMMENT ON COLUMN ops.spaces.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.spaces.url IS 'Root of the space, without a slash at its end';
COMMENT ON COLUMN ops.spaces.changed_at IS 'Since when it is known';

CREATE TABLE ops.mart_builds (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    since TIMESTAMP WITH TIME ZONE,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    CONSTRAINT mart_builds_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE ops.mart_builds IS 'Every build of all marts: up to which rows, and whether it has succeeded';
COMMENT ON COLUMN ops.mart_builds.id IS 'Number of the build';
COMMENT ON COLUMN ops.mart_builds.began_at IS 'Rows written before it were there when the build began';
COMMENT ON COLUMN ops.mart_builds.ended_at IS 'When it had succeeded; null while it is at work, or where it has failed';
COMMENT ON COLUMN ops.mart_builds.since IS 'Issues written since then are built anew; null: all';
COMMENT ON COLUMN ops.mart_builds.project IS 'Digest of the dbt project; another project is built whole';
COMMENT ON COLUMN ops.mart_builds.run_id IS 'Run that did it';

-- What was written lately, by project: marts ask for it at each build.
CREATE INDEX issues_space_key_project_id_loaded_at_idx ON raw.issues (space_key, project_id, loaded_at);
CREATE INDEX comments_space_key_project_id_loaded_at_idx ON raw.comments (space_key, project_id, loaded_at);
CREATE INDEX issue_changes_space_key_project_id_loaded_at_idx ON raw.issue_changes (space_key, project_id, loaded_at);
CREATE INDEX activities_space_key_project_id_loaded_at_idx ON raw.activities (space_key, project_id, loaded_at);

CREATE SCHEMA IF NOT EXISTS raw;
CREATE SCHEMA IF NOT EXISTS ops;
COMMENT ON SCHEMA raw IS 'Records of the source as they are now, typed, one table per resource';
COMMENT ON SCHEMA ops IS 'What the program remembers about its own work';

CREATE TABLE raw.space (
    space_key TEXT NOT NULL,
    name TEXT,
    owner_id BIGINT,
    lang TEXT,
    timezone TEXT,
    report_send_time TEXT,
    text_formatting_rule TEXT,
    created_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    CONSTRAINT space_pkey PRIMARY KEY (space_key)
);
COMMENT ON TABLE raw.space IS 'The space itself, one row';
COMMENT ON COLUMN raw.space.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.space.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.space.owner_id IS 'User who owns the space (`ownerId`)';
COMMENT ON COLUMN raw.space.lang IS 'Language of the space (`lang`)';
COMMENT ON COLUMN raw.space.timezone IS 'IANA zone in which date-only values are read (`timezone`)';
COMMENT ON COLUMN raw.space.report_send_time IS 'Wall-clock time of the daily report, without zone (`reportSendTime`)';
COMMENT ON COLUMN raw.space.text_formatting_rule IS 'How texts are written: backlog or markdown (`textFormattingRule`)';
COMMENT ON COLUMN raw.space.created_at IS 'When the space was made (`created`)';
COMMENT ON COLUMN raw.space.updated_at IS 'When the space''s settings were last changed (`updated`)';
COMMENT ON COLUMN raw.space.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.space.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.space.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.space.run_id IS 'Run that wrote the row last';

CREATE TABLE raw.users (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    user_id TEXT,
    name TEXT,
    role_type BIGINT,
    lang TEXT,
    mail_address TEXT,
    last_login_at TIMESTAMP WITH TIME ZONE,
    nulab_account_id TEXT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT users_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.users IS 'People of the space';
COMMENT ON COLUMN raw.users.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.users.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.users.user_id IS 'Login name, not the id; null for Nulab-account-only users (`userId`)';
COMMENT ON COLUMN raw.users.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.users.role_type IS 'Role 1-6; the meaning depends on the space''s plan (`roleType`)';
COMMENT ON COLUMN raw.users.lang IS 'Language of the user, null when not set (`lang`)';
COMMENT ON COLUMN raw.users.mail_address IS 'Personal data; null when the API key may not see it (`mailAddress`)';
COMMENT ON COLUMN raw.users.last_login_at IS 'When the user last logged in (`lastLoginTime`)';
COMMENT ON COLUMN raw.users.nulab_account_id IS 'Id of the Nulab account, null when none (`nulabAccount.nulabId`)';
COMMENT ON COLUMN raw.users.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.users.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.users.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.users.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.users.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.users.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.projects (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_key TEXT,
    name TEXT,
    archived BOOLEAN,
    text_formatting_rule TEXT,
    chart_enabled BOOLEAN,
    subtasking_enabled BOOLEAN,
    use_wiki BOOLEAN,
    use_git BOOLEAN,
    display_order BIGINT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT projects_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.projects IS 'Projects, archived ones included';
COMMENT ON COLUMN raw.projects.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.projects.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.projects.project_key IS 'Key as in issue keys; can be renamed, the id cannot (`projectKey`)';
COMMENT ON COLUMN raw.projects.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.projects.archived IS 'Whether the project is archived (`archived`)';
COMMENT ON COLUMN raw.projects.text_formatting_rule IS 'How texts are written: backlog or markdown (`textFormattingRule`)';
COMMENT ON COLUMN raw.projects.chart_enabled IS 'Whether charts are on (`chartEnabled`)';
COMMENT ON COLUMN raw.projects.subtasking_enabled IS 'Whether issues may have child issues (`subtaskingEnabled`)';
COMMENT ON COLUMN raw.projects.use_wiki IS 'Whether the wiki is on (`useWiki`)';
COMMENT ON COLUMN raw.projects.use_git IS 'Whether Git is on (`useGit`)';
COMMENT ON COLUMN raw.projects.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.projects.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.projects.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.projects.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.projects.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.projects.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.projects.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.project_members (
    space_key TEXT NOT NULL,
    project_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT project_members_pkey PRIMARY KEY (space_key, project_id, user_id)
);
COMMENT ON TABLE raw.project_members IS 'Who is a member of which project, also by way of a team';
COMMENT ON COLUMN raw.project_members.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.project_members.project_id IS 'Project';
COMMENT ON COLUMN raw.project_members.user_id IS 'Member; here the user''s numeric id (`id`)';
COMMENT ON COLUMN raw.project_members.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.project_members.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.project_members.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.project_members.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.project_members.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.project_members.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.teams (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT,
    member_ids BIGINT[],
    display_order BIGINT,
    created_user_id BIGINT,
    created_at TIMESTAMP WITH TIME ZONE,
    updated_user_id BIGINT,
    updated_at TIMESTAMP WITH TIME ZONE,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT teams_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.teams IS 'Teams of users';
COMMENT ON COLUMN raw.teams.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.teams.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.teams.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.teams.member_ids IS 'Users in the team (`members[].id`)';
COMMENT ON COLUMN raw.teams.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.teams.created_user_id IS 'User who made the team (`createdUser.id`)';
COMMENT ON COLUMN raw.teams.created_at IS 'When the team was made (`created`)';
COMMENT ON COLUMN raw.teams.updated_user_id IS 'User who changed the team last (`updatedUser.id`)';
COMMENT ON COLUMN raw.teams.updated_at IS 'When the team was last changed, by the source''s clock (`updated`)';
COMMENT ON COLUMN raw.teams.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.teams.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.teams.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.teams.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.teams.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.teams.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.statuses (
    space_key TEXT NOT NULL,
    project_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT,
    color TEXT,
    display_order BIGINT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT statuses_pkey PRIMARY KEY (space_key, project_id, id)
);
COMMENT ON TABLE raw.statuses IS 'Statuses of each project; ids 1-4 are the built-in ones and repeat in every project';
COMMENT ON COLUMN raw.statuses.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.statuses.project_id IS 'Project it belongs to (`projectId`)';
COMMENT ON COLUMN raw.statuses.id IS 'Id in the source, unique within the project (`id`)';
COMMENT ON COLUMN raw.statuses.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.statuses.color IS 'Colour as #rrggbb (`color`)';
COMMENT ON COLUMN raw.statuses.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.statuses.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.statuses.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.statuses.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.statuses.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.statuses.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.statuses.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.issue_types (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    name TEXT,
    color TEXT,
    display_order BIGINT,
    template_summary TEXT,
    template_description TEXT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT issue_types_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.issue_types IS 'Issue types of each project';
COMMENT ON COLUMN raw.issue_types.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.issue_types.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.issue_types.project_id IS 'Project it belongs to (`projectId`)';
COMMENT ON COLUMN raw.issue_types.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.issue_types.color IS 'Colour as #rrggbb (`color`)';
COMMENT ON COLUMN raw.issue_types.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.issue_types.template_summary IS 'Summary a new issue of this type starts with (`templateSummary`)';
COMMENT ON COLUMN raw.issue_types.template_description IS 'Description such an issue starts with (`templateDescription`)';
COMMENT ON COLUMN raw.issue_types.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.issue_types.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.issue_types.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.issue_types.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.issue_types.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.issue_types.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.categories (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    name TEXT,
    display_order BIGINT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT categories_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.categories IS 'Categories of each project';
COMMENT ON COLUMN raw.categories.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.categories.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.categories.project_id IS 'Project it belongs to (`projectId`)';
COMMENT ON COLUMN raw.categories.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.categories.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.categories.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.categories.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.categories.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.categories.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.categories.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.categories.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.versions (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    name TEXT,
    description TEXT,
    start_date DATE,
    release_due_date DATE,
    archived BOOLEAN,
    display_order BIGINT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT versions_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.versions IS 'Versions and milestones of each project: one list serves both';
COMMENT ON COLUMN raw.versions.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.versions.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.versions.project_id IS 'Project it belongs to (`projectId`)';
COMMENT ON COLUMN raw.versions.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.versions.description IS 'Description (`description`)';
COMMENT ON COLUMN raw.versions.start_date IS 'First day, in the space''s zone (`startDate`)';
COMMENT ON COLUMN raw.versions.release_due_date IS 'Day it is due, in the space''s zone (`releaseDueDate`)';
COMMENT ON COLUMN raw.versions.archived IS 'Whether it is put away (`archived`)';
COMMENT ON COLUMN raw.versions.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.versions.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.versions.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.versions.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.versions.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.versions.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.versions.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.custom_fields (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    type_id BIGINT,
    name TEXT,
    description TEXT,
    required BOOLEAN,
    use_issue_type BOOLEAN,
    applicable_issue_type_ids BIGINT[],
    items JSONB,
    allow_add_item BOOLEAN,
    allow_input BOOLEAN,
    unit TEXT,
    display_order BIGINT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT custom_fields_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.custom_fields IS 'Definitions of custom fields of each project';
COMMENT ON COLUMN raw.custom_fields.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.custom_fields.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.custom_fields.project_id IS 'Project it belongs to (`projectId`)';
COMMENT ON COLUMN raw.custom_fields.type_id IS '1 text, 2 text area, 3 number, 4 date, 5 single list, 6 multiple list, 7 checkbox, 8 radio (`typeId`)';
COMMENT ON COLUMN raw.custom_fields.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.custom_fields.description IS 'Description (`description`)';
COMMENT ON COLUMN raw.custom_fields.required IS 'Whether an issue must have a value (`required`)';
COMMENT ON COLUMN raw.custom_fields.use_issue_type IS 'Whether the field is limited to some issue types (`useIssueType`)';
COMMENT ON COLUMN raw.custom_fields.applicable_issue_type_ids IS 'Issue types that have it; empty: all (`applicableIssueTypes[]`)';
COMMENT ON COLUMN raw.custom_fields.items IS 'Choices of a list: id (unique within the field), name, displayOrder (`items`)';
COMMENT ON COLUMN raw.custom_fields.allow_add_item IS 'Whether people may add choices (`allowAddItem`)';
COMMENT ON COLUMN raw.custom_fields.allow_input IS 'Whether people may type another value (`allowInput`)';
COMMENT ON COLUMN raw.custom_fields.unit IS 'Unit of a number (`unit`)';
COMMENT ON COLUMN raw.custom_fields.display_order IS 'Place in lists; 2147483646 and -1 mean never ordered (`displayOrder`)';
COMMENT ON COLUMN raw.custom_fields.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.custom_fields.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.custom_fields.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.custom_fields.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.custom_fields.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.custom_fields.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.priorities (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT priorities_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.priorities IS 'Priorities of the space: 2 high, 3 normal, 4 low';
COMMENT ON COLUMN raw.priorities.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.priorities.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.priorities.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.priorities.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.priorities.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.priorities.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.priorities.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.priorities.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.priorities.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.resolutions (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT resolutions_pkey PRIMARY KEY (space_key, id)
);
COMMENT ON TABLE raw.resolutions IS 'Resolutions of the space; 0 (fixed) is a valid id';
COMMENT ON COLUMN raw.resolutions.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.resolutions.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.resolutions.name IS 'Name as shown (`name`)';
COMMENT ON COLUMN raw.resolutions.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.resolutions.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.resolutions.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.resolutions.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.resolutions.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.resolutions.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE raw.issues (
    space_key TEXT NOT NULL,
    id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    issue_key TEXT,
    key_id BIGINT,
    issue_type_id BIGINT,
    summary TEXT,
    description TEXT,
    resolution_id BIGINT,
    priority_id BIGINT,
    status_id BIGINT,
    assignee_id BIGINT,
    category_ids BIGINT[],
    version_ids BIGINT[],
    milestone_ids BIGINT[],
    start_date DATE,
    due_date DATE,
    estimated_hours NUMERIC,
    actual_hours NUMERIC,
    parent_issue_id BIGINT,
    created_user_id BIGINT,
    created_at TIMESTAMP WITH TIME ZONE,
    updated_user_id BIGINT,
    updated_at TIMESTAMP WITH TIME ZONE,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_reason TEXT,
    CONSTRAINT issues_pkey PRIMARY KEY (space_key, id)
);
CREATE INDEX issues_space_key_project_id_updated_at_idx ON raw.issues (space_key, project_id, updated_at);
COMMENT ON TABLE raw.issues IS 'Issues as they are now, one row each';
COMMENT ON COLUMN raw.issues.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.issues.id IS 'Id in the source, unique within the space (`id`)';
COMMENT ON COLUMN raw.issues.project_id IS 'Project it belongs to (`projectId`)';
COMMENT ON COLUMN raw.issues.issue_key IS 'Key as people write it (OPS-42); changes when the project''s does (`issueKey`)';
COMMENT ON COLUMN raw.issues.key_id IS 'Number in the key (`keyId`)';
COMMENT ON COLUMN raw.issues.issue_type_id IS 'Issue type (`issueType.id`)';
COMMENT ON COLUMN raw.issues.summary IS 'Title (`summary`)';
COMMENT ON COLUMN raw.issues.description IS 'Text, in the project''s formatting rule (`description`)';
COMMENT ON COLUMN raw.issues.resolution_id IS 'How it was resolved; 0 is fixed, null not resolved (`resolution.id`)';
COMMENT ON COLUMN raw.issues.priority_id IS 'Priority (`priority.id`)';
COMMENT ON COLUMN raw.issues.status_id IS 'Status, of the issue''s project (`status.id`)';
COMMENT ON COLUMN raw.issues.assignee_id IS 'User it is assigned to, null when nobody (`assignee.id`)';
COMMENT ON COLUMN raw.issues.category_ids IS 'Categories (`category[].id`)';
COMMENT ON COLUMN raw.issues.version_ids IS 'Versions (`versions[].id`)';
COMMENT ON COLUMN raw.issues.milestone_ids IS 'Milestones, of the versions of the project (`milestone[].id`)';
COMMENT ON COLUMN raw.issues.start_date IS 'Day the work starts, in the space''s zone (`startDate`)';
COMMENT ON COLUMN raw.issues.due_date IS 'Day it is due, in the space''s zone (`dueDate`)';
COMMENT ON COLUMN raw.issues.estimated_hours IS 'Estimate in hours (`estimatedHours`)';
COMMENT ON COLUMN raw.issues.actual_hours IS 'Hours spent (`actualHours`)';
COMMENT ON COLUMN raw.issues.parent_issue_id IS 'Issue it is a child of (`parentIssueId`)';
COMMENT ON COLUMN raw.issues.created_user_id IS 'User who made the issue (`createdUser.id`)';
COMMENT ON COLUMN raw.issues.created_at IS 'When the issue was made (`created`)';
COMMENT ON COLUMN raw.issues.updated_user_id IS 'User who changed the issue last (`updatedUser.id`)';
COMMENT ON COLUMN raw.issues.updated_at IS 'When the issue was last changed, by the source''s clock (`updated`)';
COMMENT ON COLUMN raw.issues.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.issues.content_hash IS 'Hash of what the record itself owns; tells a change';
COMMENT ON COLUMN raw.issues.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.issues.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.issues.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.issues.deleted_reason IS 'How it was found gone, or why it is out of sight';

CREATE TABLE ops.sync_history (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    space_key TEXT NOT NULL,
    sync_type TEXT NOT NULL,
    mode TEXT NOT NULL,
    project_key TEXT,
    status TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    items_synced BIGINT DEFAULT '0' NOT NULL,
    items_failed BIGINT DEFAULT '0' NOT NULL,
    requests BIGINT DEFAULT '0' NOT NULL,
    error TEXT,
    run_id TEXT NOT NULL,
    CONSTRAINT sync_history_pkey PRIMARY KEY (id),
    CONSTRAINT sync_history_status_check CHECK (status IN ('in_progress', 'completed', 'failed'))
);
CREATE INDEX sync_history_active_idx ON ops.sync_history (space_key) WHERE status = 'in_progress';
CREATE INDEX sync_history_space_key_sync_type_started_at_idx ON ops.sync_history (space_key, sync_type, started_at);
COMMENT ON TABLE ops.sync_history IS 'Every sync: what, when, how it ended, what it cost';
COMMENT ON COLUMN ops.sync_history.id IS 'Number of the sync';
COMMENT ON COLUMN ops.sync_history.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.sync_history.sync_type IS 'What was synced, as `issues` or `users`';
COMMENT ON COLUMN ops.sync_history.mode IS 'How it was read, as `backfill` or `incremental`';
COMMENT ON COLUMN ops.sync_history.project_key IS 'Project, null when the sync covers the space';
COMMENT ON COLUMN ops.sync_history.status IS 'in_progress, completed or failed';
COMMENT ON COLUMN ops.sync_history.started_at IS 'Start';
COMMENT ON COLUMN ops.sync_history.ended_at IS 'End, null while in progress';
COMMENT ON COLUMN ops.sync_history.items_synced IS 'Records read and accepted';
COMMENT ON COLUMN ops.sync_history.items_failed IS 'Records quarantined';
COMMENT ON COLUMN ops.sync_history.requests IS 'API requests it cost';
COMMENT ON COLUMN ops.sync_history.error IS 'Why it failed, in one line';
COMMENT ON COLUMN ops.sync_history.run_id IS 'Run that did it';

CREATE TABLE ops.sync_state (
    space_key TEXT NOT NULL,
    scope TEXT NOT NULL,
    project_id BIGINT NOT NULL,
    watermark TIMESTAMP WITH TIME ZONE,
    last_success_at TIMESTAMP WITH TIME ZONE,
    last_attempt_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    extra JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT sync_state_pkey PRIMARY KEY (space_key, scope, project_id)
);
COMMENT ON TABLE ops.sync_state IS 'How far each scope and project is synced';
COMMENT ON COLUMN ops.sync_state.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.sync_state.scope IS 'What is synced, as `issues`';
COMMENT ON COLUMN ops.sync_state.project_id IS 'Project; 0: the whole space';
COMMENT ON COLUMN ops.sync_state.watermark IS 'All changes before it are in the warehouse';
COMMENT ON COLUMN ops.sync_state.last_success_at IS 'When a sync last succeeded';
COMMENT ON COLUMN ops.sync_state.last_attempt_at IS 'When a sync last ended, either way';
COMMENT ON COLUMN ops.sync_state.last_error IS 'Why the last sync failed; null when it succeeded';
COMMENT ON COLUMN ops.sync_state.extra IS 'More state of the scope';

CREATE TABLE ops.project_keys (
    space_key TEXT NOT NULL,
    project_key TEXT NOT NULL,
    project_id BIGINT NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT project_keys_pkey PRIMARY KEY (space_key, project_key, project_id)
);
COMMENT ON TABLE ops.project_keys IS 'Keys of projects, with those they had before a rename';
COMMENT ON COLUMN ops.project_keys.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.project_keys.project_key IS 'Key the project has or had';
COMMENT ON COLUMN ops.project_keys.project_id IS 'Project';
COMMENT ON COLUMN ops.project_keys.first_seen_at IS 'When it was first seen with this key';
COMMENT ON COLUMN ops.project_keys.last_seen_at IS 'When it was last seen with this key';

CREATE TABLE ops.unexpected_fields (
    space_key TEXT NOT NULL,
    table_name TEXT NOT NULL,
    field TEXT NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    example TEXT NOT NULL,
    CONSTRAINT unexpected_fields_pkey PRIMARY KEY (space_key, table_name, field)
);
COMMENT ON TABLE ops.unexpected_fields IS 'Fields that the source sends and the schema does not know; they are kept in `payload`';
COMMENT ON COLUMN ops.unexpected_fields.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.unexpected_fields.table_name IS 'Raw table';
COMMENT ON COLUMN ops.unexpected_fields.field IS 'Top-level field of the record that no column knows';
COMMENT ON COLUMN ops.unexpected_fields.first_seen_at IS 'First seen';
COMMENT ON COLUMN ops.unexpected_fields.example IS 'A value, as JSON, cut to 200 characters';

CREATE TABLE ops.rejected_records (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    space_key TEXT NOT NULL,
    table_name TEXT NOT NULL,
    record_key TEXT NOT NULL,
    project_id BIGINT,
    payload TEXT NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    rejected_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    run_id TEXT NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT rejected_records_pkey PRIMARY KEY (id),
    CONSTRAINT rejected_records_reason_check CHECK (reason IN ('rejected', 'characters_replaced'))
);
CREATE UNIQUE INDEX rejected_records_open_key ON ops.rejected_records (space_key, table_name, record_key, reason) WHERE resolved_at IS NULL;
COMMENT ON TABLE ops.rejected_records IS 'Quarantine: records that could not be loaded as they were';
COMMENT ON COLUMN ops.rejected_records.id IS 'Number of the entry';
COMMENT ON COLUMN ops.rejected_records.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.rejected_records.table_name IS 'Raw table the record was meant for';
COMMENT ON COLUMN ops.rejected_records.record_key IS 'Key after space_key, parts joined by /; ?hash without an id';
COMMENT ON COLUMN ops.rejected_records.project_id IS 'Project, where it is known';
COMMENT ON COLUMN ops.rejected_records.payload IS 'The record as received, as JSON in ASCII, so nothing is lost';
COMMENT ON COLUMN ops.rejected_records.reason IS 'rejected: not loaded; characters_replaced: loaded without them';
COMMENT ON COLUMN ops.rejected_records.error IS 'What was wrong';
COMMENT ON COLUMN ops.rejected_records.rejected_at IS 'First seen';
COMMENT ON COLUMN ops.rejected_records.run_id IS 'Run that recorded this payload';
COMMENT ON COLUMN ops.rejected_records.resolved_at IS 'When a good version was loaded; null while open';

-- lz4 halves PostgreSQL's work on payloads; a server built without it keeps its default.
DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN
        SELECT attrelid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'raw'::regnamespace AND relkind = 'r' AND attname = 'payload'
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN payload SET COMPRESSION lz4', target);
    END LOOP;
EXCEPTION
    WHEN feature_not_supported THEN NULL;
END
$$;

CREATE SCHEMA IF NOT EXISTS raw;
CREATE SCHEMA IF NOT EXISTS ops;

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
COMMENT ON COLUMN raw.space.content_hash IS 'Hash of what the record itself owns, to notice a change';
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
COMMENT ON COLUMN raw.users.last_login_at IS 'When the user last logged in, as of the last load of users; a login alone moves no loaded_at (`lastLoginTime`)';
COMMENT ON COLUMN raw.users.nulab_account_id IS 'Id of the Nulab account, null when none (`nulabAccount.nulabId`)';
COMMENT ON COLUMN raw.users.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.users.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.users.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.users.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.users.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.users.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.projects.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.projects.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.projects.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.projects.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.projects.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.project_members.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.project_members.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.project_members.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.project_members.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.project_members.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.teams.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.teams.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.teams.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.teams.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.teams.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.statuses.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.statuses.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.statuses.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.statuses.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.statuses.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.issue_types.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.issue_types.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.issue_types.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.issue_types.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.issue_types.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.categories.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.categories.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.categories.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.categories.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.categories.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.versions.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.versions.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.versions.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.versions.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.versions.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.custom_fields.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.custom_fields.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.custom_fields.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.custom_fields.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.custom_fields.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.priorities.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.priorities.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.priorities.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.priorities.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.priorities.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
COMMENT ON COLUMN raw.resolutions.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.resolutions.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.resolutions.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.resolutions.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.resolutions.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
CREATE INDEX issues_space_key_project_id_loaded_at_idx ON raw.issues (space_key, project_id, loaded_at);
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
COMMENT ON COLUMN raw.issues.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.issues.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.issues.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.issues.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.issues.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
CREATE INDEX comments_space_key_project_id_loaded_at_idx ON raw.comments (space_key, project_id, loaded_at);
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
COMMENT ON COLUMN raw.comments.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.comments.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.comments.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.comments.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.comments.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
CREATE INDEX activities_deleted_statuses_idx ON raw.activities (space_key, project_id, created_at) WHERE type = 34;
CREATE INDEX activities_space_key_comment_id_idx ON raw.activities (space_key, comment_id);
CREATE INDEX activities_space_key_content_id_idx ON raw.activities (space_key, content_id);
CREATE INDEX activities_space_key_project_id_created_at_idx ON raw.activities (space_key, project_id, created_at);
CREATE INDEX activities_space_key_project_id_loaded_at_idx ON raw.activities (space_key, project_id, loaded_at);
COMMENT ON TABLE raw.activities IS 'The feed of the space: each event that a project showed, as it was received then';
COMMENT ON COLUMN raw.activities.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.activities.id IS 'Id in the source, unique within the space; a later one is higher (`id`)';
COMMENT ON COLUMN raw.activities.project_id IS 'Project it happened in (`project.id`)';
COMMENT ON COLUMN raw.activities.type IS 'Kind of event, as 1 issue created, 2 updated, 3 commented, 4 deleted, 14 bulk update (`type`)';
COMMENT ON COLUMN raw.activities.content_id IS 'Issue, wiki page … it is about; null without a numeric id (`content.id`)';
COMMENT ON COLUMN raw.activities.comment_id IS 'Comment it reports, where it reports one (`content.comment.id`)';
COMMENT ON COLUMN raw.activities.created_user_id IS 'User who did it (`createdUser.id`)';
COMMENT ON COLUMN raw.activities.created_at IS 'When it happened (`created`)';
COMMENT ON COLUMN raw.activities.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.activities.content_hash IS 'Hash of what the record itself owns, to notice a change';
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
CREATE INDEX issue_changes_space_key_project_id_loaded_at_idx ON raw.issue_changes (space_key, project_id, loaded_at);
COMMENT ON TABLE raw.issue_changes IS 'Changes of single fields of issues, one row each, made from the change log of comments';
COMMENT ON COLUMN raw.issue_changes.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.issue_changes.comment_id IS 'Comment whose change log has it (`commentId`)';
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
COMMENT ON COLUMN raw.issue_changes.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.issue_changes.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.issue_changes.run_id IS 'Run that wrote the row last';
COMMENT ON COLUMN raw.issue_changes.deleted_at IS 'When the row was found gone from the source';
COMMENT ON COLUMN raw.issue_changes.deleted_reason IS 'How it was found gone, or why it is inaccessible';

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
    waiting_for TEXT,
    waiting_until TIMESTAMP WITH TIME ZONE,
    progress_done BIGINT,
    progress_total BIGINT,
    projects TEXT[],
    CONSTRAINT sync_history_pkey PRIMARY KEY (id),
    CONSTRAINT sync_history_status_check CHECK (status IN ('in_progress', 'completed', 'failed'))
);
CREATE INDEX sync_history_active_idx ON ops.sync_history (space_key) WHERE status = 'in_progress';
CREATE INDEX sync_history_run_id_idx ON ops.sync_history (run_id);
CREATE UNIQUE INDEX sync_history_run_key ON ops.sync_history (run_id) WHERE mode = 'run';
CREATE INDEX sync_history_space_key_sync_type_started_at_idx ON ops.sync_history (space_key, sync_type, started_at);
COMMENT ON TABLE ops.sync_history IS 'Every sync: what, when, how it ended, what it cost; and every run that ended without one';
COMMENT ON COLUMN ops.sync_history.id IS 'Number of the sync';
COMMENT ON COLUMN ops.sync_history.space_key IS 'Space it belongs to; its address until a load has seen its key';
COMMENT ON COLUMN ops.sync_history.sync_type IS 'What was synced, as `issues` or `users`; of a run that is no sync its kind, as `marts`';
COMMENT ON COLUMN ops.sync_history.mode IS 'How it was read, as `backfill` or `incremental`; `run`: no sync, but how a run ended';
COMMENT ON COLUMN ops.sync_history.project_key IS 'Project, null when the sync covers several or the space';
COMMENT ON COLUMN ops.sync_history.status IS 'in_progress, completed or failed';
COMMENT ON COLUMN ops.sync_history.started_at IS 'Start';
COMMENT ON COLUMN ops.sync_history.ended_at IS 'End, null while in progress';
COMMENT ON COLUMN ops.sync_history.items_synced IS 'Records read and accepted';
COMMENT ON COLUMN ops.sync_history.items_failed IS 'Records quarantined';
COMMENT ON COLUMN ops.sync_history.requests IS 'API requests it cost';
COMMENT ON COLUMN ops.sync_history.error IS 'Why it failed, in one line';
COMMENT ON COLUMN ops.sync_history.run_id IS 'Run that did it';
COMMENT ON COLUMN ops.sync_history.waiting_for IS 'What it waits for, in words; null when it does not wait';
COMMENT ON COLUMN ops.sync_history.waiting_until IS 'Until when it waits, where that is known';
COMMENT ON COLUMN ops.sync_history.progress_done IS 'How far its load is while it works: rows, or issues whose comments are read';
COMMENT ON COLUMN ops.sync_history.progress_total IS 'How many there will be of these, where that is known';
COMMENT ON COLUMN ops.sync_history.projects IS 'Projects that the sync covers, null when it covers the whole space';

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

CREATE TABLE ops.issue_sync_state (
    space_key TEXT NOT NULL,
    issue_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE,
    last_comment_id BIGINT DEFAULT '0' NOT NULL,
    refetch_comments_from BIGINT,
    refetch_issue BOOLEAN DEFAULT false NOT NULL,
    requested_by TEXT,
    refetch_requests BIGINT DEFAULT '0' NOT NULL,
    refreshed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT issue_sync_state_pkey PRIMARY KEY (space_key, issue_id)
);
CREATE INDEX issue_sync_state_requested_idx ON ops.issue_sync_state (space_key, project_id) WHERE refetch_issue OR refetch_comments_from IS NOT NULL;
COMMENT ON TABLE ops.issue_sync_state IS 'How far the comments of each issue are read, and what is still to be read';
COMMENT ON COLUMN ops.issue_sync_state.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.issue_sync_state.issue_id IS 'Issue';
COMMENT ON COLUMN ops.issue_sync_state.project_id IS 'Project of the issue';
COMMENT ON COLUMN ops.issue_sync_state.updated_at IS 'The issue''s last change when its comments were read; null: never read';
COMMENT ON COLUMN ops.issue_sync_state.last_comment_id IS 'Highest comment id read; 0: none yet';
COMMENT ON COLUMN ops.issue_sync_state.refetch_comments_from IS 'Comments from this id on are to be read again; 0: all; null: none';
COMMENT ON COLUMN ops.issue_sync_state.refetch_issue IS 'Whether the issue itself is to be read';
COMMENT ON COLUMN ops.issue_sync_state.requested_by IS 'What last requested a refetch';
COMMENT ON COLUMN ops.issue_sync_state.refetch_requests IS 'Number of refetch requests so far; an acknowledgement compares it';
COMMENT ON COLUMN ops.issue_sync_state.refreshed_at IS 'When all its comments were last read; null: never';

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
COMMENT ON COLUMN ops.deletions.evidence IS 'How it was found, as activity feed, issue re-read or count reconciliation';
COMMENT ON COLUMN ops.deletions.run_id IS 'Run that found it';
COMMENT ON COLUMN ops.deletions.restored_at IS 'When it came back; null while it is gone';

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
CREATE INDEX observed_changes_space_key_issue_id_idx ON ops.observed_changes (space_key, issue_id);
COMMENT ON TABLE ops.observed_changes IS 'What loads have seen change between two versions of an issue; dates what no change log has, once and for all';
COMMENT ON COLUMN ops.observed_changes.id IS 'Number of the entry';
COMMENT ON COLUMN ops.observed_changes.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.observed_changes.issue_id IS 'Issue';
COMMENT ON COLUMN ops.observed_changes.field IS 'Field as in raw.issue_changes; updated_at: the first version seen was replaced';
COMMENT ON COLUMN ops.observed_changes.old_value IS 'Value of the version that was stored: id, list of ids, day, number or instant';
COMMENT ON COLUMN ops.observed_changes.new_value IS 'Value of the version that was written over it';
COMMENT ON COLUMN ops.observed_changes.updated_before IS 'updated_at of the version that was stored';
COMMENT ON COLUMN ops.observed_changes.updated_at IS 'updated_at of the version that was written over it';
COMMENT ON COLUMN ops.observed_changes.changed_at IS 'When it was changed, as far as the evidence shows';
COMMENT ON COLUMN ops.observed_changes.evidence IS 'What dates it: an activity, a deletion that was found, or the sync that saw it';
COMMENT ON COLUMN ops.observed_changes.run_id IS 'Run that wrote the version';

CREATE TABLE ops.reconciliations (
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
    CONSTRAINT reconciliations_pkey PRIMARY KEY (id),
    CONSTRAINT reconciliations_how_check CHECK (how IN ('count', 'rows'))
);
CREATE INDEX reconciliations_space_key_project_id_checked_at_idx ON ops.reconciliations (space_key, project_id, checked_at);
COMMENT ON TABLE ops.reconciliations IS 'Every comparison of a project in the warehouse with the source, and how it came out';
COMMENT ON COLUMN ops.reconciliations.id IS 'Number of the entry';
COMMENT ON COLUMN ops.reconciliations.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.reconciliations.project_id IS 'Project';
COMMENT ON COLUMN ops.reconciliations.checked_at IS 'When it was compared';
COMMENT ON COLUMN ops.reconciliations.how IS 'count: by number of issues; rows: by id, time of change and content';
COMMENT ON COLUMN ops.reconciliations.source_rows IS 'Issues at the source';
COMMENT ON COLUMN ops.reconciliations.warehouse_rows IS 'Issues in the warehouse that are not marked deleted';
COMMENT ON COLUMN ops.reconciliations.differences IS 'Issues that differ';
COMMENT ON COLUMN ops.reconciliations.equal IS 'Whether the project counts as equal; a count cannot take back what a comparison of rows has found';
COMMENT ON COLUMN ops.reconciliations.note IS 'More about it, in one line';

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
COMMENT ON TABLE ops.webhook_events IS 'The inbox: what webhooks have reported, once each';
COMMENT ON COLUMN ops.webhook_events.id IS 'Number of the event';
COMMENT ON COLUMN ops.webhook_events.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.webhook_events.activity_id IS 'Activity it reports; null when the payload names none';
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

CREATE TABLE ops.forgotten_users (
    space_key TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    forgotten_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    fingerprints TEXT[] NOT NULL,
    CONSTRAINT forgotten_users_pkey PRIMARY KEY (space_key, user_id)
);
COMMENT ON TABLE ops.forgotten_users IS 'Who is forgotten: all texts that identify the person are replaced by forgotten-<id>, also in later loads';
COMMENT ON COLUMN ops.forgotten_users.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.forgotten_users.user_id IS 'User who is erased, and never written again';
COMMENT ON COLUMN ops.forgotten_users.forgotten_at IS 'When the user was erased';
COMMENT ON COLUMN ops.forgotten_users.fingerprints IS 'Slow hashes of the names, since change logs have names without ids';

CREATE TABLE ops.oauth_tokens (
    host TEXT NOT NULL,
    client_id TEXT NOT NULL,
    space_key TEXT NOT NULL,
    tokens TEXT NOT NULL,
    key_id TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    refreshed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE,
    refused_reason TEXT,
    CONSTRAINT oauth_tokens_pkey PRIMARY KEY (host, client_id)
);
COMMENT ON TABLE ops.oauth_tokens IS 'Who is logged in by OAuth: one row for each space and application';
COMMENT ON COLUMN ops.oauth_tokens.host IS 'Host of the space, with port and path where its URL has them';
COMMENT ON COLUMN ops.oauth_tokens.client_id IS 'Application that a user has allowed to read the space';
COMMENT ON COLUMN ops.oauth_tokens.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.oauth_tokens.tokens IS 'Access and refresh token, encrypted (Fernet)';
COMMENT ON COLUMN ops.oauth_tokens.key_id IS 'Fingerprint of the key by which they are encrypted';
COMMENT ON COLUMN ops.oauth_tokens.expires_at IS 'End of the access token, by the clock of the space';
COMMENT ON COLUMN ops.oauth_tokens.refreshed_at IS 'When the space gave these tokens';
COMMENT ON COLUMN ops.oauth_tokens.refused_at IS 'Since when the space does not renew them; null: it may. Log in again';
COMMENT ON COLUMN ops.oauth_tokens.refused_reason IS 'What the space said to that';

CREATE TABLE ops.heartbeats (
    name TEXT NOT NULL,
    beat_at TIMESTAMP WITH TIME ZONE NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT heartbeats_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE ops.heartbeats IS 'The last sign of life of what works without being asked';
COMMENT ON COLUMN ops.heartbeats.name IS 'Who gives the sign, as `alerts` with the address of the space';
COMMENT ON COLUMN ops.heartbeats.beat_at IS 'When it was given last';
COMMENT ON COLUMN ops.heartbeats.detail IS 'Its detail';

CREATE TABLE ops.source_conditions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    url TEXT NOT NULL,
    kind TEXT NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    message TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT source_conditions_pkey PRIMARY KEY (id),
    CONSTRAINT source_conditions_kind_check CHECK (kind IN ('unreachable', 'refused', 'rate_limited'))
);
CREATE UNIQUE INDEX source_conditions_open_key ON ops.source_conditions (url) WHERE ended_at IS NULL;
COMMENT ON TABLE ops.source_conditions IS 'When the source as a whole could not be read, and why: one row for each time';
COMMENT ON COLUMN ops.source_conditions.id IS 'Number of the condition';
COMMENT ON COLUMN ops.source_conditions.url IS 'Root of the space, without a slash at its end';
COMMENT ON COLUMN ops.source_conditions.kind IS 'unreachable, refused or rate_limited (by other programs of the same user)';
COMMENT ON COLUMN ops.source_conditions.began_at IS 'When a request first met it';
COMMENT ON COLUMN ops.source_conditions.last_seen_at IS 'When a request last met it';
COMMENT ON COLUMN ops.source_conditions.message IS 'The error of that first request, in one line';
COMMENT ON COLUMN ops.source_conditions.ended_at IS 'When a request was answered again; null while it lasts';

CREATE UNLOGGED TABLE ops.locks (
    space_key TEXT NOT NULL,
    name TEXT NOT NULL,
    pid BIGINT NOT NULL,
    session_began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    role_id BIGINT NOT NULL,
    holder TEXT NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT locks_pkey PRIMARY KEY (space_key, name)
);
COMMENT ON TABLE ops.locks IS 'Which load or build holds which lock; rows of sessions that are gone hold nothing';
COMMENT ON COLUMN ops.locks.space_key IS 'Space it belongs to; `all spaces` of what they share';
COMMENT ON COLUMN ops.locks.name IS 'What is locked, as `issues/300`, `marts`, or the life of a load';
COMMENT ON COLUMN ops.locks.pid IS 'Session that has taken it, as in pg_stat_activity: when that ends, it is free';
COMMENT ON COLUMN ops.locks.session_began_at IS 'When that session began: its number is used again';
COMMENT ON COLUMN ops.locks.role_id IS 'Role of that session (oid)';
COMMENT ON COLUMN ops.locks.holder IS 'Who it is, in words: run, process and machine';
COMMENT ON COLUMN ops.locks.taken_at IS 'Since when';

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

CREATE TABLE raw.licence (
    space_key TEXT NOT NULL,
    version BIGINT NOT NULL,
    active BOOLEAN,
    licence_type_id BIGINT,
    started_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    user_limit BIGINT,
    project_limit BIGINT,
    issue_limit BIGINT,
    comment_limit BIGINT,
    component_limit BIGINT,
    version_limit BIGINT,
    attribute_limit BIGINT,
    remote_address_limit BIGINT,
    storage_limit BIGINT,
    attachment_limit BIGINT,
    attachment_limit_per_file BIGINT,
    attachment_num_limit BIGINT,
    wiki_attachment_limit_per_file BIGINT,
    wiki_attachment_num_limit BIGINT,
    pull_request_attachment_limit_per_file BIGINT,
    pull_request_attachment_num_limit BIGINT,
    attribute BOOLEAN,
    parent_child_issue BOOLEAN,
    grandchild_issue_enabled BOOLEAN,
    burndown BOOLEAN,
    gantt BOOLEAN,
    file_sharing BOOLEAN,
    wiki_attachment BOOLEAN,
    git BOOLEAN,
    subversion BOOLEAN,
    subversion_external BOOLEAN,
    post_issue_by_mail BOOLEAN,
    project_group BOOLEAN,
    nulab_account BOOLEAN,
    remote_address BOOLEAN,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    CONSTRAINT licence_pkey PRIMARY KEY (space_key, version)
);
COMMENT ON TABLE raw.licence IS 'Plan of the space, its flags and limits; a row for each version';
COMMENT ON COLUMN raw.licence.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.licence.version IS 'Number of the version, 1 for the first seen; the highest holds now';
COMMENT ON COLUMN raw.licence.active IS 'Whether the plan is in force (`active`)';
COMMENT ON COLUMN raw.licence.licence_type_id IS 'Kind of plan (`licenceTypeId`)';
COMMENT ON COLUMN raw.licence.started_at IS 'When the plan began (`startedOn`)';
COMMENT ON COLUMN raw.licence.ends_at IS 'When the plan ends (`limitDate`)';
COMMENT ON COLUMN raw.licence.user_limit IS 'Limit: users (`userLimit`)';
COMMENT ON COLUMN raw.licence.project_limit IS 'Limit: projects (`projectLimit`)';
COMMENT ON COLUMN raw.licence.issue_limit IS 'Limit: issues (`issueLimit`)';
COMMENT ON COLUMN raw.licence.comment_limit IS 'Limit: comments (`commentLimit`)';
COMMENT ON COLUMN raw.licence.component_limit IS 'Limit: categories of a project (`componentLimit`)';
COMMENT ON COLUMN raw.licence.version_limit IS 'Limit: versions of a project (`versionLimit`)';
COMMENT ON COLUMN raw.licence.attribute_limit IS 'Limit: custom fields of a project (`attributeLimit`)';
COMMENT ON COLUMN raw.licence.remote_address_limit IS 'Limit: addresses that may reach the space (`remoteAddressLimit`)';
COMMENT ON COLUMN raw.licence.storage_limit IS 'Limit: bytes of the space (`storageLimit`)';
COMMENT ON COLUMN raw.licence.attachment_limit IS 'Limit: bytes of the attachments (`attachmentLimit`)';
COMMENT ON COLUMN raw.licence.attachment_limit_per_file IS 'Limit: bytes of an attachment (`attachmentLimitPerFile`)';
COMMENT ON COLUMN raw.licence.attachment_num_limit IS 'Limit: attachments of an issue (`attachmentNumLimit`)';
COMMENT ON COLUMN raw.licence.wiki_attachment_limit_per_file IS 'Limit: bytes of an attachment of a wiki page (`wikiAttachmentLimitPerFile`)';
COMMENT ON COLUMN raw.licence.wiki_attachment_num_limit IS 'Limit: attachments of a wiki page (`wikiAttachmentNumLimit`)';
COMMENT ON COLUMN raw.licence.pull_request_attachment_limit_per_file IS 'Limit: bytes of an attachment of a pull request (`pullRequestAttachmentLimitPerFile`)';
COMMENT ON COLUMN raw.licence.pull_request_attachment_num_limit IS 'Limit: attachments of a pull request (`pullRequestAttachmentNumLimit`)';
COMMENT ON COLUMN raw.licence.attribute IS 'Whether the plan has custom fields (`attribute`)';
COMMENT ON COLUMN raw.licence.parent_child_issue IS 'Whether the plan has child issues (`parentChildIssue`)';
COMMENT ON COLUMN raw.licence.grandchild_issue_enabled IS 'Whether the plan has children of child issues (`grandchildIssueEnabled`)';
COMMENT ON COLUMN raw.licence.burndown IS 'Whether the plan has burndown charts (`burndown`)';
COMMENT ON COLUMN raw.licence.gantt IS 'Whether the plan has Gantt charts (`gantt`)';
COMMENT ON COLUMN raw.licence.file_sharing IS 'Whether the plan has shared files (`fileSharing`)';
COMMENT ON COLUMN raw.licence.wiki_attachment IS 'Whether the plan has attachments of wiki pages (`wikiAttachment`)';
COMMENT ON COLUMN raw.licence.git IS 'Whether the plan has Git (`git`)';
COMMENT ON COLUMN raw.licence.subversion IS 'Whether the plan has Subversion (`subversion`)';
COMMENT ON COLUMN raw.licence.subversion_external IS 'Whether the plan has Subversion servers of others (`subversionExternal`)';
COMMENT ON COLUMN raw.licence.post_issue_by_mail IS 'Whether the plan has issues by mail (`postIssueByMail`)';
COMMENT ON COLUMN raw.licence.project_group IS 'Whether the plan has groups of projects (`projectGroup`)';
COMMENT ON COLUMN raw.licence.nulab_account IS 'Whether the plan has Nulab accounts (`nulabAccount`)';
COMMENT ON COLUMN raw.licence.remote_address IS 'Whether the plan has a limit on addresses that may reach the space (`remoteAddress`)';
COMMENT ON COLUMN raw.licence.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.licence.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.licence.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.licence.run_id IS 'Run that wrote the row last';

CREATE TABLE raw.disk_usage (
    space_key TEXT NOT NULL,
    capacity_bytes BIGINT,
    issue_bytes BIGINT,
    wiki_bytes BIGINT,
    document_bytes BIGINT,
    file_bytes BIGINT,
    subversion_bytes BIGINT,
    git_bytes BIGINT,
    git_lfs_bytes BIGINT,
    pull_request_bytes BIGINT,
    details JSONB,
    payload JSONB NOT NULL,
    content_hash TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id TEXT NOT NULL,
    CONSTRAINT disk_usage_pkey PRIMARY KEY (space_key)
);
COMMENT ON TABLE raw.disk_usage IS 'Bytes that the space holds, by kind, one row';
COMMENT ON COLUMN raw.disk_usage.space_key IS 'Space the row comes from';
COMMENT ON COLUMN raw.disk_usage.capacity_bytes IS 'Bytes of the space at most (`capacity`)';
COMMENT ON COLUMN raw.disk_usage.issue_bytes IS 'Bytes of issues (`issue`)';
COMMENT ON COLUMN raw.disk_usage.wiki_bytes IS 'Bytes of wiki pages (`wiki`)';
COMMENT ON COLUMN raw.disk_usage.document_bytes IS 'Bytes of documents, null where the source says them of projects only (`document`)';
COMMENT ON COLUMN raw.disk_usage.file_bytes IS 'Bytes of shared files (`file`)';
COMMENT ON COLUMN raw.disk_usage.subversion_bytes IS 'Bytes of Subversion (`subversion`)';
COMMENT ON COLUMN raw.disk_usage.git_bytes IS 'Bytes of Git (`git`)';
COMMENT ON COLUMN raw.disk_usage.git_lfs_bytes IS 'Bytes of large files of Git (`gitLFS`)';
COMMENT ON COLUMN raw.disk_usage.pull_request_bytes IS 'Bytes of pull requests, null where the source does not say (`pullRequest`)';
COMMENT ON COLUMN raw.disk_usage.details IS 'Bytes of each project: projectId, and each kind (`details`)';
COMMENT ON COLUMN raw.disk_usage.payload IS 'The record as received, nothing lost';
COMMENT ON COLUMN raw.disk_usage.content_hash IS 'Hash of what the record itself owns, to notice a change';
COMMENT ON COLUMN raw.disk_usage.loaded_at IS 'When the row was last written';
COMMENT ON COLUMN raw.disk_usage.run_id IS 'Run that wrote the row last';

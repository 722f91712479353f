"""The raw tables with facts about the space: one object each, read once a day.

Each is declared only here, as those in `schema_lists.py` are.
"""

from typing import Final

from resources.warehouse.raw.spec import VERSION, Field, Kind, Listing, TableSpec, raw_table


def _flag(name: str, path: str, what: str) -> Field:
    return Field(name, Kind.BOOLEAN, path, f"Whether the plan has {what}")


def _limit(name: str, path: str, what: str) -> Field:
    return Field(name, Kind.BIGINT, path, f"Limit: {what}")


def _bytes(kind: str, path: str, what: str) -> Field:
    return Field(f"{kind}_bytes", Kind.BIGINT, path, f"Bytes of {what}")


_LICENCE = raw_table(
    "licence",
    "Plan of the space, its flags and limits; a row for each version",
    [
        VERSION,
        Field("active", Kind.BOOLEAN, "active", "Whether the plan is in force"),
        Field("licence_type_id", Kind.BIGINT, "licenceTypeId", "Kind of plan"),
        Field("started_at", Kind.TIMESTAMP, "startedOn", "When the plan began"),
        Field("ends_at", Kind.TIMESTAMP, "limitDate", "When the plan ends"),
        _limit("user_limit", "userLimit", "users"),
        _limit("project_limit", "projectLimit", "projects"),
        _limit("issue_limit", "issueLimit", "issues"),
        _limit("comment_limit", "commentLimit", "comments"),
        _limit("component_limit", "componentLimit", "categories of a project"),
        _limit("version_limit", "versionLimit", "versions of a project"),
        _limit("attribute_limit", "attributeLimit", "custom fields of a project"),
        _limit("remote_address_limit", "remoteAddressLimit", "addresses that may reach the space"),
        _limit("storage_limit", "storageLimit", "bytes of the space"),
        _limit("attachment_limit", "attachmentLimit", "bytes of the attachments"),
        _limit("attachment_limit_per_file", "attachmentLimitPerFile", "bytes of an attachment"),
        _limit("attachment_num_limit", "attachmentNumLimit", "attachments of an issue"),
        _limit("wiki_attachment_limit_per_file", "wikiAttachmentLimitPerFile",
            "bytes of an attachment of a wiki page"),
        _limit("wiki_attachment_num_limit", "wikiAttachmentNumLimit",
            "attachments of a wiki page"),
        _limit("pull_request_attachment_limit_per_file", "pullRequestAttachmentLimitPerFile",
            "bytes of an attachment of a pull request"),
        _limit("pull_request_attachment_num_limit", "pullRequestAttachmentNumLimit",
            "attachments of a pull request"),
        _flag("attribute", "attribute", "custom fields"),
        _flag("parent_child_issue", "parentChildIssue", "child issues"),
        _flag("grandchild_issue_enabled", "grandchildIssueEnabled", "children of child issues"),
        _flag("burndown", "burndown", "burndown charts"),
        _flag("gantt", "gantt", "Gantt charts"),
        _flag("file_sharing", "fileSharing", "shared files"),
        _flag("wiki_attachment", "wikiAttachment", "attachments of wiki pages"),
        _flag("git", "git", "Git"),
        _flag("subversion", "subversion", "Subversion"),
        _flag("subversion_external", "subversionExternal", "Subversion servers of others"),
        _flag("post_issue_by_mail", "postIssueByMail", "issues by mail"),
        _flag("project_group", "projectGroup", "groups of projects"),
        _flag("nulab_account", "nulabAccount", "Nulab accounts"),
        _flag("remote_address", "remoteAddress", "a limit on addresses that may reach the space"),
    ],
    endpoint="GET /space/licence",
    label=("licence", "ライセンス"),
    listing=Listing(
        "The row of the highest version holds, from its `loaded_at` on; those before it say what "
        "held until then. By the samples of the API's reference, a limit of 0 is none.",
        daily=True,
    ),
    key=(VERSION.name,),
    vanishes=False,
)  # fmt: skip

_DISK_USAGE = raw_table(
    "disk_usage",
    "Bytes that the space holds, by kind, one row",
    [
        _bytes("capacity", "capacity", "the space at most"),
        _bytes("issue", "issue", "issues"),
        _bytes("wiki", "wiki", "wiki pages"),
        _bytes(
            "document", "document", "documents, null where the source says them of projects only"
        ),
        _bytes("file", "file", "shared files"),
        _bytes("subversion", "subversion", "Subversion"),
        _bytes("git", "git", "Git"),
        _bytes("git_lfs", "gitLFS", "large files of Git"),
        _bytes("pull_request", "pullRequest", "pull requests, null where the source does not say"),
        Field("details", Kind.JSONB, "details", "Bytes of each project: projectId, and each kind"),
    ],
    endpoint="GET /space/diskUsage",
    label=("disk usage", "使用容量"),
    listing=Listing(
        "Only administrators may read it. `jsonb_to_recordset(details)` makes a row of each "
        "project.",
        daily=True,
    ),
    key=(),
    vanishes=False,
)

DAILY: Final[tuple[TableSpec, ...]] = (_LICENCE, _DISK_USAGE)
"""The tables of this file."""

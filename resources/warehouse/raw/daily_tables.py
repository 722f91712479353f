"""The raw tables with facts about the space: one object each, read once a day.

Each is declared only here, as those in `listed_tables.py` are.
"""

from typing import Final

from resources.warehouse.raw.spec import VERSION, Field, Kind, Listing, TableSpec, raw_table


def _flag(name: str, path: str, what: str, japanese: str) -> Field:
    comment = f"Whether the plan has {what} / プランで使えるか: {japanese}"
    return Field(name, Kind.BOOLEAN, path, comment)


def _limit(name: str, path: str, what: str, japanese: str) -> Field:
    return Field(name, Kind.BIGINT, path, f"Limit: {what} / 上限: {japanese}")


def _bytes(kind: str, path: str, what: str, japanese: str) -> Field:
    comment = f"Bytes of {what} / バイト数: {japanese}"
    return Field(f"{kind}_bytes", Kind.BIGINT, path, comment)


_LICENCE = raw_table(
    "licence",
    "Plan of the space, its flags and limits; a row for each version / "
    "スペースのプランと、その機能・上限(版ごとに 1 行)",
    [
        VERSION,
        Field("active", Kind.BOOLEAN, "active", "Whether the plan is in force / プランが有効か"),
        Field("licence_type_id", Kind.BIGINT, "licenceTypeId", "Kind of plan / プランの種類のID"),
        Field("started_at", Kind.TIMESTAMP, "startedOn", "When the plan began / プランの開始日時"),
        Field("ends_at", Kind.TIMESTAMP, "limitDate", "When the plan ends / プランの終了日時"),
        _limit("user_limit", "userLimit", "users", "ユーザー数"),
        _limit("project_limit", "projectLimit", "projects", "プロジェクト数"),
        _limit("issue_limit", "issueLimit", "issues", "課題数"),
        _limit("comment_limit", "commentLimit", "comments", "コメント数"),
        _limit("component_limit", "componentLimit",
            "categories of a project", "プロジェクトごとのカテゴリー数"),
        _limit("version_limit", "versionLimit",
            "versions of a project", "プロジェクトごとのバージョン数"),
        _limit("attribute_limit", "attributeLimit",
            "custom fields of a project", "プロジェクトごとのカスタム属性数"),
        _limit("remote_address_limit", "remoteAddressLimit",
            "addresses that may reach the space", "アクセスを許可するIPアドレスの数"),
        _limit("storage_limit", "storageLimit", "bytes of the space", "スペースの容量(バイト)"),
        _limit("attachment_limit", "attachmentLimit",
            "bytes of the attachments", "添付ファイルの容量(バイト)"),
        _limit("attachment_limit_per_file", "attachmentLimitPerFile",
            "bytes of an attachment", "添付ファイル 1 件の容量(バイト)"),
        _limit("attachment_num_limit", "attachmentNumLimit",
            "attachments of an issue", "課題ごとの添付ファイル数"),
        _limit("wiki_attachment_limit_per_file", "wikiAttachmentLimitPerFile",
            "bytes of an attachment of a wiki page",
            "Wiki ページの添付ファイル 1 件の容量(バイト)"),
        _limit("wiki_attachment_num_limit", "wikiAttachmentNumLimit",
            "attachments of a wiki page", "Wiki ページごとの添付ファイル数"),
        _limit("pull_request_attachment_limit_per_file", "pullRequestAttachmentLimitPerFile",
            "bytes of an attachment of a pull request",
            "プルリクエストの添付ファイル 1 件の容量(バイト)"),
        _limit("pull_request_attachment_num_limit", "pullRequestAttachmentNumLimit",
            "attachments of a pull request", "プルリクエストごとの添付ファイル数"),
        _flag("attribute", "attribute", "custom fields", "カスタム属性"),
        _flag("parent_child_issue", "parentChildIssue", "child issues", "親子課題"),
        _flag("grandchild_issue_enabled", "grandchildIssueEnabled",
            "children of child issues", "孫課題"),
        _flag("burndown", "burndown", "burndown charts", "バーンダウンチャート"),
        _flag("gantt", "gantt", "Gantt charts", "ガントチャート"),
        _flag("file_sharing", "fileSharing", "shared files", "ファイル共有"),
        _flag("wiki_attachment", "wikiAttachment",
            "attachments of wiki pages", "Wiki の添付ファイル"),
        _flag("git", "git", "Git", "Git"),
        _flag("subversion", "subversion", "Subversion", "Subversion"),
        _flag("subversion_external", "subversionExternal",
            "Subversion servers of others", "外部の Subversion サーバー"),
        _flag("post_issue_by_mail", "postIssueByMail", "issues by mail", "メールでの課題登録"),
        _flag("project_group", "projectGroup", "groups of projects", "プロジェクトグループ"),
        _flag("nulab_account", "nulabAccount", "Nulab accounts", "Nulab アカウント"),
        _flag("remote_address", "remoteAddress",
            "a limit on addresses that may reach the space", "IPアドレスによるアクセス制限"),
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
    "Bytes that the space holds, by kind, one row / スペースの使用容量の内訳(1 行)",
    [
        _bytes("capacity", "capacity", "the space at most", "スペースの上限"),
        _bytes("issue", "issue", "issues", "課題"),
        _bytes("wiki", "wiki", "wiki pages", "Wiki ページ"),
        _bytes("document", "document",
            "documents, null where the source says them of projects only",
            "ドキュメント(プロジェクト別にしか分からなければ空)"),
        _bytes("file", "file", "shared files", "共有ファイル"),
        _bytes("subversion", "subversion", "Subversion", "Subversion"),
        _bytes("git", "git", "Git", "Git"),
        _bytes("git_lfs", "gitLFS", "large files of Git", "Git LFS"),
        _bytes("pull_request", "pullRequest",
            "pull requests, null where the source does not say",
            "プルリクエスト(Backlog が返さなければ空)"),
        Field(
            "details",
            Kind.JSONB,
            "details",
            "Bytes of each project: projectId, and each kind / "
            "プロジェクトごとの使用容量(projectId と種類ごとのバイト数)",
        ),
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
)  # fmt: skip

DAILY: Final[tuple[TableSpec, ...]] = (_LICENCE, _DISK_USAGE)
"""The tables of this file."""

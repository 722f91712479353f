"""The raw tables: each column is declared once with its name, type, path in the record and comment
in English and Japanese.

DDL, types, database comments, Dagster's column schema and `docs/tables.md` are generated from this
file, `listed_tables.py` (lists that are read whole), `daily_tables.py` (facts about the
space) and `history_tables.py` (events).
"""

from typing import Final

from sqlalchemy import Index

from resources.warehouse.raw.daily_tables import DAILY
from resources.warehouse.raw.history_tables import HISTORY
from resources.warehouse.raw.listed_tables import ID, LISTED, PROJECT, creation_fields
from resources.warehouse.raw.spec import Field, Kind, Owned, TableSpec, metadata, raw_table

__all__ = ["SPECS", "metadata"]

_ISSUES = raw_table(
    "issues",
    "Issues as they are now, one row each / 課題(現在の内容、1 件 1 行)",
    [
        ID, PROJECT,
        Field("issue_key", Kind.TEXT, "issueKey",
            "Key as people write it (OPS-42); changes when the project's does / "
            "課題キー(OPS-42 など。プロジェクトキーが変わると変わる)"),
        Field("key_id", Kind.BIGINT, "keyId", "Number in the key / 課題キーの番号"),
        Field("issue_type_id", Kind.BIGINT, "issueType.id", "Issue type / 種別のID"),
        Field("summary", Kind.TEXT, "summary", "Title / 件名"),
        Field("description", Kind.TEXT, "description",
            "Text, in the project's formatting rule / "
            "詳細(書式はプロジェクトのテキスト整形のルール)"),
        Field("resolution_id", Kind.BIGINT, "resolution.id",
            "How it was resolved; 0 is fixed, null not resolved / "
            "完了理由のID(0 は対応済み、未設定は空)"),
        Field("priority_id", Kind.BIGINT, "priority.id", "Priority / 優先度のID"),
        Field("status_id", Kind.BIGINT, "status.id",
            "Status, of the issue's project / 状態のID(課題のプロジェクトの状態)"),
        Field("assignee_id", Kind.BIGINT, "assignee.id",
            "User it is assigned to, null when nobody / 担当者のID(未割り当ては空)"),
        Field("category_ids", Kind.IDS, "category[].id", "Categories / カテゴリーのID"),
        Field("version_ids", Kind.IDS, "versions[].id", "Versions / 発生バージョンのID"),
        Field("milestone_ids", Kind.IDS, "milestone[].id",
            "Milestones, of the versions of the project / "
            "マイルストーンのID(プロジェクトのバージョンのうち)"),
        Field("start_date", Kind.DATE, "startDate",
            "Day the work starts, in the space's zone / 開始日(スペースのタイムゾーン)"),
        Field("due_date", Kind.DATE, "dueDate",
            "Day it is due, in the space's zone / 期限日(スペースのタイムゾーン)"),
        Field("estimated_hours", Kind.NUMERIC, "estimatedHours", "Estimate in hours / 予定時間"),
        Field("actual_hours", Kind.NUMERIC, "actualHours", "Hours spent / 実績時間"),
        Field("parent_issue_id", Kind.BIGINT, "parentIssueId",
            "Issue it is a child of / 親課題のID"),
        *creation_fields("issue", "課題"),
    ],
    endpoint="GET /issues",
    label=("issues", "課題"),
    business_key="issue_key",
    references={
        "project_id": "projects", "issue_type_id": "issue_types", "resolution_id": "resolutions",
        "priority_id": "priorities", "status_id": "statuses", "assignee_id": "users",
        "category_ids": "categories",
        "version_ids": "versions", "milestone_ids": "versions", "parent_issue_id": "issues",
        "created_user_id": "users", "updated_user_id": "users",
    },
    also_known=("customFields", "attachments", "sharedFiles", "externalFileLinks", "stars"),
    owned={
        "customFields": Owned.CUSTOM_FIELDS, "attachments": Owned.REFERENCES,
        "sharedFiles": Owned.FILES,
        "stars": Owned.REFERENCES,
    },
    freshness=("updated_at", "created_at"),
    indexes=(("project_id", "updated_at"), ("project_id", "loaded_at")),
)  # fmt: skip

#: Includes all columns that queries by key need, so that they read only the index.
Index(
    "issues_space_key_issue_key_idx",
    *(_ISSUES.table.c[name] for name in ("space_key", "issue_key")),
    postgresql_include=["id", "project_id", "deleted_at"],
)

SPECS: Final[dict[str, TableSpec]] = {
    spec.name: spec for spec in (*LISTED, *DAILY, _ISSUES, *HISTORY)
}
"""Every raw table by its name."""

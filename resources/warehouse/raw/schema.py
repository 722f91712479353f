"""The raw tables: each column is declared once with its name, type, path in the record and comment.

DDL, types, database comments, Dagster's column schema and `docs/tables.md` are generated from this
file, `schema_lists.py` (lists that are read whole), `schema_daily.py` (facts about the space) and
`schema_history.py` (events).
"""

from typing import Final

from sqlalchemy import Index

from resources.warehouse.raw.schema_daily import DAILY
from resources.warehouse.raw.schema_history import HISTORY
from resources.warehouse.raw.schema_lists import ID, LISTED, PROJECT, creation_fields
from resources.warehouse.raw.spec import Field, Kind, Owned, TableSpec, metadata, raw_table

__all__ = ["SPECS", "metadata"]

_ISSUES = raw_table(
    "issues",
    "Issues as they are now, one row each",
    [
        ID, PROJECT,
        Field("issue_key", Kind.TEXT, "issueKey",
            "Key as people write it (OPS-42); changes when the project's does"),
        Field("key_id", Kind.BIGINT, "keyId", "Number in the key"),
        Field("issue_type_id", Kind.BIGINT, "issueType.id", "Issue type"),
        Field("summary", Kind.TEXT, "summary", "Title"),
        Field("description", Kind.TEXT, "description", "Text, in the project's formatting rule"),
        Field("resolution_id", Kind.BIGINT, "resolution.id",
            "How it was resolved; 0 is fixed, null not resolved"),
        Field("priority_id", Kind.BIGINT, "priority.id", "Priority"),
        Field("status_id", Kind.BIGINT, "status.id", "Status, of the issue's project"),
        Field("assignee_id", Kind.BIGINT, "assignee.id",
            "User it is assigned to, null when nobody"),
        Field("category_ids", Kind.IDS, "category[].id", "Categories"),
        Field("version_ids", Kind.IDS, "versions[].id", "Versions"),
        Field("milestone_ids", Kind.IDS, "milestone[].id",
            "Milestones, of the versions of the project"),
        Field("start_date", Kind.DATE, "startDate", "Day the work starts, in the space's zone"),
        Field("due_date", Kind.DATE, "dueDate", "Day it is due, in the space's zone"),
        Field("estimated_hours", Kind.NUMERIC, "estimatedHours", "Estimate in hours"),
        Field("actual_hours", Kind.NUMERIC, "actualHours", "Hours spent"),
        Field("parent_issue_id", Kind.BIGINT, "parentIssueId", "Issue it is a child of"),
        *creation_fields("issue"),
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

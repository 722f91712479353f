"""The raw tables of events: comments, the activity feed, and the field changes that comments
report.
"""

from typing import Final

from sqlalchemy import Index, text

from resources.warehouse.raw.spec import Field, Kind, Owned, TableSpec, raw_table

_ID = Field(
    "id", Kind.BIGINT, "id", "Id in the source, unique within the space; a later one is higher"
)

_COMMENTS = raw_table(
    "comments",
    "Rows of the history of issues: what was said, what was changed, or both",
    [
        _ID,
        Field("issue_id", Kind.BIGINT, "issueId", "Issue it stands at", required=True),
        Field("project_id", Kind.BIGINT, "projectId", "Project of the issue", required=True),
        Field("content", Kind.TEXT, "content", "What was said; empty where there are only changes"),
        Field(
            "created_user_id",
            Kind.BIGINT,
            "createdUser.id",
            "User who wrote it or made the changes",
        ),
        Field("created_at", Kind.TIMESTAMP, "created", "When it was written"),
        Field("updated_at", Kind.TIMESTAMP, "updated", "When its text was last changed"),
    ],
    endpoint="GET /issues/:id/comments",
    label=("comments", "コメント"),
    references={"issue_id": "issues", "project_id": "projects", "created_user_id": "users"},
    also_known=("changeLog", "stars", "notifications"),
    owned={"stars": Owned.REFERENCES, "notifications": Owned.NOTICES},
    freshness=("updated_at", "created_at"),
    indexes=(("project_id", "created_at"), ("issue_id",), ("project_id", "loaded_at")),
)

_ACTIVITIES = raw_table(
    "activities",
    "The feed of the space: each event that a project showed, as it was received then",
    [
        _ID,
        Field("project_id", Kind.BIGINT, "project.id", "Project it happened in"),
        Field("type", Kind.BIGINT, "type",
            "Kind of event, as 1 issue created, 2 updated, 3 commented, 4 deleted, 14 bulk update"),
        Field("content_id", Kind.BIGINT, "content.id",
            "Issue, wiki page … it is about; null without a numeric id", lenient=True),
        Field("comment_id", Kind.BIGINT, "content.comment.id",
            "Comment it reports, where it reports one", lenient=True),
        Field("created_user_id", Kind.BIGINT, "createdUser.id", "User who did it"),
        Field("created_at", Kind.TIMESTAMP, "created", "When it happened"),
    ],
    endpoint="GET /space/activities",
    label=("activities", "アクティビティ"),
    references={"project_id": "projects", "created_user_id": "users"},
    also_known=("notifications",),
    owns_only=frozenset({"id", "type", "created"}),
    vanishes=False,
    indexes=(("project_id", "created_at"), ("content_id",), ("comment_id",), ("project_id",
        "loaded_at")),
)  # fmt: skip

Index(
    "activities_deleted_statuses_idx",
    *(_ACTIVITIES.table.c[name] for name in ("space_key", "project_id", "created_at")),
    postgresql_where=text("type = 34"),
)

_ISSUE_CHANGES = raw_table(
    "issue_changes",
    "Changes of single fields of issues, one row each, made from the change log of comments",
    [
        Field("comment_id", Kind.BIGINT, "commentId", "Comment whose change log has it"),
        Field("position", Kind.BIGINT, "position", "Place in that change log, from 0"),
        Field("issue_id", Kind.BIGINT, "issueId", "Issue that was changed", required=True),
        Field("project_id", Kind.BIGINT, "projectId", "Project of the issue", required=True),
        Field("created_at", Kind.TIMESTAMP, "created", "When it was changed"),
        Field("created_user_id", Kind.BIGINT, "createdUser.id", "User who changed it"),
        Field(
            "field",
            Kind.TEXT,
            "field",
            "Field in standard English, as due_date; custom_field_<id> of a custom field",
        ),
        Field(
            "source_field", Kind.TEXT, "sourceField", "Field as the source calls it, as limitDate"
        ),
        Field(
            "kind", Kind.TEXT, "kind", "standard, custom, attachment, notification, commit or other"
        ),
        Field(
            "old_value",
            Kind.TEXT,
            "oldValue",
            "Value before as it was shown, null when none",
            of_person=True,
        ),
        Field(
            "new_value",
            Kind.TEXT,
            "newValue",
            "Value after as it was shown, null when none",
            of_person=True,
        ),
        Field(
            "old_id",
            Kind.BIGINT,
            "oldId",
            "Id behind the value before; null when there is not exactly one that is known",
        ),
        Field(
            "new_id",
            Kind.BIGINT,
            "newId",
            "Id behind the value after; null when there is not exactly one that is known",
        ),
        Field(
            "old_ids",
            Kind.IDS,
            "oldIds[]",
            "Ids behind the list before; null when not all are known",
            lenient=True,
        ),
        Field(
            "new_ids",
            Kind.IDS,
            "newIds[]",
            "Ids behind the list after; null when not all are known",
            lenient=True,
        ),
        Field(
            "custom_field_id",
            Kind.BIGINT,
            "customFieldId",
            "Custom field, also one that no longer exists",
        ),
    ],
    endpoint="GET /issues/:id/comments, `changeLog`",
    label=("issue changes", "変更履歴"),
    key=("comment_id", "position"),
    references={
        "comment_id": "comments",
        "issue_id": "issues",
        "project_id": "projects",
        "created_user_id": "users",
    },
    also_known=("changeLog", "namesOf"),
    indexes=(("issue_id", "created_at"), ("project_id", "created_at"), ("project_id", "loaded_at")),
)

HISTORY: Final[tuple[TableSpec, ...]] = (_COMMENTS, _ACTIVITIES, _ISSUE_CHANGES)
"""The tables of this file, each after the tables that it refers to."""

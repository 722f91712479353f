"""The raw tables of events: comments, the activity feed, and the field changes that comments
report.
"""

from typing import Final

from sqlalchemy import Index, text

from resources.warehouse.raw.spec import Field, Kind, Owned, TableSpec, raw_table

_ID = Field(
    "id",
    Kind.BIGINT,
    "id",
    "Id in the source, unique within the space; a later one is higher / "
    "Backlog でのID(スペース内で一意、後のものほど大きい)",
)

_COMMENTS = raw_table(
    "comments",
    "Rows of the history of issues: what was said, what was changed, or both / "
    "課題の履歴(コメント、変更、またはその両方)",
    [
        _ID,
        Field(
            "issue_id",
            Kind.BIGINT,
            "issueId",
            "Issue it stands at / コメントの付いた課題のID",
            required=True,
        ),
        Field(
            "project_id",
            Kind.BIGINT,
            "projectId",
            "Project of the issue / 課題のプロジェクトのID",
            required=True,
        ),
        Field(
            "content",
            Kind.TEXT,
            "content",
            "What was said; empty where there are only changes / コメントの本文(変更だけの行は空)",
        ),
        Field(
            "created_user_id",
            Kind.BIGINT,
            "createdUser.id",
            "User who wrote it or made the changes / コメントまたは変更をしたユーザーのID",
        ),
        Field("created_at", Kind.TIMESTAMP, "created", "When it was written / コメントの登録日時"),
        Field(
            "updated_at",
            Kind.TIMESTAMP,
            "updated",
            "When its text was last changed / 本文の最終更新日時",
        ),
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
    "The feed of the space: each event that a project showed, as it was received then / "
    "スペースのアクティビティ(受け取った時点の内容のまま)",
    [
        _ID,
        Field("project_id", Kind.BIGINT, "project.id", "Project it happened in / プロジェクトのID"),
        Field("type", Kind.BIGINT, "type",
            "Kind of event, as 1 issue created, 2 updated, 3 commented, 4 deleted, "
            "14 bulk update / 種類(1 課題の追加、2 更新、3 コメント、4 削除、14 一括更新など)"),
        Field("content_id", Kind.BIGINT, "content.id",
            "Issue, wiki page … it is about; null without a numeric id / "
            "対象(課題、Wiki ページなど)のID(数値のIDがなければ空)", lenient=True),
        Field("comment_id", Kind.BIGINT, "content.comment.id",
            "Comment it reports, where it reports one / "
            "知らせているコメントのID(なければ空)", lenient=True),
        Field("created_user_id", Kind.BIGINT, "createdUser.id",
            "User who did it / 操作したユーザーのID"),
        Field("created_at", Kind.TIMESTAMP, "created", "When it happened / 発生日時"),
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
    "Changes of single fields of issues, one row each, made from the change log of comments / "
    "課題の変更履歴(項目ごとに 1 行。コメントの変更ログから作成)",
    [
        Field(
            "comment_id",
            Kind.BIGINT,
            "commentId",
            "Comment whose change log has it / 変更ログのあるコメントのID",
        ),
        Field(
            "position",
            Kind.BIGINT,
            "position",
            "Place in that change log, from 0 / 変更ログの中の位置(0 から)",
        ),
        Field(
            "issue_id",
            Kind.BIGINT,
            "issueId",
            "Issue that was changed / 変更された課題のID",
            required=True,
        ),
        Field(
            "project_id",
            Kind.BIGINT,
            "projectId",
            "Project of the issue / 課題のプロジェクトのID",
            required=True,
        ),
        Field("created_at", Kind.TIMESTAMP, "created", "When it was changed / 変更日時"),
        Field(
            "created_user_id",
            Kind.BIGINT,
            "createdUser.id",
            "User who changed it / 変更したユーザーのID",
        ),
        Field(
            "field",
            Kind.TEXT,
            "field",
            "Field in standard English, as due_date; custom_field_<id> of a custom field / "
            "項目の標準の名前(due_date など。カスタム属性は custom_field_<id>)",
        ),
        Field(
            "source_field",
            Kind.TEXT,
            "sourceField",
            "Field as the source calls it, as limitDate / Backlog での項目の名前(limitDate など)",
        ),
        Field(
            "kind",
            Kind.TEXT,
            "kind",
            "standard, custom, attachment, notification, commit or other / "
            "項目の分類(標準、カスタム属性、添付、お知らせ、コミット、その他)",
        ),
        Field(
            "old_value",
            Kind.TEXT,
            "oldValue",
            "Value before as it was shown, null when none / 変更前の値(表示のまま。なければ空)",
            of_person=True,
        ),
        Field(
            "new_value",
            Kind.TEXT,
            "newValue",
            "Value after as it was shown, null when none / 変更後の値(表示のまま。なければ空)",
            of_person=True,
        ),
        Field(
            "old_id",
            Kind.BIGINT,
            "oldId",
            "Id behind the value before; null when there is not exactly one that is known / "
            "変更前の値のID(1 つに決まらなければ空)",
        ),
        Field(
            "new_id",
            Kind.BIGINT,
            "newId",
            "Id behind the value after; null when there is not exactly one that is known / "
            "変更後の値のID(1 つに決まらなければ空)",
        ),
        Field(
            "old_ids",
            Kind.IDS,
            "oldIds[]",
            "Ids behind the list before; null when not all are known / "
            "変更前のリストのID(不明なものがあれば空)",
            lenient=True,
        ),
        Field(
            "new_ids",
            Kind.IDS,
            "newIds[]",
            "Ids behind the list after; null when not all are known / "
            "変更後のリストのID(不明なものがあれば空)",
            lenient=True,
        ),
        Field(
            "custom_field_id",
            Kind.BIGINT,
            "customFieldId",
            "Custom field, also one that no longer exists / カスタム属性のID(今はないものも含む)",
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

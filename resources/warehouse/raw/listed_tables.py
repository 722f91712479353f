"""The raw tables that are read whole from a list of the space or of each project.

Each is declared only here. Its load, asset, checks, name on the page and section in
`docs/tables.md` follow from the declaration; `docs/architecture.md` shows how to add one.
"""

from dataclasses import replace
from typing import Final

from resources.warehouse.raw.spec import Field, Kind, Listing, Owned, TableSpec, raw_table

ID = Field(
    "id",
    Kind.BIGINT,
    "id",
    "Id in the source, unique within the space / Backlog でのID(スペース内で一意)",
)
_NAME = Field("name", Kind.TEXT, "name", "Name as shown / 名前(表示名)")
_ORDER = Field(
    "display_order",
    Kind.BIGINT,
    "displayOrder",
    "Place in lists; 2147483646 and -1 mean never ordered / "
    "一覧での表示順(2147483646 と -1 は並べ替えなし)",
)
PROJECT = Field(
    "project_id",
    Kind.BIGINT,
    "projectId",
    "Project it belongs to / 属するプロジェクトのID",
    required=True,
)
_COLOR = Field("color", Kind.TEXT, "color", "Colour as #rrggbb / 色(#rrggbb)")
_FORMAT = Field(
    "text_formatting_rule",
    Kind.TEXT,
    "textFormattingRule",
    "How texts are written: backlog or markdown / テキスト整形のルール(backlog または markdown)",
)


def creation_fields(what: str, japanese: str) -> list[Field]:
    """Return the columns for who created and changed a record, which is named in both languages,
    and when.
    """
    return [
        Field("created_user_id", Kind.BIGINT, "createdUser.id",
            f"User who made the {what} / {japanese}の登録者のID"),
        Field("created_at", Kind.TIMESTAMP, "created",
            f"When the {what} was made / {japanese}の登録日時"),
        Field("updated_user_id", Kind.BIGINT, "updatedUser.id",
            f"User who changed the {what} last / {japanese}の最終更新者のID"),
        Field("updated_at", Kind.TIMESTAMP, "updated",
            f"When the {what} was last changed, by the source's clock / "
            f"{japanese}の最終更新日時(Backlog の時計)"),
    ]  # fmt: skip


_PROJECT_REF = {"project_id": "projects"}

_SPACE = raw_table(
    "space",
    "The space itself, one row / スペース自体(1 行)",
    [
        _NAME,
        Field("owner_id", Kind.BIGINT, "ownerId", "User who owns the space / スペースの所有者のID"),
        Field("lang", Kind.TEXT, "lang", "Language of the space / スペースの言語"),
        Field("timezone", Kind.TEXT, "timezone",
            "IANA zone in which date-only values are read / "
            "日付だけの値を解釈するタイムゾーン(IANA 名)"),
        Field("report_send_time", Kind.TEXT, "reportSendTime",
            "Wall-clock time of the daily report, without zone / "
            "日次レポートの送信時刻(タイムゾーンなし)"),
        _FORMAT,
        Field("created_at", Kind.TIMESTAMP, "created",
            "When the space was made / スペースの作成日時"),
        Field("updated_at", Kind.TIMESTAMP, "updated",
            "When the space's settings were last changed / スペースの設定の最終更新日時"),
    ],
    endpoint="GET /space",
    label=("space", "スペース"),
    listing=Listing("Its time zone is the one in which Backlog reads date-only values."),
    key=(),
    business_key="space_key",
    references={"owner_id": "users"},
    also_known=("spaceKey",),
    freshness=("updated_at", "created_at"),
    vanishes=False,
)  # fmt: skip

_USERS = raw_table(
    "users",
    "People of the space / スペースのユーザー",
    [
        ID,
        Field("user_id", Kind.TEXT, "userId",
            "Login name, not the id; null for Nulab-account-only users / "
            "ログインに使うユーザーID(数値の id とは別。Nulab アカウントだけのユーザーは空)",
            of_person=True),
        replace(_NAME, of_person=True),
        Field("role_type", Kind.BIGINT, "roleType",
            "Role 1-6; the meaning depends on the space's plan / "
            "権限の種類(1〜6。意味はプランによる)"),
        Field("lang", Kind.TEXT, "lang",
            "Language of the user, null when not set / ユーザーの言語(未設定は空)"),
        Field("mail_address", Kind.TEXT, "mailAddress",
            "Personal data; null when the API key may not see it / "
            "メールアドレス(個人情報。API キーに閲覧権限がなければ空)", of_person=True),
        Field("last_login_at", Kind.TIMESTAMP, "lastLoginTime",
            "When the user last logged in, as of the last load of users; a login "
            "alone moves no loaded_at / 最終ログイン日時"
            "(ユーザーを最後にロードした時点。ログインだけでは loaded_at は変わらない)"),
        Field("nulab_account_id", Kind.TEXT, "nulabAccount.nulabId",
            "Id of the Nulab account, null when none / Nulab アカウントのID(なければ空)",
            of_person=True),
    ],
    endpoint="GET /users",
    label=("users", "ユーザー"),
    listing=Listing(
        "Only administrators and project administrators may read them; with another key the table "
        "holds the union of the members of all visible projects, and the metadata entry "
        "`source_of_users` says so.",
        seen_at="GET /projects/:id/users",
        seen="members",
    ),
    business_key="user_id",
    also_known=("keyword",),
)  # fmt: skip

_PROJECTS = raw_table(
    "projects",
    "Projects, archived ones included / プロジェクト(アーカイブ済みを含む)",
    [
        ID,
        Field("project_key", Kind.TEXT, "projectKey",
            "Key as in issue keys; can be renamed, the id cannot / "
            "プロジェクトキー(変更されることがある。id は変わらない)"),
        _NAME,
        Field("archived", Kind.BOOLEAN, "archived",
            "Whether the project is archived / アーカイブ済みか"),
        _FORMAT,
        Field("chart_enabled", Kind.BOOLEAN, "chartEnabled",
            "Whether charts are on / チャートを使うか"),
        Field("subtasking_enabled", Kind.BOOLEAN, "subtaskingEnabled",
            "Whether issues may have child issues / 親子課題を使うか"),
        Field("use_wiki", Kind.BOOLEAN, "useWiki", "Whether the wiki is on / Wiki を使うか"),
        Field("use_git", Kind.BOOLEAN, "useGit", "Whether Git is on / Git を使うか"),
        _ORDER,
    ],
    endpoint="GET /projects",
    label=("projects", "プロジェクト"),
    listing=Listing(
        "It has those that the API key can see or once could.\n\n"
        "Of a project that is **deleted**, as an administrator's key shows, all rows in every "
        "table are marked too. It may also be **inaccessible** only: then its row gets a "
        "`deleted_reason` that begins with `no access`, but no `deleted_at`, and everything else "
        "of it stays as it is until it is listed again, when it is read whole."
    ),
    business_key="project_key",
    also_known=(
        "useResolvedForChart", "projectLeaderCanEditProjectLeader", "useFileSharing",
        "useWikiTreeView",
        "useOriginalImageSizeAtWiki", "useSubversion", "useDevAttributes", "grandchildIssueEnabled",
        "useGantt",
        "useBurndown",
    ),
)  # fmt: skip

_PROJECT_MEMBERS = raw_table(
    "project_members",
    "Who is a member of which project, also by way of a team / "
    "プロジェクトのメンバー(チーム経由を含む)",
    [
        Field("project_id", Kind.BIGINT, "", "Project / プロジェクトのID"),
        Field(
            "user_id", Kind.BIGINT, "id", "Member; here the user's numeric id / メンバーのID(数値)"
        ),
    ],
    endpoint="GET /projects/:id/users",
    label=("project members", "メンバー"),
    listing=Listing("Those of an inaccessible project stay as they are."),
    key=("project_id", "user_id"),
    references={"project_id": "projects", "user_id": "users"},
    also_known=(
        "userId",
        "name",
        "roleType",
        "lang",
        "mailAddress",
        "lastLoginTime",
        "nulabAccount",
        "keyword",
    ),
    owns_only=frozenset({"id"}),
)

_TEAMS = raw_table(
    "teams",
    "Teams of users / ユーザーのチーム",
    [
        ID,
        _NAME,
        Field(
            "member_ids", Kind.IDS, "members[].id", "Users in the team / チームに属するユーザーのID"
        ),
        _ORDER,
        *creation_fields("team", "チーム"),
    ],
    endpoint="GET /teams",
    label=("teams", "チーム"),
    listing=Listing(
        "Only administrators and project administrators may read "
        "them; with another key the table holds the union of the teams of all visible projects, "
        "and the metadata entry `source_of_teams` says so.",
        seen_at="GET /projects/:id/teams",
        seen="teams",
        paged=True,
    ),
    business_key="name",
    references={"member_ids": "users", "created_user_id": "users", "updated_user_id": "users"},
    freshness=("updated_at", "created_at"),
)

_STATUSES = raw_table(
    "statuses",
    "Statuses of each project; ids 1-4 are the built-in ones and repeat in every project / "
    "プロジェクトごとの状態(ID 1〜4 は既定の状態で、全プロジェクトに共通)",
    [
        PROJECT,
        Field(
            "id",
            Kind.BIGINT,
            "id",
            "Id in the source, unique within the project / Backlog でのID(プロジェクト内で一意)",
        ),
        _NAME,
        _COLOR,
        _ORDER,
    ],
    endpoint="GET /projects/:id/statuses",
    label=("statuses", "状態"),
    listing=Listing("Join on project **and** id."),
    key=("project_id", "id"),
    business_key="name",
    references=_PROJECT_REF,
)

_ISSUE_TYPES = raw_table(
    "issue_types",
    "Issue types of each project / プロジェクトごとの種別",
    [
        ID, PROJECT, _NAME, _COLOR, _ORDER,
        Field("template_summary", Kind.TEXT, "templateSummary",
            "Summary a new issue of this type starts with / "
            "この種別の課題を追加するときの件名のテンプレート"),
        Field("template_description", Kind.TEXT, "templateDescription",
            "Description such an issue starts with / "
            "この種別の課題を追加するときの詳細のテンプレート"),
    ],
    endpoint="GET /projects/:id/issueTypes",
    label=("issue types", "種別"),
    listing=Listing("With the templates of new issues."),
    business_key="name", references=_PROJECT_REF,
)  # fmt: skip

_CATEGORIES = raw_table(
    "categories",
    "Categories of each project / プロジェクトごとのカテゴリー",
    [ID, PROJECT, _NAME, _ORDER],
    endpoint="GET /projects/:id/categories",
    label=("categories", "カテゴリー"),
    listing=Listing(), business_key="name", references=_PROJECT_REF,
)  # fmt: skip

_VERSIONS = raw_table(
    "versions",
    "Versions and milestones of each project: one list serves both / "
    "プロジェクトごとの発生バージョンとマイルストーン(一覧は共通)",
    [
        ID, PROJECT, _NAME,
        Field("description", Kind.TEXT, "description", "Description / 説明"),
        Field("start_date", Kind.DATE, "startDate",
            "First day, in the space's zone / 開始日(スペースのタイムゾーン)"),
        Field("release_due_date", Kind.DATE, "releaseDueDate",
            "Day it is due, in the space's zone / リリース予定日(スペースのタイムゾーン)"),
        Field("archived", Kind.BOOLEAN, "archived", "Whether it is put away / アーカイブ済みか"),
        _ORDER,
    ],
    endpoint="GET /projects/:id/versions",
    label=("versions", "バージョン"),
    listing=Listing(
        "`raw.issues.milestone_ids` and `version_ids` both point here."
    ), business_key="name", references=_PROJECT_REF,
)  # fmt: skip

_CUSTOM_FIELDS = raw_table(
    "custom_fields",
    "Definitions of custom fields of each project / プロジェクトごとのカスタム属性の定義",
    [
        ID, PROJECT,
        Field(
            "type_id", Kind.BIGINT, "typeId",
            "1 text, 2 text area, 3 number, 4 date, 5 single list, 6 multiple list, "
            "7 checkbox, 8 radio / 型(1 文字列、2 文章、3 数値、4 日付、5 単一リスト、"
            "6 複数リスト、7 チェックボックス、8 ラジオ)",
        ),
        _NAME,
        Field("description", Kind.TEXT, "description", "Description / 説明"),
        Field("required", Kind.BOOLEAN, "required", "Whether an issue must have a value / 必須か"),
        Field("use_issue_type", Kind.BOOLEAN, "useIssueType",
            "Whether the field is limited to some issue types / 一部の種別だけで使うか"),
        Field("applicable_issue_type_ids", Kind.IDS, "applicableIssueTypes[]",
            "Issue types that have it; empty: all / 使う種別のID(空ならすべて)"),
        Field("items", Kind.JSONB, "items",
            "Choices of a list: id (unique within the field), name, displayOrder / "
            "リストの選択肢(属性内で一意の id、name、displayOrder)"),
        Field("allow_add_item", Kind.BOOLEAN, "allowAddItem",
            "Whether people may add choices / 選択肢を追加できるか"),
        Field("allow_input", Kind.BOOLEAN, "allowInput",
            "Whether people may type another value / 選択肢にない値を入力できるか"),
        Field("unit", Kind.TEXT, "unit", "Unit of a number / 数値の単位"),
        _ORDER,
    ],
    endpoint="GET /projects/:id/customFields",
    label=("custom fields", "カスタム属性"),
    listing=Listing(
        "The ids of list items are small numbers local to one field. A space whose plan has no "
        "custom fields keeps the rows it has."
    ),
    business_key="name",
    references=_PROJECT_REF | {"applicable_issue_type_ids": "issue_types"},
    also_known=("version", "min", "max", "initialValue", "initialDate", "initialShift",
        "initialValueType"),
    owned={"items": Owned.ITEMS},
)  # fmt: skip

_PRIORITIES = raw_table(
    "priorities",
        "Priorities of the space: 2 high, 3 normal, 4 low / 優先度(2 高、3 中、4 低)", [ID, _NAME],
    endpoint="GET /priorities",
    label=("priorities", "優先度"),
    listing=Listing(), business_key="name",
)  # fmt: skip

_RESOLUTIONS = raw_table(
    "resolutions",
        "Resolutions of the space; 0 (fixed) is a valid id / "
        "完了理由(0「対応済み」も有効なID)", [ID, _NAME],
    endpoint="GET /resolutions",
    label=("resolutions", "完了理由"),
    listing=Listing(), business_key="name",
)  # fmt: skip

LISTED: Final[tuple[TableSpec, ...]] = (
    _SPACE, _USERS, _PROJECTS, _PROJECT_MEMBERS, _TEAMS, _STATUSES, _ISSUE_TYPES, _CATEGORIES,
    _VERSIONS, _CUSTOM_FIELDS, _PRIORITIES, _RESOLUTIONS,
)  # fmt: skip
"""The tables of this file, each after the tables that it refers to."""

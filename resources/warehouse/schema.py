"""The raw tables of things as they are now: each column declared once with its name, type, place in
the record and comment.

DDL, typing, database comments, Dagster's column schema and `docs/tables.md` are all made from here
and `schema_history.py`.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy import Index

from resources.warehouse.schema_history import HISTORY
from resources.warehouse.spec import Field, Kind, Owned, TableSpec, metadata, raw_table

__all__ = ["SPECS", "metadata"]

_ID = Field("id", Kind.BIGINT, "id", "Id in the source, unique within the space")
_NAME = Field("name", Kind.TEXT, "name", "Name as shown")
_ORDER = Field(
    "display_order",
    Kind.BIGINT,
    "displayOrder",
    "Place in lists; 2147483646 and -1 mean never ordered",
)
_PROJECT = Field("project_id", Kind.BIGINT, "projectId", "Project it belongs to", required=True)
_COLOR = Field("color", Kind.TEXT, "color", "Colour as #rrggbb")
_FORMAT = Field(
    "text_formatting_rule",
    Kind.TEXT,
    "textFormattingRule",
    "How texts are written: backlog or markdown",
)


def _creation_fields(what: str) -> list[Field]:
    return [
        Field("created_user_id", Kind.BIGINT, "createdUser.id", f"User who made the {what}"),
        Field("created_at", Kind.TIMESTAMP, "created", f"When the {what} was made"),
        Field(
            "updated_user_id", Kind.BIGINT, "updatedUser.id", f"User who changed the {what} last"
        ),
        Field(
            "updated_at",
            Kind.TIMESTAMP,
            "updated",
            f"When the {what} was last changed, by the source's clock",
        ),
    ]


_PROJECT_REF = {"project_id": "projects"}

_SPACE = raw_table(
    "space",
    "The space itself, one row",
    [
        _NAME,
        Field("owner_id", Kind.BIGINT, "ownerId", "User who owns the space"),
        Field("lang", Kind.TEXT, "lang", "Language of the space"),
        Field("timezone", Kind.TEXT, "timezone", "IANA zone in which date-only values are read"),
        Field(
            "report_send_time",
            Kind.TEXT,
            "reportSendTime",
            "Wall-clock time of the daily report, without zone",
        ),
        _FORMAT,
        Field("created_at", Kind.TIMESTAMP, "created", "When the space was made"),
        Field(
            "updated_at", Kind.TIMESTAMP, "updated", "When the space's settings were last changed"
        ),
    ],
    endpoint="GET /space",
    key=(),
    business_key="space_key",
    references={"owner_id": "users"},
    also_known=("spaceKey",),
    freshness=("updated_at", "created_at"),
    vanishes=False,
)

_USERS = raw_table(
    "users",
    "People of the space",
    [
        _ID,
        Field(
            "user_id",
            Kind.TEXT,
            "userId",
            "Login name, not the id; null for Nulab-account-only users",
            of_person=True,
        ),
        replace(_NAME, of_person=True),
        Field(
            "role_type",
            Kind.BIGINT,
            "roleType",
            "Role 1-6; the meaning depends on the space's plan",
        ),
        Field("lang", Kind.TEXT, "lang", "Language of the user, null when not set"),
        Field(
            "mail_address",
            Kind.TEXT,
            "mailAddress",
            "Personal data; null when the API key may not see it",
            of_person=True,
        ),
        Field(
            "last_login_at",
            Kind.TIMESTAMP,
            "lastLoginTime",
            "When the user last logged in, as of the last load of users; a login "
            "alone moves no loaded_at",
        ),
        Field(
            "nulab_account_id",
            Kind.TEXT,
            "nulabAccount.nulabId",
            "Id of the Nulab account, null when none",
            of_person=True,
        ),
    ],
    endpoint="GET /users",
    business_key="user_id",
    also_known=("keyword",),
)

_PROJECTS = raw_table(
    "projects",
    "Projects, archived ones included",
    [
        _ID,
        Field("project_key", Kind.TEXT, "projectKey",
            "Key as in issue keys; can be renamed, the id cannot"),
        _NAME,
        Field("archived", Kind.BOOLEAN, "archived", "Whether the project is archived"),
        _FORMAT,
        Field("chart_enabled", Kind.BOOLEAN, "chartEnabled", "Whether charts are on"),
        Field("subtasking_enabled", Kind.BOOLEAN, "subtaskingEnabled",
            "Whether issues may have child issues"),
        Field("use_wiki", Kind.BOOLEAN, "useWiki", "Whether the wiki is on"),
        Field("use_git", Kind.BOOLEAN, "useGit", "Whether Git is on"),
        _ORDER,
    ],
    endpoint="GET /projects",
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
    "Who is a member of which project, also by way of a team",
    [
        Field("project_id", Kind.BIGINT, "", "Project"),
        Field("user_id", Kind.BIGINT, "id", "Member; here the user's numeric id"),
    ],
    endpoint="GET /projects/:id/users",
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
    "Teams of users",
    [
        _ID,
        _NAME,
        Field("member_ids", Kind.IDS, "members[].id", "Users in the team"),
        _ORDER,
        *_creation_fields("team"),
    ],
    endpoint="GET /teams",
    business_key="name",
    references={"member_ids": "users", "created_user_id": "users", "updated_user_id": "users"},
    freshness=("updated_at", "created_at"),
)

_STATUSES = raw_table(
    "statuses",
    "Statuses of each project; ids 1-4 are the built-in ones and repeat in every project",
    [
        _PROJECT,
        Field("id", Kind.BIGINT, "id", "Id in the source, unique within the project"),
        _NAME,
        _COLOR,
        _ORDER,
    ],
    endpoint="GET /projects/:id/statuses",
    key=("project_id", "id"),
    business_key="name",
    references=_PROJECT_REF,
)

_ISSUE_TYPES = raw_table(
    "issue_types",
    "Issue types of each project",
    [
        _ID, _PROJECT, _NAME, _COLOR, _ORDER,
        Field("template_summary", Kind.TEXT, "templateSummary",
            "Summary a new issue of this type starts with"),
        Field("template_description", Kind.TEXT, "templateDescription",
            "Description such an issue starts with"),
    ],
    endpoint="GET /projects/:id/issueTypes", business_key="name", references=_PROJECT_REF,
)  # fmt: skip

_CATEGORIES = raw_table(
    "categories",
    "Categories of each project",
    [_ID, _PROJECT, _NAME, _ORDER],
    endpoint="GET /projects/:id/categories", business_key="name", references=_PROJECT_REF,
)  # fmt: skip

_VERSIONS = raw_table(
    "versions",
    "Versions and milestones of each project: one list serves both",
    [
        _ID, _PROJECT, _NAME,
        Field("description", Kind.TEXT, "description", "Description"),
        Field("start_date", Kind.DATE, "startDate", "First day, in the space's zone"),
        Field("release_due_date", Kind.DATE, "releaseDueDate",
            "Day it is due, in the space's zone"),
        Field("archived", Kind.BOOLEAN, "archived", "Whether it is put away"),
        _ORDER,
    ],
    endpoint="GET /projects/:id/versions", business_key="name", references=_PROJECT_REF,
)  # fmt: skip

_CUSTOM_FIELDS = raw_table(
    "custom_fields",
    "Definitions of custom fields of each project",
    [
        _ID, _PROJECT,
        Field(
            "type_id", Kind.BIGINT, "typeId",
            "1 text, 2 text area, 3 number, 4 date, 5 single list, 6 multiple list, "
            "7 checkbox, 8 radio",
        ),
        _NAME,
        Field("description", Kind.TEXT, "description", "Description"),
        Field("required", Kind.BOOLEAN, "required", "Whether an issue must have a value"),
        Field("use_issue_type", Kind.BOOLEAN, "useIssueType",
            "Whether the field is limited to some issue types"),
        Field("applicable_issue_type_ids", Kind.IDS, "applicableIssueTypes[]",
            "Issue types that have it; empty: all"),
        Field("items", Kind.JSONB, "items",
            "Choices of a list: id (unique within the field), name, displayOrder"),
        Field("allow_add_item", Kind.BOOLEAN, "allowAddItem", "Whether people may add choices"),
        Field("allow_input", Kind.BOOLEAN, "allowInput", "Whether people may type another value"),
        Field("unit", Kind.TEXT, "unit", "Unit of a number"),
        _ORDER,
    ],
    endpoint="GET /projects/:id/customFields",
    business_key="name",
    references=_PROJECT_REF | {"applicable_issue_type_ids": "issue_types"},
    also_known=("version", "min", "max", "initialValue", "initialDate", "initialShift",
        "initialValueType"),
    owned={"items": Owned.ITEMS},
)  # fmt: skip

_PRIORITIES = raw_table(
    "priorities", "Priorities of the space: 2 high, 3 normal, 4 low", [_ID, _NAME],
    endpoint="GET /priorities", business_key="name",
)  # fmt: skip

_RESOLUTIONS = raw_table(
    "resolutions", "Resolutions of the space; 0 (fixed) is a valid id", [_ID, _NAME],
    endpoint="GET /resolutions", business_key="name",
)  # fmt: skip

_ISSUES = raw_table(
    "issues",
    "Issues as they are now, one row each",
    [
        _ID, _PROJECT,
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
        *_creation_fields("issue"),
    ],
    endpoint="GET /issues",
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

#: With all that is asked of issues by their keys: no row need be read to answer.
Index(
    "issues_space_key_issue_key_idx",
    *(_ISSUES.table.c[name] for name in ("space_key", "issue_key")),
    postgresql_include=["id", "project_id", "deleted_at"],
)

SPECS: Final[dict[str, TableSpec]] = {
    spec.name: spec
    for spec in (
        _SPACE, _USERS, _PROJECTS, _PROJECT_MEMBERS, _TEAMS, _STATUSES, _ISSUE_TYPES, _CATEGORIES,
        _VERSIONS,
        _CUSTOM_FIELDS, _PRIORITIES, _RESOLUTIONS, _ISSUES, *HISTORY,
    )
}  # fmt: skip
"""Every raw table by its name."""

"""What the warehouse should hold, computed from the simulated space alone: nothing of the product
is used.

Rows are dicts of the columns that are compared.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from simulator import World
from simulator.clock import DAY
from simulator.model import Change, Issue, Project
from simulator.shapes import Viewer
from simulator.shapes_history import comment as comment_shape

Row = dict[str, Any]
Key = tuple[int, ...]
Rows = dict[Key, Row]
Ids = list[int] | None

#: Backlog's odd names of fields in change logs -> the field's terms; all others are the same in
#: snake_case.
STANDARD: Final = {
    "summary": "summary", "description": "description", "status": "status", "assigner": "assignee",
    "issueType": "issue_type",
    "startDate": "start_date", "limitDate": "due_date", "component": "category",
    "version": "version", "milestone": "milestone",
    "priority": "priority", "resolution": "resolution", "estimatedHours": "estimated_hours",
    "actualHours": "actual_hours",
    "parentIssue": "parent_issue", "attachment": "attachment", "notification": "notification",
}  # fmt: skip


def seen_projects(world: World) -> list[Project]:
    """Return the projects that the owner, whose key reads the space, has joined."""
    return [one for one in world.projects.values() if world.is_member(one, world.administrator.id)]


def listed_projects(world: World) -> list[Project]:
    """Return those of them whose issues the source lists."""
    return [
        one
        for one in seen_projects(world)
        if world.switches.archived_issues_listed or not one.archived
    ]


def issues(world: World, projects: Iterable[Project]) -> Rows:
    """Return what the source shows of each issue of some projects."""
    viewer = Viewer(world, world.administrator)
    return {
        (issue.id,): issue_row(viewer.issue(issue), world.spec.timezone)
        for issue in _issues(projects)
    }


def issue_row(issue: Mapping[str, Any], timezone: str) -> Row:
    """Return an issue of the API in the columns of the warehouse."""
    one = {
        column: issue[name]["id"] if issue[name] else None
        for column, name in {
            "issue_type_id": "issueType", "status_id": "status", "priority_id": "priority",
            "resolution_id": "resolution",
            "assignee_id": "assignee", "created_user_id": "createdUser",
            "updated_user_id": "updatedUser",
        }.items()
    }  # fmt: skip
    many = {"category_ids": "category", "version_ids": "versions", "milestone_ids": "milestone"}
    return {
        **one,
        **{column: sorted(entry["id"] for entry in issue[name]) for column, name in many.items()},
        "project_id": issue["projectId"],
        "issue_key": issue["issueKey"],
        "key_id": issue["keyId"],
        "summary": issue["summary"],
        "description": issue["description"],
        "parent_issue_id": issue["parentIssueId"],
        "start_date": day(issue["startDate"], timezone),
        "due_date": day(issue["dueDate"], timezone),
        "estimated_hours": hours(issue["estimatedHours"]),
        "actual_hours": hours(issue["actualHours"]),
        "created_at": datetime.fromisoformat(issue["created"]),
        "updated_at": datetime.fromisoformat(issue["updated"]),
        **issue_content(issue),
    }


def issue_content(issue: Mapping[str, Any]) -> Row:
    """Return what of an issue has no column: custom fields by id, a chosen item by its id; files
    and stars by theirs.
    """
    values = {}
    for field in issue["customFields"]:
        value = field["value"]
        chosen = value if isinstance(value, list) else [value]
        ids = sorted(
            str(item["id"] if isinstance(item, dict) else item)
            for item in chosen
            if item is not None
        )
        if ids or field.get("otherValue"):
            values[field["id"]] = (ids, field.get("otherValue"))
    lists = {
        name: sorted(entry["id"] for entry in issue[name])
        for name in ("stars", "attachments", "sharedFiles")
    }
    return {"custom": values, **lists}


def comments(world: World, projects: Iterable[Project]) -> Rows:
    """Return what the source shows of each comment of some projects."""
    viewer = Viewer(world, world.administrator)
    return {
        (row.id,): comment_row(comment_shape(viewer, row))
        for issue in _issues(projects)
        for row in issue.comments
    }


def comment_row(comment: Mapping[str, Any]) -> Row:
    """Return a comment of the API in the columns of the warehouse."""
    return {
        "issue_id": comment["issueId"],
        "project_id": comment["projectId"],
        "content": comment["content"],
        "created_user_id": comment["createdUser"]["id"],
        "created_at": datetime.fromisoformat(comment["created"]),
        "updated_at": datetime.fromisoformat(comment["updated"]),
        **comment_content(comment),
    }


def comment_content(comment: Mapping[str, Any]) -> Row:
    """Return what of a comment has no column."""
    return {
        "changeLog": comment["changeLog"],
        "stars": sorted(star["id"] for star in comment["stars"]),
        "notified": sorted(notice["user"]["id"] for notice in comment["notifications"]),
    }


def changes(_world: World, projects: Iterable[Project]) -> Rows:
    """Return each change of a field in some projects, by comment and place, with the true ids of
    what the names stand for.
    """
    return {
        (row.id, place): {
            "issue_id": issue.id,
            "project_id": issue.project_id,
            "created_user_id": row.by,
            "created_at": datetime.fromtimestamp(row.created, ZoneInfo("UTC")),
            "kind": _kind(change),
            "field": f"custom_field_{change.attribute[0]}"
            if change.attribute
            else STANDARD[change.field],
            "source_field": change.field,
            "custom_field_id": change.attribute[0] if change.attribute else None,
            "old_value": change.old or None,
            "new_value": change.new or None,
            "old_ids": _ids(change.old_ids),
            "new_ids": _ids(change.new_ids),
        }
        for issue in _issues(projects)
        for row in issue.comments
        for place, change in enumerate(row.changes)
    }


def activities(world: World) -> Rows:
    """Return the activities that the feed of the space shows now."""
    switches, now = world.switches, world.clock.now()
    oldest = now - switches.activity_retention_days * DAY if switches.activity_retention_days else 0
    late = switches.late_activity_seconds
    seen = {project.id for project in seen_projects(world)}
    return {
        (one.id,): {
            "project_id": one.project_id,
            "type": one.type,
            "created_at": datetime.fromtimestamp(one.created, ZoneInfo("UTC")),
            "created_user_id": one.by,
        }
        for one in world.activities
        if one.project_id in seen
        and one.created >= oldest
        and (not late or one.id % 5 or one.created + late <= now)
    }


def masters(world: World) -> dict[str, Rows]:
    """Return the masters, members and users that the source lists, by table, with their names."""
    found: dict[str, Rows] = {
        "projects": {
            (one.id,): {"project_key": one.key, "name": one.name, "archived": one.archived}
            for one in seen_projects(world)
        },
        "users": {(one.id,): {"name": one.name} for one in world.users.values() if not one.closed},
        "project_members": {
            (project.id, user): {}
            for project in seen_projects(world)
            for user in {
                *project.members,
                *(one for team in project.teams for one in world.teams[team].members),
            }
            if not world.users[user].closed
        },
        "statuses": {
            (project.id, one.id): {"name": one.name}
            for project in seen_projects(world)
            for one in project.statuses.values()
        },
    }
    lists = {
        "issue_types": "issue_types",
        "categories": "categories",
        "versions": "versions",
        "custom_fields": "fields",
    }
    for table, attribute in lists.items():
        found[table] = {
            (one.id,): {"name": one.name, "project_id": project.id}
            for project in seen_projects(world)
            for one in getattr(project, attribute).values()
        }
    return found


def day(value: str | None, timezone: str) -> date | None:
    """Return a day, which is written as midnight of UTC or of the space's zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return moment.date() if moment.hour == 0 else moment.astimezone(ZoneInfo(timezone)).date()


def hours(value: float | None) -> Decimal | None:
    """Return hours as the warehouse keeps them."""
    return None if value is None else Decimal(str(value))


def _issues(projects: Iterable[Project]) -> Iterable[Issue]:
    return [issue for project in projects for issue in project.issues.values()]


def _kind(change: Change) -> str:
    if change.attribute is not None:
        return "custom"
    return change.field if change.field in ("attachment", "notification") else "standard"


def _ids(ids: tuple[int, ...] | None) -> Ids:
    return None if ids is None else list(ids)

"""The JSON of comments and activities."""

from collections.abc import Sequence

from simulator.clock import stamp
from simulator.model import Activity, Change, Comment, Project
from simulator.shapes import Viewer
from simulator.shapes_masters import Json


def comment(viewer: Viewer, row: Comment) -> Json:
    """Return a row of an issue's history."""
    issue = viewer.world.issues[row.issue_id]
    return {
        "id": row.id,
        "projectId": issue.project_id,
        "issueId": issue.id,
        "content": row.content,
        "changeLog": [_change_log(change) for change in row.changes],
        "createdUser": viewer.user(row.by),
        "created": stamp(row.created),
        "updated": stamp(row.updated),
        "stars": [viewer.star(star, issue) for star in row.stars],
        "notifications": notifications(viewer, row),
    }


def notifications(viewer: Viewer, row: Comment) -> list[Json]:
    """Return the users who were notified of a comment."""
    return [
        {
            "id": notice.id,
            "alreadyRead": False,
            "reason": 2,
            "user": viewer.user(notice.user),
            "resourceAlreadyRead": False,
        }
        for notice in row.notices
    ]


def activity(viewer: Viewer, one: Activity) -> Json:
    """Return a row of the feed."""
    project = viewer.world.projects[one.project_id]
    return {
        "id": one.id,
        "project": _reduced(project),
        "type": one.type,
        "content": content(viewer, one),
        "notifications": [],
        "createdUser": viewer.user(one.by),
        "created": stamp(one.created),
    }


def content(viewer: Viewer, one: Activity) -> Json:
    """Return the content of an activity, in the shape of its type."""
    data = one.data
    match one.type:
        case 1:
            return dict(zip(("id", "key_id", "summary", "description"), data, strict=True))
        case 2 | 3 | 17:
            shape = dict(zip(("id", "key_id", "summary", "description"), data[:4], strict=True))
            said, changes = data[4], data[5]
            shape["comment"] = None if said is None else {"id": said[0], "content": said[1]}
            shape["changes"] = [
                {
                    "field": change.field,
                    "field_text": f"lbl.changelog.{change.field}",
                    "new_value": change.new_ref,
                    "old_value": change.old_ref,
                    "type": "standard" if change.attribute is None else "custom",
                }
                for change in changes
                if change.attachment is None
            ]
            shape["attachments"] = _attachments(changes)
            return shape | {"shared_files": [], "external_file_links": []}
        case 4:
            return {"id": data[0], "key_id": data[1]}
        case 14:
            tx_id, said, links, changes = data
            shown = [
                {"field": c.field, "new_value": _slashed(c), "type": "standard"} for c in changes
            ]
            return {
                "tx_id": tx_id,
                "comment": {"content": said},
                "link": _links(links, said),
                "changes": shown,
            }
        case 15 | 16:
            return {
                "users": [viewer.user(user) for user in data[0]],
                "group_project_activities": [],
                "comment": "",
            }
        case 22 | 24:
            return dict(
                zip(
                    ("id", "name", "start_date", "reference_date", "description"), data, strict=True
                )
            )
        case 23:
            keys = ("field", "new_value", "old_value")
            changes = [dict(zip(keys, change, strict=True)) for change in data[2]]
            return {"id": data[0], "name": data[1], "changes": changes}
        case 25 | 26:
            return {
                "parties": [{"id": team, "name": viewer.world.teams[team].name} for team in data[0]]
            }
        case 34:
            change = {"field": "status", "new_value": str(data[2]), "type": "standard"}
            return {"deletedStatus": {"name": data[0]}, "link": _links(data[1]), "change": change}
        case _:
            return {"link": _links(data[0])}


def _change_log(change: Change) -> Json:
    attachment, attribute = change.attachment, change.attribute
    return {
        "field": change.field,
        "newValue": change.new,
        "originalValue": change.old,
        "attachmentInfo": None
        if attachment is None
        else {"id": attachment[0], "name": attachment[1]},
        "attributeInfo": None
        if attribute is None
        else {"id": attribute[0], "typeId": attribute[1]},
        "notificationInfo": {"type": "issue.create"} if change.field == "notification" else None,
    }


def _attachments(changes: Sequence[Change]) -> list[Json]:
    return [
        {"id": change.attachment[0], "name": change.attachment[1], "size": change.attachment[2]}
        for change in changes
        if change.attachment is not None
    ]


def _slashed(change: Change) -> str:
    """Return a value in the format of bulk edits: dates have slashes."""
    return (
        change.new_ref.replace("-", "/")
        if change.field in ("startDate", "limitDate")
        else change.new_ref
    )


def _links(links: Sequence[tuple[object, ...]], said: str | None = None) -> list[Json]:
    shapes = []
    for issue_id, key_id, title, *comment_id in links:
        shape: Json = {"id": issue_id, "key_id": key_id, "title": title}
        if said is not None:
            shape["comment"] = {"id": comment_id[0], "content": said}
        shapes.append(shape)
    return shapes


def _reduced(project: Project) -> Json:
    return {
        "id": project.id,
        "projectKey": project.key,
        "name": project.name,
        "chartEnabled": True,
        "subtaskingEnabled": True,
        "projectLeaderCanEditProjectLeader": False,
        "textFormattingRule": project.rule,
        "archived": project.archived,
        "displayOrder": project.order,
    }

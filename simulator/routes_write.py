"""Endpoints that write: issues, comments and stars."""

from typing import Any

from simulator.call import Call, Handler, Reply
from simulator.errors import forbidden, invalid, not_found
from simulator.masters import (
    ADMINISTRATOR,
    GUEST_VIEWER,
    LIST_KINDS,
    MEMBER,
    NUMBER,
    PRIORITIES,
    RESOLUTIONS,
    VIEWER,
)
from simulator.model import Project
from simulator.shapes_history import comment as comment_shape
from simulator.shapes_history import notifications

FIELDS = frozenset(
    (
        "summary", "description", "statusId", "resolutionId", "startDate", "dueDate",
        "estimatedHours", "actualHours",
        "issueTypeId", "categoryId[]", "versionId[]", "milestoneId[]", "priorityId", "assigneeId",
        "notifiedUserId[]",
        "attachmentId[]", "parentIssueId", "comment", "customField_{id}",
    )
)  # fmt: skip
LISTS = {"categoryId": "category_ids", "versionId": "version_ids", "milestoneId": "milestone_ids"}
NUMBERS = {
    "statusId": "status_id",
    "resolutionId": "resolution_id",
    "issueTypeId": "type_id",
    "priorityId": "priority_id",
    "assigneeId": "assignee_id",
    "parentIssueId": "parent_id",
}
HOURS = {"estimatedHours": "estimated_hours", "actualHours": "actual_hours"}
DAYS = {"startDate": "start_date", "dueDate": "due_date"}
OPTIONAL = ("resolutionId", "assigneeId", "parentIssueId")


def add_issue(call: Call) -> Any:
    """POST /issues: 201, with the address of the web page."""
    _require_writer(call)
    call.refuse_unknown(FIELDS - {"comment", "statusId", "resolutionId"} | {"projectId"})
    project = call.world.projects.get(call.params.optional("projectId") or 0)
    if project is None or not call.sees(project):
        raise not_found("project")
    fields = _fields(call, project)
    for name, attribute in (
        ("summary", "summary"),
        ("issueTypeId", "type_id"),
        ("priorityId", "priority_id"),
    ):
        if not fields.get(attribute):
            raise invalid(f"{name} is required.")
    made = call.world.create_issue(project.id, by=call.user.id, notify=_notified(call), **fields)
    page = f"https://{call.world.spec.host}/view/{call.world.issue_key(made)}"
    return Reply(call.viewer.issue(made), 201, {"Location": page})


def edit_issue(call: Call) -> Any:
    """PATCH /issues/:issueIdOrKey."""
    found = call.issue()
    _require_member(call)
    call.refuse_unknown(FIELDS)
    fields = _fields(call, call.world.projects[found.project_id])
    said = call.params.text("comment", "")
    call.world.edit_issue(found, by=call.user.id, comment=said, notify=_notified(call), **fields)
    return call.viewer.issue(found)


def delete_issue(call: Call) -> Any:
    """DELETE /issues/:issueIdOrKey: returns the deleted issue."""
    found = call.issue()
    _require_member(call)
    shape = call.viewer.issue(found)
    call.world.delete_issue(found, by=call.user.id)
    return shape


def add_comment(call: Call) -> Any:
    """POST /issues/:issueIdOrKey/comments: 201."""
    found = call.issue()
    _require_writer(call)
    call.refuse_unknown(frozenset(("content", "notifiedUserId[]", "attachmentId[]")))
    content = _content(call)
    row = call.world.comment(found, content, by=call.user.id, notify=_notified(call))
    page = f"https://{call.world.spec.host}/view/{call.world.issue_key(found)}#comment-{row.id}"
    return Reply(comment_shape(call.viewer, row), 201, {"Location": page})


def edit_comment(call: Call) -> Any:
    """PATCH /issues/:issueIdOrKey/comments/:commentId: the user's own comments only."""
    row = call.comment()
    call.refuse_unknown(frozenset(("content",)))
    if row.by != call.user.id:
        raise forbidden()
    call.world.edit_comment(row, _content(call))
    return comment_shape(call.viewer, row)


def delete_comment(call: Call) -> Any:
    """DELETE /issues/:issueIdOrKey/comments/:commentId: own comments, or any for an
    administrator.
    """
    row = call.comment()
    if row.by != call.user.id and not call.is_administrator:
        raise forbidden()
    shape = comment_shape(call.viewer, row)
    call.world.delete_comment(row)
    return shape


def notify_of_comment(call: Call) -> Any:
    """POST /issues/:issueIdOrKey/comments/:commentId/notifications."""
    row = call.comment()
    _require_writer(call)
    call.refuse_unknown(frozenset(("notifiedUserId[]",)))
    call.world.notify(row, _notified(call), by=call.user.id)
    return comment_shape(call.viewer, row) | {"notifications": notifications(call.viewer, row)}


def add_star(call: Call) -> Any:
    """POST /stars: 204, for an issue or a comment."""
    _require_writer(call)
    call.refuse_unknown(frozenset(("issueId", "commentId")))
    issue_id, comment_id = call.params.optional("issueId"), call.params.optional("commentId")
    try:
        if issue_id is not None:
            call.world.star(issue_id, by=call.user.id)
        elif comment_id is not None:
            call.world.star_comment(comment_id, by=call.user.id)
        else:
            raise invalid("issueId or commentId is required.")
    except KeyError:
        raise not_found("target of the star") from None
    return Reply(None, 204)


def _fields(call: Call, project: Project) -> dict[str, Any]:
    """Return the attributes of an issue that a form sets; an empty value clears."""
    params, fields = call.params, dict[str, Any]()
    for name in ("summary", "description"):
        if params.has(name):
            fields[name] = params.text(name, "")
    for name, attribute in NUMBERS.items():
        if params.has(name):
            fields[attribute] = _reference(call, project, name)
    for name, attribute in HOURS.items():
        if params.has(name):
            fields[attribute] = _decimal(name, params.text(name, ""))
    for name, attribute in DAYS.items():
        if params.has(name):
            day = params.day(name) if params.text(name, "") else None
            fields[attribute] = None if day is None else day.isoformat()
    for name, attribute in LISTS.items():
        if f"{name}[]" in params.names():
            chosen = tuple(params.number(name, one) for one in params.texts(name) if one)
            known = project.categories if name == "categoryId" else project.versions
            if any(one not in known for one in chosen):
                raise invalid(f"{name} is not one of the project.")
            fields[attribute] = chosen
    if custom := _custom(call, project):
        fields["custom"] = custom
    return fields


def _reference(call: Call, project: Project, name: str) -> int | None:
    if name in OPTIONAL and not call.params.text(name, ""):
        return None
    requested = call.params.optional(name)
    known: Any = {
        "statusId": project.statuses,
        "resolutionId": RESOLUTIONS,
        "issueTypeId": project.issue_types,
        "priorityId": PRIORITIES,
        "assigneeId": call.world.users,
        "parentIssueId": project.issues,
    }[name]
    if requested not in known:
        raise invalid(f"{name} is not one of the project: {requested}")
    return requested


def _custom(call: Call, project: Project) -> dict[int, Any]:
    """Return field id -> value of `customField_...`."""
    custom: dict[int, Any] = {}
    for definition in project.fields.values():
        name = f"customField_{definition.id}"
        sent = [value for one, value in call.params.pairs if one == name] + call.params.texts(name)
        if not sent:
            continue
        chosen = [one for one in sent if one]
        if not chosen:
            custom[definition.id] = None
        elif definition.kind in LIST_KINDS:
            items = tuple(call.params.number(name, one) for one in chosen)
            if any(one not in definition.items for one in items):
                raise invalid(f"{name} has no such item.")
            custom[definition.id] = (items, call.params.text(f"{name}_otherValue", "") or None)
        else:
            custom[definition.id] = (
                _decimal(name, chosen[0]) if definition.kind == NUMBER else chosen[0]
            )
    return custom


def _decimal(name: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise invalid(f"{name} must be a number: {text}") from None


def _content(call: Call) -> str:
    content = call.params.text("content", "")
    if not content:
        raise invalid("content is required.")
    return content


def _notified(call: Call) -> list[int]:
    users = call.params.ints("notifiedUserId")
    if any(one not in call.world.users for one in users):
        raise not_found("user")
    return users


def _require_writer(call: Call) -> None:
    """Refuse users who may only read."""
    if call.user.role in (VIEWER, GUEST_VIEWER):
        raise forbidden()


def _require_member(call: Call) -> None:
    """Refuse users who may at most add issues."""
    if call.user.role not in (ADMINISTRATOR, MEMBER):
        raise forbidden()


ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/issues", add_issue),
    ("PATCH", "/issues/{issue}", edit_issue),
    ("DELETE", "/issues/{issue}", delete_issue),
    ("POST", "/issues/{issue}/comments", add_comment),
    ("PATCH", "/issues/{issue}/comments/{comment}", edit_comment),
    ("DELETE", "/issues/{issue}/comments/{comment}", delete_comment),
    ("POST", "/issues/{issue}/comments/{comment}/notifications", notify_of_comment),
    ("POST", "/stars", add_star),
]

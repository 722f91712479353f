"""Endpoints that read history: comments of an issue, and the activity feeds."""

from typing import Any

from simulator.call import Call, Handler
from simulator.clock import DAY
from simulator.errors import not_found
from simulator.model import Activity
from simulator.routes_space import found_user
from simulator.shapes_history import activity, comment, notifications

KNOWN = frozenset(("activityTypeId[]", "minId", "maxId", "count", "order"))


def comments(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/comments: by id, newest first unless asked otherwise."""
    return [comment(call.viewer, row) for row in call.by_id(call.issue().comments)]


def comments_count(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/comments/count."""
    return {"count": len(call.issue().comments)}


def one_comment(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/comments/:commentId."""
    return comment(call.viewer, call.comment())


def comment_notifications(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/comments/:commentId/notifications."""
    return notifications(call.viewer, call.comment())


def space_activities(call: Call) -> Any:
    """GET /space/activities: of the projects that the caller belongs to."""
    joined = {project.id for project in call.joined()}
    rows = call.world.activities
    if len(joined) < len(call.world.projects):
        rows = [one for one in rows if one.project_id in joined]
    return _feed(call, rows)


def project_activities(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/activities."""
    return _feed(call, call.project().activities)


def user_activities(call: Call) -> Any:
    """GET /users/:userId/activities, in projects that the caller may see."""
    requested = found_user(call).id
    seen = {project.id for project in call.world.projects.values() if call.sees(project)}
    return _feed(
        call,
        [one for one in call.world.activities if one.by == requested and one.project_id in seen],
    )


def one_activity(call: Call) -> Any:
    """GET /activities/:activityId: alone it comes with its notifications."""
    for one in call.world.activities:
        if str(one.id) == call.path["activity"] and call.sees(call.world.projects[one.project_id]):
            return activity(call.viewer, one) | {"notifications": _notifications(call, one)}
    raise not_found("activity")


def _feed(call: Call, rows: list[Activity]) -> Any:
    call.refuse_unknown(KNOWN)
    types = set(call.params.ints("activityTypeId"))
    switches, now = call.world.switches, call.world.clock.now()
    oldest = now - switches.activity_retention_days * DAY if switches.activity_retention_days else 0
    late = switches.late_activity_seconds
    if types or oldest or late:
        rows = [
            one
            for one in rows
            if (not types or one.type in types)
            and one.created >= oldest
            and (one.id % 5 or one.created + late <= now)
        ]
    return [activity(call.viewer, one) for one in call.by_id(rows)]


def _notifications(call: Call, one: Activity) -> Any:
    if one.type not in (2, 3, 17) or one.data[4] is None:
        return []
    issue = call.world.issues.get(one.data[0])
    rows = [] if issue is None else [row for row in issue.comments if row.id == one.data[4][0]]
    return [notice for row in rows for notice in notifications(call.viewer, row)]


ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/issues/{issue}/comments", comments),
    ("GET", "/issues/{issue}/comments/count", comments_count),
    ("GET", "/issues/{issue}/comments/{comment}", one_comment),
    ("GET", "/issues/{issue}/comments/{comment}/notifications", comment_notifications),
    ("GET", "/space/activities", space_activities),
    ("GET", "/projects/{project}/activities", project_activities),
    ("GET", "/users/{user}/activities", user_activities),
    ("GET", "/activities/{activity}", one_activity),
]

"""Endpoints of a project's webhooks: list, read, add, change, delete."""

from typing import Any

from simulator.call import Call, Handler
from simulator.clock import stamp
from simulator.errors import forbidden, invalid, not_found
from simulator.model import Project, Webhook

KNOWN = frozenset(("name", "description", "hookUrl", "allEvent", "activityTypeIds[]"))


def webhooks(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/webhooks."""
    return [_shape(call, one) for one in _project(call).webhooks.values()]


def webhook(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/webhooks/:webhookId."""
    return _shape(call, _found(call))


def add_webhook(call: Call) -> Any:
    """POST /projects/:projectIdOrKey/webhooks."""
    project = _project(call)
    call.refuse_unknown(KNOWN)
    name, url = call.params.text("name", ""), call.params.text("hookUrl", "")
    if not name or not url:
        raise invalid("name and hookUrl are required.")
    types = [] if call.params.flag("allEvent") else call.params.ints("activityTypeIds")
    description = call.params.text("description", "")
    made = call.world.add_webhook(project.id, url, name=name, description=description, types=types)
    return _shape(call, made)


def edit_webhook(call: Call) -> Any:
    """PATCH /projects/:projectIdOrKey/webhooks/:webhookId."""
    hook, params = _found(call), call.params
    call.refuse_unknown(KNOWN)
    hook.name = params.text("name", hook.name)
    hook.description = params.text("description", hook.description)
    hook.url = params.text("hookUrl", hook.url)
    if "activityTypeIds[]" in params.names():
        hook.types, hook.all_events = params.ints("activityTypeIds"), False
    if params.flag("allEvent"):
        hook.types, hook.all_events = [], True
    hook.updated, hook.updated_by = call.world.moment(None), call.user.id
    return _shape(call, hook)


def delete_webhook(call: Call) -> Any:
    """DELETE /projects/:projectIdOrKey/webhooks/:webhookId: returns the deleted webhook."""
    hook = _found(call)
    del _project(call).webhooks[hook.id]
    return _shape(call, hook)


def _project(call: Call) -> Project:
    """Return the project, for users who may manage its webhooks."""
    project = call.project()
    if not call.is_administrator and call.user.id not in project.administrators:
        raise forbidden()
    return project


def _found(call: Call) -> Webhook:
    for hook in _project(call).webhooks.values():
        if str(hook.id) == call.path["webhook"]:
            return hook
    raise not_found("webhook")


def _shape(call: Call, hook: Webhook) -> Any:
    return {
        "id": hook.id,
        "name": hook.name,
        "description": hook.description,
        "hookUrl": hook.url,
        "allEvent": hook.all_events,
        "activityTypeIds": hook.types,
        "createdUser": call.viewer.user(hook.created_by),
        "created": stamp(hook.created),
        "updatedUser": call.viewer.user(hook.updated_by),
        "updated": stamp(hook.updated),
    }


ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/projects/{project}/webhooks", webhooks),
    ("GET", "/projects/{project}/webhooks/{webhook}", webhook),
    ("POST", "/projects/{project}/webhooks", add_webhook),
    ("PATCH", "/projects/{project}/webhooks/{webhook}", edit_webhook),
    ("DELETE", "/projects/{project}/webhooks/{webhook}", delete_webhook),
]

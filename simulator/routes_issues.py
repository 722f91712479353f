"""Endpoints that read issues and their attachments, files and participants."""

from typing import Any
from urllib.parse import quote

from simulator.call import Call, Handler, Reply
from simulator.errors import invalid, not_found
from simulator.query import FILTERS

KNOWN = frozenset((*FILTERS, "customField_{id}"))


def issues(call: Call) -> Any:
    """GET /issues: one page of full objects."""
    call.refuse_unknown(KNOWN)
    expand = _expands(call)
    page = call.services.listings.page(visible(call), call.params)
    return [call.viewer.issue(one, expand) for one in page]


def issues_count(call: Call) -> Any:
    """GET /issues/count: the same filters."""
    call.refuse_unknown(KNOWN)
    _expands(call)
    return {"count": call.services.listings.count(visible(call), call.params)}


def issue(call: Call) -> Any:
    """GET /issues/:issueIdOrKey."""
    return call.viewer.issue(call.issue(), _expands(call))


def attachments(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/attachments."""
    return [call.viewer.attachment(one) for one in call.issue().attachments]


def attachment(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/attachments/:attachmentId: bytes derived from the id."""
    for one in call.issue().attachments:
        if str(one.id) == call.path["attachment"]:
            name = f"attachment; filename*=UTF-8''{quote(one.name)}"
            body = (f"simulated file {one.id}\n" * (min(one.size, 4_096) // 20 + 1)).encode()[
                : one.size
            ]
            return Reply(
                body, headers={"Content-Disposition": name}, media_type="application/octet-stream"
            )
    raise not_found("attachment")


def shared_files(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/sharedFiles."""
    found = call.issue()
    project = call.world.projects[found.project_id]
    return [call.viewer.shared_file(project, one) for one in found.shared_files]


def participants(call: Call) -> Any:
    """GET /issues/:issueIdOrKey/participants: the creator, the assignee and the commenters."""
    found = call.issue()
    people = [found.created_by, found.assignee_id, *(row.by for row in found.comments)]
    return [call.viewer.user(one) for one in dict.fromkeys(people) if one is not None]


def visible(call: Call) -> frozenset[int]:
    """Return the requested projects whose issues the caller may see."""
    switches, projects = call.world.switches, call.world.projects
    asked = call.params.ints("projectId")
    if asked:
        found = [projects[one] for one in asked if one in projects and call.sees(projects[one])]
    else:
        found = list(call.joined()) if switches.all_projects_by_default else []
    return frozenset(one.id for one in found if switches.archived_issues_listed or not one.archived)


def _expands(call: Call) -> bool:
    requested = call.params.texts("expand")
    if any(one != "childIssueSummary" for one in requested):
        raise invalid("expand is not one of the allowed values.")
    return bool(requested)


ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/issues", issues),
    ("GET", "/issues/count", issues_count),
    ("GET", "/issues/{issue}", issue),
    ("GET", "/issues/{issue}/attachments", attachments),
    ("GET", "/issues/{issue}/attachments/{attachment}", attachment),
    ("GET", "/issues/{issue}/sharedFiles", shared_files),
    ("GET", "/issues/{issue}/participants", participants),
]

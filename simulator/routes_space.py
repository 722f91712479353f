"""Endpoints of the space, its users and teams, its projects and their masters."""

from typing import Any

from simulator.call import Call, Handler, Reply
from simulator.errors import forbidden, not_found
from simulator.masters import PRIORITIES, RESOLUTIONS
from simulator.model import User
from simulator.plan import KINDS, OLD_KINDS, usage_of
from simulator.shapes_masters import category, issue_type, project_shape, status

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def space(call: Call) -> Any:
    """GET /space."""
    return call.viewer.space()


def space_notification(call: Call) -> Any:
    """GET /space/notification."""
    return {"content": "", "updated": None}


def space_licence(call: Call) -> Any:
    """GET /space/licence."""
    return call.viewer.licence()


def disk_usage(call: Call) -> Any:
    """GET /space/diskUsage: administrators only."""
    call.require_administrator()
    old = call.world.switches.usage_kinds == "old"
    kinds, extra = (OLD_KINDS, ()) if old else (KINDS, ("document",))
    details = [usage_of(one, (*kinds, *extra)) for one in call.world.projects.values()]
    totals = {kind: sum(one[kind] for one in details) for kind in kinds}
    return {"capacity": call.world.licence["storageLimit"], **totals, "details": details}


def users(call: Call) -> Any:
    """GET /users: administrators of the space or of a project only."""
    call.require_any_administrator()
    return [call.viewer.user(user.id) for user in call.world.users.values() if not user.closed]


def myself(call: Call) -> Any:
    """GET /users/myself."""
    return call.viewer.user(call.user.id)


def found_user(call: Call) -> User:
    """Return the user whose id is in the path."""
    text = call.path["user"]
    found = call.world.users.get(int(text)) if text.isdigit() else None
    if found is None or found.closed:
        raise not_found("user")
    return found


def user(call: Call) -> Any:
    """GET /users/:userId."""
    return call.viewer.user(found_user(call).id)


def image(call: Call) -> Any:
    """GET of an icon: one transparent pixel."""
    return Reply(PIXEL, media_type="image/png")


def projects(call: Call) -> Any:
    """GET /projects: `archived` filters; `all` adds projects for administrators only."""
    archived = call.params.flag("archived")
    everything = call.params.flag("all") and call.is_administrator
    listed = call.world.projects.values() if everything else call.joined()
    return [project_shape(one) for one in listed if archived is None or one.archived == archived]


def project(call: Call) -> Any:
    """GET /projects/:projectIdOrKey."""
    return project_shape(call.project())


def project_users(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/users: members, by default including those of teams."""
    found = call.project()
    members = list(found.members)
    if not call.params.flag("excludeGroupMembers"):
        members += [one for team in found.teams for one in call.world.teams[team].members]
    return [
        call.viewer.user(one) for one in dict.fromkeys(members) if not call.world.users[one].closed
    ]


def project_administrators(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/administrators."""
    found = call.project()
    if not call.is_administrator and call.user.id not in found.administrators:
        raise forbidden()
    return [call.viewer.user(one) for one in found.administrators]


def project_teams(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/teams."""
    return [call.viewer.team(call.world.teams[one]) for one in call.project().teams]


def teams(call: Call) -> Any:
    """GET /teams: administrators of the space or of a project only; paged by offset, newest first
    by default.
    """
    call.require_any_administrator()
    count, offset = call.params.count(call.world.switches.clamp_count), call.params.offset()
    listed = list(call.world.teams.values())
    if call.params.choice("order", ("asc", "desc"), "desc") == "desc":
        listed.reverse()
    return [call.viewer.team(one) for one in listed[offset : offset + count]]


def team(call: Call) -> Any:
    """GET /teams/:teamId: administrators only."""
    call.require_administrator()
    text = call.path["team"]
    found = call.world.teams.get(int(text)) if text.isdigit() else None
    if found is None:
        raise not_found("team")
    return call.viewer.team(found)


def statuses(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/statuses, in the order shown on boards."""
    found = call.project()
    return [
        status(found, one) for one in sorted(found.statuses.values(), key=lambda one: one.order)
    ]


def issue_types(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/issueTypes."""
    found = call.project()
    return [issue_type(found, one, with_templates=True) for one in found.issue_types.values()]


def categories(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/categories."""
    found = call.project()
    return [category(found, one) for one in found.categories.values()]


def versions(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/versions: versions and milestones."""
    found = call.project()
    return [call.viewer.version(found, one) for one in found.versions.values()]


def custom_fields(call: Call) -> Any:
    """GET /projects/:projectIdOrKey/customFields."""
    found = call.project()
    return [call.viewer.custom_field(found, one) for one in found.fields.values()]


def priorities(call: Call) -> Any:
    """GET /priorities, in the language of the space."""
    return _named(call, PRIORITIES)


def resolutions(call: Call) -> Any:
    """GET /resolutions, in the language of the space; 0 is a valid id."""
    return _named(call, RESOLUTIONS)


def rate_limit(call: Call) -> Any:
    """GET /rateLimit; it counts as one read."""
    return call.services.limiter.state(call.user.id, call.world.clock.now())


def _named(call: Call, names: dict[int, tuple[str, str]]) -> Any:
    lang = 0 if call.world.spec.lang == "ja" else 1
    return [{"id": number, "name": name[lang]} for number, name in names.items()]


ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/space", space),
    ("GET", "/space/notification", space_notification),
    ("GET", "/space/licence", space_licence),
    ("GET", "/space/diskUsage", disk_usage),
    ("GET", "/space/image", image),
    ("GET", "/users", users),
    ("GET", "/users/myself", myself),
    ("GET", "/users/{user}", user),
    ("GET", "/users/{user}/icon", image),
    ("GET", "/projects", projects),
    ("GET", "/projects/{project}", project),
    ("GET", "/projects/{project}/users", project_users),
    ("GET", "/projects/{project}/administrators", project_administrators),
    ("GET", "/projects/{project}/teams", project_teams),
    ("GET", "/projects/{project}/groups", project_teams),
    ("GET", "/projects/{project}/image", image),
    ("GET", "/projects/{project}/statuses", statuses),
    ("GET", "/projects/{project}/issueTypes", issue_types),
    ("GET", "/projects/{project}/categories", categories),
    ("GET", "/projects/{project}/versions", versions),
    ("GET", "/projects/{project}/customFields", custom_fields),
    ("GET", "/teams", teams),
    ("GET", "/teams/{team}", team),
    ("GET", "/teams/{team}/icon", image),
    ("GET", "/groups", teams),
    ("GET", "/groups/{team}", team),
    ("GET", "/priorities", priorities),
    ("GET", "/resolutions", resolutions),
    ("GET", "/rateLimit", rate_limit),
]

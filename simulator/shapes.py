"""The JSON of users, projects, masters and issues, with the fields of the API."""

from dataclasses import dataclass
from typing import Any

from simulator.clock import day_stamp, stamp
from simulator.masters import (
    ADMINISTRATOR,
    CHECKBOX,
    DATE,
    LIST_KINDS,
    MULTIPLE,
    PRIORITIES,
    RADIO,
    RESOLUTIONS,
    CustomField,
    FieldValue,
    Version,
)
from simulator.model import Attachment, Issue, Project, SharedFile, Star, Team, User
from simulator.shapes_masters import Json, category, issue_type, item, status
from simulator.world import World


@dataclass(frozen=True)
class Viewer:
    """Creates the JSON of objects as one caller sees them."""

    world: World
    caller: User

    def user(self, user_id: int) -> Json:
        """Return a user, the same object wherever it is nested."""
        user = self.world.users[user_id]
        hidden = self.world.switches.hide_mail and self.caller.role != ADMINISTRATOR
        account = None
        if user.nulab_id is not None:
            account = {
                "nulabId": user.nulab_id,
                "name": user.name,
                "uniqueId": user.login or user.nulab_id,
                "iconUrl": f"https://apps.nulab.com/img/{user.nulab_id}.png",
            }
        return {
            "id": user.id,
            "userId": user.login,
            "name": user.name,
            "roleType": user.role,
            "lang": user.lang,
            "nulabAccount": account,
            "mailAddress": None if hidden else user.mail,
            "lastLoginTime": None if user.last_login is None else stamp(user.last_login),
            "keyword": user.keyword,
        }

    def team(self, team: Team) -> Json:
        """Return a team with its members."""
        owner, created = self.user(team.created_by), stamp(team.created)
        return {
            "id": team.id,
            "name": team.name,
            "members": [
                self.user(member) for member in team.members if not self.world.users[member].closed
            ],
            "displayOrder": None,
            "createdUser": owner,
            "created": created,
            "updatedUser": owner,
            "updated": created,
        }

    def space(self) -> Json:
        """Return the space itself."""
        spec = self.world.spec
        return {
            "spaceKey": spec.space_key,
            "name": self.world.name,
            "ownerId": self.world.administrator.id,
            "lang": spec.lang,
            "timezone": spec.timezone,
            "reportSendTime": "18:30:00",
            "textFormattingRule": "markdown",
            "created": stamp(spec.end - spec.history_days * 86_400),
            "updated": stamp(spec.end),
        }

    def licence(self) -> Json:
        """Return the plan of the space."""
        spec = self.world.spec
        begun = spec.end - spec.history_days * 86_400
        times = {"startedOn": stamp(begun), "limitDate": stamp(spec.end + 365 * 86_400)}
        return times | self.world.licence

    def issue(self, issue: Issue, summary_of_children: bool = False) -> Json:
        """Return an issue, the same in lists and alone."""
        world = self.world
        project = world.projects[issue.project_id]
        lang = 0 if world.spec.lang == "ja" else 1
        resolution = issue.resolution_id
        shape = {
            "id": issue.id,
            "projectId": project.id,
            "issueKey": f"{project.key}-{issue.key_id}",
            "keyId": issue.key_id,
            "issueType": issue_type(project, project.issue_types[issue.type_id]),
            "summary": issue.summary,
            "description": issue.description,
            "resolution": None
            if resolution is None
            else {"id": resolution, "name": RESOLUTIONS[resolution][lang]},
            "priority": {"id": issue.priority_id, "name": PRIORITIES[issue.priority_id][lang]},
            "status": status(project, project.statuses[issue.status_id]),
            "assignee": None if issue.assignee_id is None else self.user(issue.assignee_id),
            "category": [category(project, project.categories[one]) for one in issue.category_ids],
            "versions": [self.version(project, project.versions[one]) for one in issue.version_ids],
            "milestone": [
                self.version(project, project.versions[one]) for one in issue.milestone_ids
            ],
            "startDate": self.day(issue.start_date),
            "dueDate": self.day(issue.due_date),
            "estimatedHours": issue.estimated_hours,
            "actualHours": issue.actual_hours,
            "parentIssueId": issue.parent_id,
            "createdUser": self.user(issue.created_by),
            "created": stamp(issue.created),
            "updatedUser": self.user(issue.updated_by),
            "updated": stamp(issue.updated),
            "customFields": self.custom_values(project, issue),
            "attachments": [self.attachment(one) for one in issue.attachments],
            "sharedFiles": [self.shared_file(project, one) for one in issue.shared_files],
            "externalFileLinks": [],
            "stars": [self.star(one, issue) for one in issue.stars],
        }
        if summary_of_children:
            children = world.children.get(issue.id, ())
            closed = sum(world.issues[child].status_id == 4 for child in children)
            shape["childIssueSummary"] = {"total": len(children), "closed": closed}
        return shape

    def custom_values(self, project: Project, issue: Issue) -> list[Json]:
        """Return the values of the custom fields of the issue's type, in an arbitrary but fixed
        order.
        """
        values = []
        for definition in sorted(project.fields.values(), key=lambda one: one.id * 7 % 11):
            if not definition.applies_to(issue.type_id):
                continue
            shape: Json = {
                "id": definition.id,
                "fieldTypeId": definition.kind,
                "name": definition.name,
            }
            shape["value"], other = self.custom_value(definition, issue.custom.get(definition.id))
            if definition.kind in (CHECKBOX, RADIO):
                shape["otherValue"] = other
            values.append(shape)
        return values

    def custom_value(
        self, definition: CustomField, value: FieldValue | None
    ) -> tuple[Any, str | None]:
        """Return the JSON value and the free text of "other"."""
        many = definition.kind in (MULTIPLE, CHECKBOX)
        if value is None:
            return ([] if many else None), None
        if isinstance(value, tuple):
            cleared = self.world.switches.removed_item_clears
            chosen = [definition.items[one] for one in value[0]]
            shown = [item(one) for one in chosen if not (one.removed and cleared)]
            if many:
                return shown, value[1]
            return (shown[0] if shown else None), value[1]
        if definition.kind == DATE:
            return self.day(str(value)), None
        return value, None

    def custom_field(self, project: Project, definition: CustomField) -> Json:
        """Return the definition of a custom field."""
        shape: Json = {
            "id": definition.id,
            "projectId": project.id,
            "typeId": definition.kind,
            "name": definition.name,
            "description": definition.description,
            "required": definition.required,
            "useIssueType": bool(definition.issue_types),
            "applicableIssueTypes": definition.issue_types,
            "displayOrder": definition.order,
            "version": 1,
        }
        if definition.kind in LIST_KINDS:
            shape["items"] = [item(one) for one in definition.items.values() if not one.removed]
        return shape | definition.extra

    def version(self, project: Project, version: Version) -> Json:
        """Return a version, which is also a milestone."""
        return {
            "id": version.id,
            "projectId": project.id,
            "name": version.name,
            "description": version.description,
            "startDate": self.day(version.start),
            "releaseDueDate": self.day(version.due),
            "archived": version.archived,
            "displayOrder": version.order,
        }

    def attachment(self, file: Attachment) -> Json:
        """Return a file of an issue."""
        return {
            "id": file.id,
            "name": file.name,
            "size": file.size,
            "createdUser": self.user(file.by),
            "created": stamp(file.created),
        }

    def shared_file(self, project: Project, file: SharedFile) -> Json:
        """Return a shared file or directory of a project."""
        return {
            "id": file.id,
            "projectId": project.id,
            "type": "directory" if file.size is None else "file",
            "dir": file.dir,
            "name": file.name,
            "size": file.size,
            "createdUser": self.user(file.by),
            "created": stamp(file.created),
            "updatedUser": None,
            "updated": stamp(file.created),
        }

    def star(self, star: Star, issue: Issue) -> Json:
        """Return a star of an issue or of one of its comments."""
        key = self.world.issue_key(issue)
        return {
            "id": star.id,
            "comment": None,
            "url": f"https://{self.world.spec.host}/view/{key}",
            "title": f"[{key}] {issue.summary} | {self.world.projects[issue.project_id].name}",
            "presenter": self.user(star.by),
            "created": stamp(star.created),
        }

    def day(self, day: str | None) -> str | None:
        """Return a date-only value as a time, as the switch says."""
        if day is None:
            return None
        spec, switches = self.world.spec, self.world.switches
        return day_stamp(day, "UTC" if switches.date_only == "utc" else spec.timezone)

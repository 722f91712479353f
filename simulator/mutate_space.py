"""Changes of the plan, users, teams and projects."""

from collections.abc import Sequence

from simulator.masters import MEMBER, OPEN, IssueType, Status
from simulator.model import Project, SharedFile, Team, User, Webhook
from simulator.state import Moment, Reference, State, mutator

JOINED, LEFT, TEAM_JOINED, TEAM_LEFT = 15, 16, 25, 26
BUILT_IN_STATUSES = (
    (OPEN, "未対応", "Open", "#ed8077"),
    (2, "処理中", "In Progress", "#4488c5"),
    (3, "処理済み", "Resolved", "#5eb5a6"),
    (4, "完了", "Closed", "#b0be3c"),
)


class SpaceMutators(State):
    """Actions on the plan, users, teams and projects."""

    @mutator
    def change_licence(self, /, **terms: bool | int | str) -> None:
        """Change the plan of the space, as `storageLimit=2**40`."""
        self.licence |= terms

    @mutator
    def add_user(
        self,
        name: str,
        *,
        login: str | None = None,
        role: int = MEMBER,
        lang: str | None = "ja",
        mail: str | None = None,
        nulab_id: str | None = None,
    ) -> User:
        """Add a user to the space."""
        user_id = self.new_id("user")
        user = User(
            user_id, login, name, role, lang, mail, nulab_id, None, f"{name} {login or ''}".strip()
        )
        self.users[user_id] = user
        return user

    @mutator
    def rename_user(self, user: int, name: str) -> None:
        """Rename a user; issues show it at once, without a change of their own."""
        self.users[user].name = name
        self.touch_all()

    @mutator
    def set_role(self, user: int, role: int) -> None:
        """Change a user's role."""
        self.users[user].role = role

    @mutator
    def delete_user(self, user: int) -> None:
        """Close a user's account: it disappears from all lists, but stays in existing issues and
        comments.
        """
        for project in self.projects.values():
            if user in project.members:
                project.members.remove(user)
        self.users[user].closed = True

    @mutator
    def log_in(self, user: int, at: Moment = None) -> None:
        """Set a user's `lastLoginTime`."""
        self.author(user, self.moment(at))

    @mutator
    def add_team(self, name: str, members: Sequence[int], *, at: Moment = None) -> Team:
        """Add a team of users to the space."""
        team = Team(
            self.new_id("other"), name, list(members), self.administrator.id, self.moment(at)
        )
        self.teams[team.id] = team
        return team

    @mutator
    def add_project(
        self, key: str, name: str, *, rule: str = "markdown", order: int = 2_147_483_646
    ) -> Project:
        """Add a project with the built-in statuses, one issue type, and the owner as its only
        member.
        """
        project = Project(self.new_id("project"), key, name, order, rule)
        ja = self.spec.lang == "ja"
        for index, (status_id, japanese, english, color) in enumerate(BUILT_IN_STATUSES):
            label = japanese if ja else english
            project.statuses[status_id] = Status(status_id, label, color, (index + 1) * 1000)
        type_id = self.new_id("other")
        project.issue_types[type_id] = IssueType(type_id, "タスク" if ja else "Task", "#7ea800", 0)
        project.members.append(self.administrator.id)
        project.administrators.append(self.administrator.id)
        self.projects[project.id] = project
        return project

    @mutator
    def rename_project(
        self, project: Reference, *, key: str | None = None, name: str | None = None
    ) -> None:
        """Change a project's key or name. All issue keys follow, but no `updated` changes."""
        found = self.project(project)
        found.key = key or found.key
        found.name = name or found.name

    @mutator
    def archive_project(self, project: Reference, archived: bool = True) -> None:
        """Archive a project, or undo it."""
        self.project(project).archived = archived
        self.touch_all()

    @mutator
    def delete_project(self, project: Reference) -> None:
        """Delete a project with all its contents; no activity reports it."""
        found = self.projects.pop(self.project(project).id)
        for issue_id in found.issues:
            del self.issues[issue_id]
        self.activities = [
            activity for activity in self.activities if activity.project_id != found.id
        ]
        self.touch_all()

    @mutator
    def add_member(
        self, project: Reference, user: int, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Add a user to a project."""
        found, moment = self.project(project), self.moment(at)
        if user not in found.members:
            found.members.append(user)
            self.record(JOINED, found, self.author(by, moment), moment, (user,))

    @mutator
    def remove_member(
        self, project: Reference, user: int, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Remove a user from a project; issues keep the user."""
        found, moment = self.project(project), self.moment(at)
        found.members.remove(user)
        self.record(LEFT, found, self.author(by, moment), moment, (user,))

    @mutator
    def add_project_team(
        self, project: Reference, team: int, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Add a team to a project."""
        found, moment = self.project(project), self.moment(at)
        found.teams.append(team)
        self.record(TEAM_JOINED, found, self.author(by, moment), moment, (team,))

    @mutator
    def remove_project_team(
        self, project: Reference, team: int, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Remove a team from a project."""
        found, moment = self.project(project), self.moment(at)
        found.teams.remove(team)
        self.record(TEAM_LEFT, found, self.author(by, moment), moment, (team,))

    @mutator
    def add_file(
        self,
        project: Reference,
        name: str,
        size: int | None,
        *,
        directory: str = "/",
        at: Moment = None,
    ) -> SharedFile:
        """Add a file (or a directory, without a size) to a project's shared files."""
        found, moment = self.project(project), self.moment(at)
        shared = SharedFile(
            self.new_id("other"), directory, name, size, self.author(None, moment), moment
        )
        found.files.append(shared)
        return shared

    @mutator
    def add_webhook(
        self,
        project: Reference,
        url: str,
        *,
        name: str = "hook",
        description: str = "",
        types: Sequence[int] = (),
    ) -> Webhook:
        """Send a project's activities to a URL, of these types or of all if none is given."""
        moment, owner = self.moment(None), self.administrator.id
        webhook_id = self.new_id("other")
        webhook = Webhook(
            webhook_id, name, description, url, not types, list(types), owner, moment, owner, moment
        )
        self.project(project).webhooks[webhook_id] = webhook
        return webhook

    def is_member(self, project: Project, user: int) -> bool:
        """Return whether a user belongs to a project, directly or through a team."""
        return user in project.members or any(
            user in self.teams[team].members for team in project.teams
        )

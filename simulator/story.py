"""What people do, drawn from a random generator: the fields of a new issue, an edit, a remark, a whole event."""

from collections.abc import Callable
from random import Random
from typing import Any

from simulator import texts
from simulator.masters import OPEN
from simulator.model import Issue, Project
from simulator.sketch import Sketch, day
from simulator.world import World

RECENT = 400


class Story(Sketch):
    """Draws what happens next in a space."""

    def __init__(self, world: World, rng: Random) -> None:
        super().__init__(world, rng)
        self._events: tuple[tuple[int, Callable[[int], None]], ...] = (
            (250, self.create),
            (400, self.edit),
            (180, self.remark),
            (25, self.bulk),
            (20, self.delete),
            (25, self.star_or_file),
            (60, self.log_in),
            (15, self.milestone),
            (5, self.rename),
            (5, self.archive),
            (15, self.membership),
        )

    def happen(self, at: int) -> None:
        """Let one event of any kind happen at `at`."""
        event = self.rng.choices([one for _, one in self._events], [weight for weight, _ in self._events])[0]
        event(at)

    def create(self, at: int) -> None:
        """Create an issue in an active project."""
        project = self.active_project()
        self.create_in(project, at, self.rng.random() * 0.7)

    def create_in(self, project: Project, at: int, richness: float) -> Issue:
        """Create an issue; `richness` is the share of optional fields that it has."""
        rng = self.rng
        author = rng.choice(project.members)
        notify = (rng.choice(project.members),) if rng.random() < 0.1 else ()
        fields = self.fields(project, at, richness)
        summary = f"{rng.choice(texts.ACTIONS)} {rng.choice(texts.OBJECTS)} #{project.next_key}"
        return self.world.create_issue(project.id, summary=summary, by=author, at=at, notify=notify, **fields)

    def edit(self, at: int, issue: Issue | None = None) -> None:
        """Change a field of an issue, most often its status."""
        found = issue or self.any_issue()
        if found is None:
            return
        rng, project = self.rng, self.world.projects[found.project_id]
        changed: dict[str, Any] = {}
        draw = rng.random()
        if draw < 0.45:
            changed["status_id"] = rng.choice([status for status in project.statuses if status != found.status_id])
            if changed["status_id"] in (3, 4):
                changed["resolution_id"] = rng.choice((0, 0, 0, 1, 2, 3, 4))
                changed["actual_hours"] = rng.choice((0.25, 1, 3, 7.75, None))
            elif changed["status_id"] == OPEN:
                changed["resolution_id"] = None
        elif draw < 0.6:
            changed["assignee_id"] = rng.choice([*project.members, None])
        elif draw < 0.7:
            changed["due_date"] = day(at, rng.randrange(40))
        elif draw < 0.78:
            changed["priority_id"] = rng.choice((2, 3, 4))
        elif draw < 0.86:
            changed["description"] = rng.choice(self.descriptions)
        elif draw < 0.93 and project.versions:
            changed["milestone_ids"] = (rng.choice(list(project.versions)),)
        elif fields := [one for one in project.fields.values() if one.applies_to(found.type_id)]:
            definition = rng.choice(fields)
            changed["custom"] = {definition.id: self.value(definition, at)}
        said = rng.choice(texts.REMARKS) if rng.random() < 0.3 else ""
        self.world.edit_issue(found, by=rng.choice(project.members), at=at, comment=said, **changed)

    def remark(self, at: int, issue: Issue | None = None) -> None:
        """Comment on an issue; now and then rewrite or take back what was said last."""
        found = issue or self.any_issue()
        if found is None:
            return
        spoken = [row for row in found.comments if row.content]
        draw = self.rng.random()
        if spoken and draw < 0.05:
            self.world.edit_comment(spoken[-1], spoken[-1].content + "（追記）", at=at)
        elif spoken and draw < 0.08:
            self.world.delete_comment(spoken[-1])
        else:
            members = self.world.projects[found.project_id].members
            notify = (self.rng.choice(members),) if draw > 0.8 else ()
            content = self.rng.choice(texts.REMARKS) or "👀"
            self.world.comment(found, content, by=self.rng.choice(members), at=at, notify=notify)

    def bulk(self, at: int, project: Project | None = None) -> None:
        """Change up to twenty recent issues of a project at once."""
        home = project or self.active_project()
        recent = [self.recent_issue(home) for _ in range(self.rng.randint(2, 20))]
        chosen = {issue.id: issue for issue in recent if issue is not None}
        if chosen:
            fields = self.rng.choice(({"priority_id": 2}, {"due_date": day(at, 14)}, {"status_id": 4}))
            self.world.bulk_edit(chosen.values(), by=self.rng.choice(home.members), at=at, **fields)

    def delete(self, at: int) -> None:
        """Delete an issue."""
        found = self.any_issue()
        if found is not None:
            self.world.delete_issue(found, by=self.rng.choice(self.world.projects[found.project_id].members), at=at)

    def star_or_file(self, at: int, issue: Issue | None = None) -> None:
        """Give a star, attach a file or link a shared one."""
        found = issue or self.any_issue()
        if found is None:
            return
        project = self.world.projects[found.project_id]
        member, draw = self.rng.choice(project.members), self.rng.random()
        if draw < 0.4:
            self.world.star(found, by=member, at=at)
        elif draw < 0.8 or not project.files:
            self.world.attach(found, self.rng.choice(texts.FILES), self.rng.randrange(1, 9_999_999), by=member, at=at)
        else:
            self.world.link_file(found, self.rng.randrange(len(project.files)), by=member, at=at)

    def log_in(self, at: int) -> None:
        """Let somebody log in."""
        self.world.log_in(self.rng.choice(list(self.world.users)), at)

    def milestone(self, at: int) -> None:
        """Add a milestone, or rename the newest."""
        project = self.active_project()
        if project.versions and self.rng.random() < 0.3:
            newest = list(project.versions)[-1]
            self.world.rename_version(project.id, newest, f"{project.versions[newest].name}+", at=at)
        else:
            name = f"Sprint {len(project.versions) + 1}"
            self.world.add_version(project.id, name, start=day(at, 0), due=day(at, 14), at=at)

    def rename(self, at: int) -> None:
        """Give a project another name."""
        project = self.active_project()
        self.world.rename_project(project.id, name=f"{project.name.split(' (')[0]} ({day(at, 0)})")

    def archive(self, at: int) -> None:
        """Archive a project, or take one back when only two are active."""
        del at
        archived = [project for project in self.world.projects.values() if project.archived]
        active = len(self.world.projects) - len(archived)
        if archived and (active <= 2 or self.rng.random() < 0.5):
            self.world.archive_project(self.rng.choice(archived).id, archived=False)
        elif active > 2:
            self.world.archive_project(self.active_project().id)

    def membership(self, at: int) -> None:
        """Let somebody join or leave a project."""
        project = self.active_project()
        user = self.rng.choice(list(self.world.users))
        if user not in project.members:
            self.world.add_member(project.id, user, at=at)
        elif len(project.members) > 2 and user != self.world.administrator.id:
            self.world.remove_member(project.id, user, at=at)

    def active_project(self) -> Project:
        """Choose a project that is not archived."""
        return self.rng.choice([project for project in self.world.projects.values() if not project.archived])

    def any_issue(self) -> Issue | None:
        """Choose an issue of an active project, most often a recent one."""
        ids = self.world.issue_ids
        for _ in range(50 if ids else 0):
            first = max(0, len(ids) - RECENT) if self.rng.random() < 0.6 else 0
            found = self.world.issues.get(ids[self.rng.randrange(first, len(ids))])
            if found is not None and not self.world.projects[found.project_id].archived:
                return found
        return None

"""Actions of people at a time, drawn at random: one event of any kind, or of a given kind."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from simulator import texts
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED
from simulator.model import Issue, Project
from simulator.moves import HOLD, Moves
from simulator.sketch import (
    RECENT,
    RELEASE,
    SPRINT,
    SPRINT_DAYS,
    current,
    day,
    is_sprint,
    morning_after,
)
from simulator.world import World


class Story(Moves):
    """Draws what happens next in a space."""

    def __init__(self, world: World, rng: Random) -> None:
        super().__init__(world, rng)
        self._events: tuple[tuple[int, Callable[[int], None]], ...] = (
            (60, self.create),
            (380, self.advance),
            (120, self.edit),
            (180, self.remark),
            (10, self.bulk),
            (8, self.delete),
            (25, self.star_or_file),
            (60, self.log_in),
            (4, self.milestone),
            (1, self.rename),
            (1, self.archive),
            (12, self.membership),
        )

    def happen(self, at: int) -> None:
        """Let one event of any kind happen at `at`."""
        event = self.rng.choices(
            [one for _, one in self._events], [weight for weight, _ in self._events]
        )[0]
        event(at)

    def create(self, at: int) -> None:
        """Create an issue in an active project."""
        project = self.active_project()
        self.create_in(project, at, self.richness())

    def create_in(self, project: Project, at: int, richness: float) -> Issue:
        """Create an issue; `richness` is the share of optional fields that it has."""
        kind = self.kind()
        summary = self.summary(project, kind)
        fields = self.content(project, at, kind, summary, richness)
        notify = (self.rng.choice(project.members),) if self.rng.random() < 0.1 else ()
        return self.world.create_issue(
            project.id,
            summary=summary,
            by=self.rng.choice(project.members),
            at=at,
            notify=notify,
            **fields,
            **self.plan(project, at, richness),
        )

    def advance(self, at: int) -> None:
        """Move an open issue one step forward."""
        active = [project for project in self.world.projects.values() if not project.archived]
        opened = [
            issue
            for project in active
            for issue in project.issues.values()
            if issue.status_id != CLOSED
        ]
        if not opened:
            return
        found = self.rng.choice(opened)
        status = self.home(found).statuses[found.status_id].name
        steps: dict[int, tuple[Callable[[int, Issue], None], ...]] = {
            OPEN: (self.start, self.start, self.start, self.start, self.drop),
            IN_PROGRESS: (self.book, self.review, self.review, self.resolve, self.close, self.hold),
            RESOLVED: (self.close, self.close, self.close, self.start),
        }
        of_team = (
            (self.start,) if status in (HOLD, "On Hold") else (self.resolve, self.close, self.start)
        )
        self.rng.choice(steps.get(found.status_id, of_team))(at, found)

    def edit(self, at: int, issue: Issue | None = None) -> None:
        """Change something about an issue without moving it forward, or reopen it."""
        found = issue or self.any_issue()
        if found is not None:
            self.rng.choice(
                (
                    self.put_off,
                    self.hand_over,
                    self.touch_up,
                    self.touch_up,
                    self.commit,
                    self.reopen,
                )
            )(at, found)

    def commit(self, at: int, issue: Issue) -> None:
        """Put an issue into the current or the next sprint."""
        sprint = self.sprint(self.home(issue), at)
        self._move(at, issue, "", {} if sprint is None else {"milestone_ids": (sprint.id,)})

    def end_sprint(self, at: int, project: Project, sprint: int) -> None:
        """Move unfinished issues to the next sprint, most of the time."""
        left = [
            one
            for one in project.issues.values()
            if sprint in one.milestone_ids and one.status_id not in (RESOLVED, CLOSED)
        ]
        following = [
            one.id
            for one in project.versions.values()
            if one.name.startswith(SPRINT) and one.id > sprint
        ]
        if left and following and self.rng.random() < 0.75:
            self.world.bulk_edit(
                left, by=self.rng.choice(project.members), at=at, milestone_ids=(following[0],)
            )

    def end_sprints(self, since: int, until: int) -> None:
        """End the sprints whose last day is between two times, and plan the next ones."""
        for project in self.world.projects.values():
            ends = {
                one.id: morning_after(one.due)
                for one in project.versions.values()
                if is_sprint(one) and one.due
            }
            if project.archived or not ends:
                continue
            last = date.fromisoformat(max(str(project.versions[one].due) for one in ends))
            if last.isoformat() < day(until, SPRINT_DAYS):
                begin = last + timedelta(7 - last.weekday())
                while (begin + timedelta(SPRINT_DAYS)).isoformat() < day(until, 0):
                    begin += timedelta(SPRINT_DAYS)
                due = begin + timedelta(SPRINT_DAYS - 3)
                self.world.add_version(
                    project.id,
                    f"{SPRINT}{len(ends) + 1}",
                    start=begin.isoformat(),
                    due=due.isoformat(),
                    at=until,
                )
            for sprint, at in ends.items():
                if since < at <= until:
                    self.end_sprint(until, project, sprint)

    def richness(self) -> float:
        """Draw the share of optional fields that an issue has."""
        return self.rng.choice((0.3, 0.6, 0.75, 0.75, 0.85, 0.85))

    def remark(self, at: int, issue: Issue | None = None) -> None:
        """Comment on an issue; sometimes edit or delete the last comment instead."""
        found = issue or self.any_issue()
        if found is None:
            return
        spoken = [row for row in found.comments if row.content]
        draw = self.rng.random()
        if spoken and draw < 0.05:
            is_english = self.theme(self.home(found)).is_english
            added = " (edited)" if is_english else "（追記）"
            self.world.edit_comment(spoken[-1], spoken[-1].content + added, at=at)
        elif spoken and draw < 0.08:
            # A comment with a change is kept: deleting it would remove a part of the history.
            for said in [row for row in spoken if not row.changes][-1:]:
                self.world.delete_comment(said)
        else:
            members = self.world.projects[found.project_id].members
            notify = (self.rng.choice(members),) if draw > 0.8 else ()
            is_asked = spoken and spoken[-1].content.endswith(("?", "？", "か。"))
            content = self.say(found, "answer" if is_asked else self.rng.choice(("ask", "book")))
            self.world.comment(found, content, by=self.rng.choice(members), at=at, notify=notify)

    def bulk(self, at: int, project: Project | None = None) -> None:
        """Change up to twenty recent issues of a project at once."""
        home = project or self.active_project()
        recent = [self.recent_issue(home) for _ in range(self.rng.randint(2, 20))]
        chosen = {issue.id: issue for issue in recent if issue is not None}
        if chosen:
            fields = self.rng.choice(
                (
                    {"priority_id": 2},
                    {"priority_id": 3},
                    {"version_ids": tuple(current(home, at)[:1])},
                )
            )
            self.world.bulk_edit(chosen.values(), by=self.rng.choice(home.members), at=at, **fields)

    def delete(self, at: int) -> None:
        """Delete an issue."""
        found = self.any_issue()
        if found is not None:
            self.world.delete_issue(
                found, by=self.rng.choice(self.world.projects[found.project_id].members), at=at
            )

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
            self.world.attach(
                found,
                self.rng.choice(texts.FILES),
                self.rng.randrange(1, 9_999_999),
                by=member,
                at=at,
            )
        else:
            self.world.link_file(found, self.rng.randrange(len(project.files)), by=member, at=at)

    def log_in(self, at: int) -> None:
        """Let somebody log in."""
        self.world.log_in(self.rng.choice(list(self.world.users)), at)

    def milestone(self, at: int) -> None:
        """Add a release, or rename the newest milestone."""
        project = self.active_project()
        if project.versions and self.rng.random() < 0.3:
            newest = list(project.versions)[-1]
            self.world.rename_version(
                project.id, newest, f"{project.versions[newest].name}+", at=at
            )
        else:
            releases = sum(one.name.startswith(RELEASE) for one in project.versions.values())
            name = f"{RELEASE}{1 + releases}"
            self.world.add_version(project.id, name, start=day(at, 0), due=day(at, 60), at=at)

    def rename(self, at: int) -> None:
        """Rename a project."""
        project = self.active_project()
        self.world.rename_project(project.id, name=f"{project.name.split(' (')[0]} ({day(at, 0)})")

    def archive(self, at: int) -> None:
        """Archive a project, or restore one when only two are active."""
        del at
        archived = [project for project in self.world.projects.values() if project.archived]
        active = len(self.world.projects) - len(archived)
        if archived and (active <= 2 or self.rng.random() < 0.5):
            self.world.archive_project(self.rng.choice(archived).id, archived=False)
        elif active > 2:
            self.world.archive_project(self.active_project().id)

    def membership(self, at: int) -> None:
        """Let a user join or leave a project."""
        project = self.active_project()
        user = self.rng.choice(list(self.world.users))
        if user not in project.members:
            self.world.add_member(project.id, user, at=at)
        elif len(project.members) > 2 and user != self.world.administrator.id:
            self.world.remove_member(project.id, user, at=at)

    def active_project(self) -> Project:
        """Choose a project that is not archived."""
        return self.rng.choice(
            [project for project in self.world.projects.values() if not project.archived]
        )

    def any_issue(self) -> Issue | None:
        """Choose an issue of an active project, most often a recent one."""
        ids = self.world.issue_ids
        for _ in range(50 if ids else 0):
            first = max(0, len(ids) - RECENT) if self.rng.random() < 0.6 else 0
            found = self.world.issues.get(ids[self.rng.randrange(first, len(ids))])
            if found is not None and not self.world.projects[found.project_id].archived:
                return found
        return None

"""Draws the content of issues at random: texts, dates, people and values of custom fields."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from simulator import texts
from simulator.clock import DAY
from simulator.masters import (
    CHECKBOX,
    DATE,
    MEMBER,
    MULTIPLE,
    NUMBER,
    RADIO,
    SINGLE,
    CustomField,
    FieldValue,
    Version,
)
from simulator.model import Issue, Project
from simulator.themes import DESCRIBED, OPERATIONS, SAID, THEMES, Theme, spoken, subject_of
from simulator.world import World

POOL = 2_000
RECENT = 400
SPRINT, RELEASE = "Sprint ", "Release "
SPRINT_DAYS = 14
#: Weights of the kinds of issues: task, bug, request, other.
KINDS = (50, 28, 14, 8)


class Sketch:
    """Draws content with a random generator, which may be replaced between two draws."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world = world
        self.rng = rng
        self.descriptions = _texts(Random(world.spec.seed))  # noqa: S311 - data, not secrets
        self._themes = {
            project: THEMES[place % len(THEMES)] for place, project in enumerate(world.projects)
        }

    def theme(self, project: Project) -> Theme:
        """Return the theme of a project's issues."""
        return self._themes.get(project.id, OPERATIONS)

    def kind(self) -> int:
        """Draw the kind of an issue."""
        return self.rng.choices(range(len(KINDS)), KINDS)[0]

    def summary(self, project: Project, kind: int) -> str:
        """Draw the summary of an issue."""
        theme = self.theme(project)
        subjects, actions = theme.kinds[kind]
        subject, action = self.rng.choice(subjects), self.rng.choice(actions)
        return f"{action} {subject}" if theme.is_english else f"{subject}{action}"

    def content(
        self, project: Project, at: int, kind: int, summary: str, richness: float
    ) -> dict[str, Any]:
        """Draw the content of an issue except its plan; `richness` is the share of
        optional fields.
        """
        rng = self.rng
        types = list(project.issue_types)
        type_id = types[min(kind, len(types) - 1)]
        drawn: dict[str, Any] = {"type_id": type_id, "priority_id": rng.choice((2, 3, 3, 3, 3, 4))}
        if rng.random() < 0.9:
            drawn["description"] = self.description(project, kind, summary)
        if rng.random() < richness:
            drawn["category_ids"] = tuple(
                rng.sample(list(project.categories), rng.choice((1, 1, 2)))
            )
        if rng.random() < richness * 0.5 and (releases := current(project, at)):
            drawn["version_ids"] = (rng.choice(releases),)
        if rng.random() < 0.12:
            parent = self.recent_issue(project)
            if parent is not None and parent.parent_id is None:
                drawn["parent_id"] = parent.id
        drawn["custom"] = {
            one.id: self.value(one, at)
            for one in project.fields.values()
            if one.applies_to(type_id) and rng.random() < richness
        }
        return drawn

    def plan(self, project: Project, at: int, richness: float) -> dict[str, Any]:
        """Draw the assignee, milestone, due date and estimate of an issue."""
        rng = self.rng
        drawn: dict[str, Any] = {}
        if rng.random() < richness + 0.1:
            drawn["assignee_id"] = self.worker(project)
        sprint = self.sprint(project, at)
        if sprint and rng.random() < richness:
            drawn["milestone_ids"] = (sprint.id,)
        if rng.random() < richness:
            ahead = day(at, rng.choice((3, 5, 7, 10)))
            drawn["due_date"] = min(ahead, sprint.due) if sprint and sprint.due else ahead
            if rng.random() < 0.7:
                drawn["start_date"] = min(day(at, rng.randrange(4)), drawn["due_date"])
        if rng.random() < richness + 0.1:
            drawn["estimated_hours"] = self.estimate()
            if "milestone_ids" not in drawn:
                drawn.setdefault("due_date", day(at, rng.choice((5, 7, 14))))
        return drawn

    def description(self, project: Project, kind: int, summary: str) -> str:
        """Draw the description of an issue, sometimes with pasted text below."""
        theme = self.theme(project)
        phrase = self.rng.choice(DESCRIBED[theme.is_english][kind])
        text = spoken(phrase, subject_of(theme, summary), is_english=theme.is_english)
        draw = self.rng.random()
        return f"{text}\r\n\r\n{self.rng.choice(texts.PARAGRAPHS)}" if draw < 0.2 else text

    def say(self, issue: Issue, occasion: str) -> str:
        """Draw a comment on an issue for an occasion, a key of `SAID`."""
        theme = self._themes.get(issue.project_id, OPERATIONS)
        phrase = self.rng.choice(SAID[occasion][theme.is_english])
        return spoken(phrase, subject_of(theme, issue.summary), is_english=theme.is_english)

    def value(self, definition: CustomField, at: int) -> FieldValue:
        """Draw a value of a custom field."""
        rng = self.rng
        items = [item.id for item in definition.items.values() if not item.removed]
        other = rng.choice(("それ以外", "something else", None, None))
        match definition.kind:
            case 1:
                return f"ref-{rng.randrange(10_000)} 表"
            case 2:
                return rng.choice(texts.PARAGRAPHS)
            case kind if kind == NUMBER:
                return rng.choice((0.0, 12.5, 99.9, -3.0, 1_000_000.0))
            case kind if kind == DATE:
                return day(at, rng.randrange(30))
            case kind if kind == SINGLE:
                return (rng.choice(items),), None
            case kind if kind == MULTIPLE:
                return tuple(rng.sample(items, rng.randint(1, len(items)))), None
            case kind if kind == CHECKBOX:
                return tuple(rng.sample(items, rng.randint(1, len(items)))), other
            case kind if kind == RADIO:
                return (rng.choice(items),), other
        message = f"no custom field has kind {definition.kind}"
        raise ValueError(message)

    def estimate(self) -> float:
        """Draw the estimate in hours of an issue that takes one person at most a day."""
        return self.rng.choices((0.5, 1, 2, 2.5, 4, 6, 8), (3, 8, 16, 4, 20, 12, 18))[0]

    def worker(self, project: Project) -> int:
        """Choose a worker, most often one of the last issues' assignees."""
        lately = [
            issue.assignee_id
            for issue in islice(reversed(project.issues.values()), 40)
            if issue.assignee_id in project.members
        ]
        users = self.world.users
        able = [one for one in project.members if one in users and users[one].role <= MEMBER]
        found = self.rng.choice(lately or able or project.members)
        return project.members[0] if found is None else found

    def sprint(self, project: Project, at: int) -> Version | None:
        """Return the current sprint of a project at a time, sometimes the next one."""
        running = [
            one
            for one in project.versions.values()
            if is_sprint(one) and one.due and one.due >= day(at, 0)
        ]
        return (
            running[1 if len(running) > 1 and self.rng.random() < 0.25 else 0] if running else None
        )

    def recent_issue(self, project: Project) -> Issue | None:
        """Choose one of the latest issues of a project."""
        ids = self.world.issue_ids
        for _ in range(20 if ids else 0):
            found = project.issues.get(ids[self.rng.randrange(max(0, len(ids) - RECENT), len(ids))])
            if found is not None:
                return found
        return None


def is_sprint(version: Version) -> bool:
    """Return whether a version is a sprint; others are releases."""
    return version.name.startswith(SPRINT)


def current(project: Project, at: int) -> list[int]:
    """Return the releases that are not over at a time; all releases if all are over."""
    releases = [one for one in project.versions.values() if not is_sprint(one)]
    return [one.id for one in releases if not one.due or one.due >= day(at, 0)] or [
        one.id for one in releases
    ]


def day(at: int, ahead: int) -> str:
    """Return the day `ahead` days after the time `at`, in UTC."""
    return (datetime.fromtimestamp(at, UTC) + timedelta(days=ahead)).date().isoformat()


def morning_after(due: str) -> int:
    """Return the time at which a day ends in UTC, when work begins in Japan."""
    return int(datetime.fromisoformat(f"{due}T00:00:00+00:00").timestamp()) + DAY


def _texts(rng: Random) -> list[str]:
    return [
        "\r\n\r\n".join(rng.sample(texts.PARAGRAPHS, 1 + n % 4)) + ("\n" if n % 3 == 0 else "")
        for n in range(POOL)
    ]

"""What people choose when they change a space: projects, issues, comments, fields, names that
nobody has had yet.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulator import World
from simulator.masters import LIST_KINDS
from simulator.model import Comment, Issue, Project
from simulator.sketch import Sketch, day


@dataclass
class Silence:
    """What changed with neither a moved `updated` nor an activity: issues and comments by id, until
    all is read again.

    `named` are comments of which nothing says in which project their issue was then, for good: it
    moved, and the source trims its feed, or the key does not see that project, then or now. Only
    who has read them before knows what names in them meant.
    """

    issues: set[int] = field(default_factory=set)
    comments: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)

    def clear(self) -> None:
        """All has been read again."""
        self.issues.clear()
        self.comments.clear()


class Choices(Sketch):
    """Draws from the generator of a burst, so that the same seeds make the same choices."""

    def __init__(self, world: World) -> None:
        super().__init__(world, Random(0))  # noqa: S311 - data, not secrets
        self.silence = Silence()
        #: Project -> comments of issues that have left it.
        self.left: dict[int, set[int]] = defaultdict(set)
        #: Project -> since when the owner does not see it; and comments that were made where the
        #: owner did not see them.
        self.hidden_since: dict[int, int] = {}
        self.unseen: set[int] = set()
        self._serial = 0

    def active(self) -> list[Project]:
        """Return the projects in which people can work."""
        return [one for one in self.world.projects.values() if not one.archived]

    def seen(self, project: Project) -> bool:
        """Say whether the owner, whose key reads the space, sees a project."""
        return self.world.is_member(project, self.world.administrator.id)

    def home(self) -> Project:
        """Choose a project to work in."""
        return self.rng.choice(self.active())

    def issue(self) -> Issue | None:
        """Choose an issue in a project that is not archived."""
        home = self.home()
        return self.rng.choice(list(home.issues.values())) if home.issues else None

    def spoken(self) -> Comment | None:
        """Choose a comment that says something."""
        found = self.issue()
        rows = [row for row in found.comments if row.content] if found else []
        return self.rng.choice(rows) if rows else None

    def parent(self, home: Project, child: int | None = None) -> int | None:
        """Choose an issue that may have a child."""
        fit = [one.id for one in home.issues.values() if one.parent_id is None and one.id != child]
        return self.rng.choice(fit) if fit else None

    def changed(self, home: Project, found: Issue | None) -> dict[str, Any]:
        """Draw one to three fields of an issue of a project."""
        type_id = found.type_id if found else next(iter(home.issue_types))
        own = [
            one
            for one in home.fields.values()
            if one.applies_to(type_id) and (one.kind not in LIST_KINDS or _open_items(one))
        ]
        drawn: dict[str, Callable[[], Any]] = {
            "status_id": lambda: self.any(home.statuses),
            "assignee_id": lambda: self.rng.choice([*home.members, None]),
            "priority_id": lambda: self.rng.choice((2, 3, 4)),
            "resolution_id": lambda: self.rng.choice((0, 1, 2, 3, 4, None)),
            "description": lambda: self.rng.choice(self.descriptions),
            "due_date": self.day,
            "start_date": self.day,
            "estimated_hours": lambda: self.rng.choice((0.25, 1, 7.75, 0, None)),
            "actual_hours": lambda: self.rng.choice((0, 1.5, None)),
            "category_ids": lambda: tuple(self.some(home.categories, 2)),
            "milestone_ids": lambda: tuple(self.some(home.versions, 2)),
            "version_ids": lambda: tuple(self.some(home.versions, 1)),
        }
        if found is not None:
            drawn["summary"] = lambda: self.name("件名 ")
            drawn["type_id"] = lambda: self.any(home.issue_types)
        if own:
            drawn["custom"] = lambda: {
                (one := self.rng.choice(own)).id: self.value(one, int(self.world.clock.now()))
            }
        return {name: drawn[name]() for name in self.some(drawn, self.rng.randint(1, 3))}

    def hush(self, home: Project, changed: Callable[[Issue], bool]) -> None:
        """Note the issues of a project that are about to change in silence."""
        self.silence.issues.update(issue.id for issue in home.issues.values() if changed(issue))

    def one(self, home: Project) -> int:
        """Choose a member of a project; the owner where it has none."""
        return self.rng.choice(home.members or [self.world.administrator.id])

    def any(self, things: Collection[int]) -> int:
        """Choose one of some ids."""
        return self.rng.choice(list(things))

    def some(self, things: Collection[Any], most: int) -> list[Any]:
        """Choose up to `most` of some things."""
        return self.rng.sample(list(things), min(most, len(things)))

    def day(self) -> str | None:
        """Draw a date, or none."""
        return self.rng.choice((None, day(int(self.world.clock.now()), self.rng.randrange(90))))

    def name(self, what: str) -> str:
        """Return a name that nobody has had yet."""
        self._serial += 1
        return f"{what}{self._serial}"


def _open_items(definition: Any) -> bool:
    return any(not item.removed for item in definition.items.values())

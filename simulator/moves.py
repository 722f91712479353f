"""What a team does with an issue on its way: begin it, book hours, hand it over, close it. See
`flow.py` for when.
"""

from collections.abc import Sequence
from math import log
from typing import Any

from simulator import texts
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED
from simulator.model import Issue, Project
from simulator.sketch import Sketch, day

REVIEW, HOLD = (japanese for japanese, _, _ in texts.STATUSES)
#: Status names in the other language of a space.
_ENGLISH = {japanese: english for japanese, english, _ in texts.STATUSES}


class Moves(Sketch):
    """Each method moves one issue one step; a step that does not fit what the issue has become does
    nothing.
    """

    def start(self, at: int, issue: Issue) -> None:
        """Take an issue up, or again."""
        if issue.status_id != IN_PROGRESS:
            fields: dict[str, Any] = {"status_id": IN_PROGRESS}
            if issue.assignee_id is None:
                fields["assignee_id"] = self.worker(self.home(issue))
            if issue.start_date is None and self.rng.random() < 0.6:
                fields["start_date"] = day(at, 0)
            if (due := self._due(issue)) is not None and due < day(at, 0):
                fields["due_date"] = day(at, self.rng.choice((2, 3, 5, 7)))
            self._move(at, issue, texts.STARTED, fields)

    def book(self, at: int, issue: Issue) -> None:
        """Book hours that were spent so far."""
        self._move(at, issue, (), self._spent(at, issue, 0.2 + 0.5 * self.rng.random()))

    def hold(self, at: int, issue: Issue) -> None:
        """Put an issue aside."""
        self._to_own_status(at, issue, HOLD, texts.PUT_OFF)

    def review(self, at: int, issue: Issue) -> None:
        """Ask somebody else to look at the work."""
        self._to_own_status(at, issue, REVIEW, texts.REVIEWED)

    def resolve(self, at: int, issue: Issue) -> None:
        """Say that the work is done."""
        if issue.status_id not in (RESOLVED, CLOSED):
            self._move(
                at,
                issue,
                texts.FINISHED,
                {"status_id": RESOLVED, "resolution_id": 0, **self._final_hours(at, issue)},
            )

    def close(self, at: int, issue: Issue) -> None:
        """Close an issue that is done."""
        if issue.status_id != CLOSED:
            hours = {} if issue.status_id == RESOLVED else self._final_hours(at, issue)
            said = () if issue.status_id == RESOLVED else texts.FINISHED
            self._move(at, issue, said, {"status_id": CLOSED, "resolution_id": 0, **hours})

    def drop(self, at: int, issue: Issue) -> None:
        """Close an issue that will not be done."""
        if issue.status_id != CLOSED:
            self._move(
                at,
                issue,
                texts.REMARKS,
                {"status_id": CLOSED, "resolution_id": self.rng.choice((1, 2, 3, 4))},
            )

    def reopen(self, at: int, issue: Issue) -> None:
        """Take up again what was closed."""
        if issue.status_id == CLOSED:
            self._move(
                at,
                issue,
                texts.REOPENED,
                {"status_id": self.rng.choice((OPEN, IN_PROGRESS)), "resolution_id": None},
            )

    def put_off(self, at: int, issue: Issue) -> None:
        """Move the due date."""
        if issue.due_date is not None and issue.status_id != CLOSED:
            self._move(
                at,
                issue,
                texts.PUT_OFF,
                {"due_date": day(at, self.rng.choice((3, 5, 7, 7, 14, 14, 28)))},
            )

    def shelve(self, at: int, issue: Issue) -> None:
        """Put an issue that nobody has begun back among those without a plan."""
        if issue.status_id == OPEN:
            planned: dict[str, Any] = {
                "start_date": None,
                "due_date": None,
                "estimated_hours": None,
                "priority_id": 4,
            }
            if self.rng.random() < 0.6:
                planned["milestone_ids"] = ()
            self._move(at, issue, (), planned)

    def hand_over(self, at: int, issue: Issue) -> None:
        """Give an issue to somebody else, or back to nobody."""
        if issue.status_id != CLOSED:
            nobody = self.rng.random() < 0.05
            self._move(
                at, issue, (), {"assignee_id": None if nobody else self.worker(self.home(issue))}
            )

    def touch_up(self, at: int, issue: Issue) -> None:
        """Change another field: the priority, the description, the estimate, the categories or a
        custom field.
        """
        rng, project = self.rng, self.home(issue)
        changed: dict[str, Any] = {}
        match rng.randrange(6):
            case 0:
                changed["priority_id"] = rng.choice((2, 3, 4))
            case 1:
                changed["description"] = rng.choice(self.descriptions)
            case 2:
                changed = self._estimated(at, issue)
            case 3 if project.categories:
                changed["category_ids"] = (rng.choice(list(project.categories)),)
            case _:
                fields = [one for one in project.fields.values() if one.applies_to(issue.type_id)]
                definition = rng.choice(fields) if fields else None
                changed["custom"] = (
                    {} if definition is None else {definition.id: self.value(definition, at)}
                )
        self._move(at, issue, texts.REMARKS if rng.random() < 0.2 else (), changed)

    def home(self, issue: Issue) -> Project:
        """Return the project of an issue."""
        return self.world.projects[issue.project_id]

    def _to_own_status(self, at: int, issue: Issue, name: str, remarks: Sequence[str]) -> None:
        named = [
            one.id
            for one in self.home(issue).statuses.values()
            if one.name in (name, _ENGLISH[name])
        ]
        if named and issue.status_id not in (*named, CLOSED):
            self._move(at, issue, remarks, {"status_id": named[0]})

    def _move(self, at: int, issue: Issue, remarks: Sequence[str], fields: dict[str, Any]) -> None:
        said = self.rng.choice(remarks) if remarks and self.rng.random() < 0.4 else ""
        members = self.home(issue).members
        by = issue.assignee_id if issue.assignee_id in members else self.worker(self.home(issue))
        self.world.edit_issue(issue, by=by, at=at, comment=said, **fields)

    def _due(self, issue: Issue) -> str | None:
        """Return when an issue is due: on its own date, else with the first of its milestones."""
        versions = self.home(issue).versions
        return issue.due_date or min(
            (due for one in issue.milestone_ids if (due := versions[one].due)), default=None
        )

    def _estimated(self, at: int, issue: Issue) -> dict[str, Any]:
        """Return an estimate, with a date where the issue has none: who says how long it takes says
        when it will be done.
        """
        due = (
            {}
            if issue.start_date or self._due(issue)
            else {"due_date": day(at, self.rng.choice((7, 14, 21)))}
        )
        return {"estimated_hours": self.estimate(), **due}

    def _spent(self, at: int, issue: Issue, share: float) -> dict[str, Any]:
        """Return the hours that an issue has when some more are booked, in quarters; with them what
        was estimated at last.
        """
        estimated = {} if issue.estimated_hours else self._estimated(at, issue)
        hours = float(estimated.get("estimated_hours") or issue.estimated_hours or 0)
        factor = self.rng.lognormvariate(log(1.08), 0.35)
        return {
            **estimated,
            "actual_hours": float(issue.actual_hours or 0)
            + max(0.25, round(4 * hours * share * factor) / 4),
        }

    def _final_hours(self, at: int, issue: Issue) -> dict[str, Any]:
        """Return the hours of the whole work, of three in four issues."""
        if self.rng.random() < 0.25:
            return {}
        return self._spent(at, issue, 1.0 if not issue.actual_hours else 0.55)

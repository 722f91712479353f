"""The steps of an issue: begin it, book hours, hand it over, close it."""

from math import log
from typing import Any

from simulator import texts
from simulator.clock import DAY
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED
from simulator.model import Issue, Project
from simulator.mutate_issues import UPDATED
from simulator.sketch import Sketch, day

REVIEW, HOLD = (japanese for japanese, _, _ in texts.STATUSES)
#: Status names in the other language of a space.
_ENGLISH = {japanese: english for japanese, english, _ in texts.STATUSES}
#: Steps that always have a comment with the reason.
EXPLAINED = ("hold", "put_off", "reopen", "drop", "bounce")
#: The most hours in one booking, and of one person in a day.
ENTRY, DAILY = 8.0, 10.0


class Moves(Sketch):
    """Each method moves one issue one step; a step that does not fit the issue's state does
    nothing.
    """

    def start(self, at: int, issue: Issue) -> None:
        """Begin an issue, or continue it."""
        if issue.status_id != IN_PROGRESS:
            fields: dict[str, Any] = {"status_id": IN_PROGRESS}
            if issue.assignee_id is None:
                fields["assignee_id"] = self.worker(self.home(issue))
            if issue.start_date is None and self.rng.random() < 0.6:
                fields["start_date"] = day(at, 0)
            if (due := self._due(issue)) is not None and due < day(at, 0):
                fields["due_date"] = day(at, self.rng.choice((2, 3, 5, 7)))
            self._move(at, issue, "start", fields)

    def book(self, at: int, issue: Issue) -> None:
        """Book hours that were spent so far."""
        self._move(at, issue, "book", self._spent(at, issue, 0.2 + 0.5 * self.rng.random()))

    def hold(self, at: int, issue: Issue) -> None:
        """Put an issue on hold."""
        self._to_own_status(at, issue, HOLD, "hold")

    def review(self, at: int, issue: Issue) -> None:
        """Request a review of the work."""
        self._to_own_status(at, issue, REVIEW, "review")

    def resolve(self, at: int, issue: Issue) -> None:
        """Mark the work as done."""
        if issue.status_id not in (RESOLVED, CLOSED):
            hours = self._final_hours(at, issue)
            fields = {"status_id": RESOLVED, "resolution_id": 0, **hours}
            self._move(at, issue, "done", fields)

    def close(self, at: int, issue: Issue) -> None:
        """Close an issue that is done."""
        if issue.status_id != CLOSED:
            is_done = issue.status_id == RESOLVED
            hours = {} if is_done else self._final_hours(at, issue)
            fields = {"status_id": CLOSED, "resolution_id": 0, **hours}
            self._move(at, issue, "close" if is_done else "done", fields)

    def drop(self, at: int, issue: Issue) -> None:
        """Close an issue that will not be done."""
        if issue.status_id != CLOSED:
            resolution = self.rng.choice((1, 2, 3, 4))
            self._move(at, issue, "drop", {"status_id": CLOSED, "resolution_id": resolution})

    def reopen(self, at: int, issue: Issue) -> None:
        """Reopen a closed issue."""
        if issue.status_id == CLOSED:
            status = self.rng.choice((OPEN, IN_PROGRESS))
            self._move(at, issue, "reopen", {"status_id": status, "resolution_id": None})

    def put_off(self, at: int, issue: Issue) -> None:
        """Move the due date."""
        if issue.due_date is not None and issue.status_id != CLOSED:
            due = day(at, self.rng.choice((3, 5, 7, 7, 14)))
            self._move(at, issue, "put_off", {"due_date": max(due, issue.due_date)})

    def hand_over(self, at: int, issue: Issue) -> None:
        """Assign an issue to another person, or to nobody."""
        if issue.status_id != CLOSED:
            nobody = self.rng.random() < 0.05
            self._move(
                at, issue, "", {"assignee_id": None if nobody else self.worker(self.home(issue))}
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
                kind = list(project.issue_types).index(issue.type_id)
                changed["description"] = self.description(project, min(kind, 3), issue.summary)
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
        self._move(at, issue, "", changed)

    def home(self, issue: Issue) -> Project:
        """Return the project of an issue."""
        return self.world.projects[issue.project_id]

    def _to_own_status(self, at: int, issue: Issue, name: str, occasion: str) -> None:
        named = [
            one.id
            for one in self.home(issue).statuses.values()
            if one.name in (name, _ENGLISH[name])
        ]
        if named and issue.status_id not in (*named, CLOSED):
            self._move(at, issue, occasion, {"status_id": named[0]})

    def _move(self, at: int, issue: Issue, occasion: str, fields: dict[str, Any]) -> None:
        """Edit an issue, with a comment that fits the occasion."""
        often = 1.0 if occasion in EXPLAINED else 0.4
        said = self.say(issue, occasion) if occasion and self.rng.random() < often else ""
        if fields or said:
            self.world.edit_issue(issue, by=self._doer(issue), at=at, comment=said, **fields)

    def _doer(self, issue: Issue) -> int:
        home = self.home(issue)
        by = issue.assignee_id
        return by if by is not None and by in home.members else self.worker(home)

    def _due(self, issue: Issue) -> str | None:
        """Return when an issue is due: its own date, else that of the first of its milestones."""
        versions = self.home(issue).versions
        return issue.due_date or min(
            (due for one in issue.milestone_ids if (due := versions[one].due)), default=None
        )

    def _estimated(self, at: int, issue: Issue) -> dict[str, Any]:
        """Return an estimate, and a due date if the issue has none."""
        due = (
            {}
            if issue.start_date or self._due(issue)
            else {"due_date": day(at, self.rng.choice((7, 14, 21)))}
        )
        return {"estimated_hours": self.estimate(), **due}

    def _spent(self, at: int, issue: Issue, share: float) -> dict[str, Any]:
        """Return the hours of an issue after its assignee has booked some more, limited by the day
        and in quarters; also a missing estimate.
        """
        estimated = {} if issue.estimated_hours else self._estimated(at, issue)
        hours = float(estimated.get("estimated_hours") or issue.estimated_hours or 0)
        factor = self.rng.lognormvariate(log(1.0), 0.3)
        by = issue.assignee_id
        if by is None or by not in self.home(issue).members:
            return estimated
        room = min(ENTRY, DAILY - self._booked(by, at))
        more = min(room, max(0.25, round(4 * hours * share * factor) / 4))
        booked = {"actual_hours": float(issue.actual_hours or 0) + more} if more > 0 else {}
        return {**estimated, **booked}

    def _booked(self, user: int, at: int) -> float:
        """Return the hours that a user has already booked on a day."""
        booked = 0.0
        for activity in reversed(self.world.activities):
            if activity.created // DAY < at // DAY:
                break
            if activity.by == user and activity.type == UPDATED:
                booked += sum(
                    float(change.new or 0) - float(change.old or 0)
                    for change in activity.data[5]
                    if change.field == "actualHours"
                )
        return booked

    def _final_hours(self, at: int, issue: Issue) -> dict[str, Any]:
        """Return the hours of the whole work, for nine of ten issues."""
        if self.rng.random() < 0.1:
            return {}
        return self._spent(at, issue, 1.0 if not issue.actual_hours else 0.55)

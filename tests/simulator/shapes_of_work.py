"""What happened in a simulated space, worked out from the change logs of its comments."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from statistics import mean, pstdev

from simulator.masters import CLOSED, Version
from simulator.model import Issue, Project
from simulator.worktime import is_working_day
from simulator.world import World

TOKYO = timedelta(hours=9)
EPOCH = date(1970, 1, 1)
#: The forecast: working days behind it, issues that it needs, and how sure it is (85 %).
WINDOW, LEAST, SURE = 60, 5, 1.0364


def day_of(moment: int) -> date:
    """Return the day of a moment in Tokyo."""
    return (datetime.fromtimestamp(moment, UTC) + TOKYO).date()


def is_at_work(day: date) -> bool:
    """Return whether people work on a day."""
    return is_working_day((day - EPOCH).days)


def working_days(after: date, count: int) -> date:
    """Return the day so many working days after another."""
    while count:
        after += timedelta(1)
        count -= is_at_work(after)
    return after


@dataclass(frozen=True)
class Entry:
    """Hours that somebody booked on an issue."""

    day: date
    user: int
    issue: Issue
    hours: float


def entries(world: World) -> list[Entry]:
    """Return all hours that were booked."""
    return [
        Entry(day_of(row.created), row.by, issue, float(change.new or 0) - float(change.old or 0))
        for issue in world.issues.values()
        for row in issue.comments
        for change in row.changes
        if change.field == "actualHours"
    ]


@dataclass
class Past:
    """The past of the issues of a project."""

    project: Project
    _changes: dict[tuple[int, str], list[tuple[date, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        changes = defaultdict(list)
        for issue in self.project.issues.values():
            for row in issue.comments:
                for change in row.changes:
                    changes[issue.id, change.field].append((day_of(row.created), change.old))
        self._changes = dict(changes)

    def value(self, issue: Issue, name: str, now: str, day: date) -> str:
        """Return what a field was in the evening of a day."""
        later = (old for at, old in self._changes.get((issue.id, name), ()) if at > day)
        return next(later, now)

    def is_done(self, issue: Issue, day: date) -> bool:
        """Return whether an issue was done in the evening of a day."""
        statuses = self.project.statuses
        was = self.value(issue, "status", statuses[issue.status_id].name, day)
        return was == statuses[CLOSED].name

    def held(self, milestone: Version, day: date) -> list[Issue]:
        """Return the issues that a milestone held in the evening of a day."""
        found = []
        for issue in self.project.issues.values():
            now = ", ".join(self.project.versions[one].name for one in issue.milestone_ids)
            names = self.value(issue, "milestone", now, day).split(", ")
            if day_of(issue.created) <= day and milestone.name in names:
                found.append(issue)
        return found

    def spi(self, day: date) -> float:
        """Return earned by planned hours in the evening of a day."""
        planned = earned = 0.0
        for issue in self.project.issues.values():
            if day_of(issue.created) > day:
                continue
            hours = self.value(issue, "estimatedHours", str(issue.estimated_hours or ""), day)
            estimate = float(hours or 0)
            dues = [self.project.versions[one].due or "" for one in issue.milestone_ids]
            due = self.value(issue, "limitDate", issue.due_date or "", day) or min(dues, default="")
            is_done = self.is_done(issue, day)
            earned += estimate * is_done
            planned += estimate * (due <= day.isoformat() if due else is_done)
        return earned / planned

    def cpi(self) -> float:
        """Return estimated by booked hours of the issues that are done and have both."""
        both = [
            (issue.estimated_hours, issue.actual_hours)
            for issue in self.project.issues.values()
            if issue.status_id == CLOSED and issue.estimated_hours and issue.actual_hours
        ]
        return sum(one for one, _ in both) / sum(one for _, one in both)

    def is_met(self, sprint: Version) -> bool | None:
        """Return whether a sprint ended by the day that was 85 % sure on its third day; None where
        nothing could be said.
        """
        third = date.fromisoformat(str(sprint.start)) + timedelta(2)
        left = sum(not self.is_done(issue, third) for issue in self.held(sprint, third))
        days = [third - timedelta(back) for back in range(WINDOW * 2)]
        days = [day for day in days if is_at_work(day)][:WINDOW]
        done = self._throughput()
        daily = [done[day] for day in days]
        if not left or sum(daily) < LEAST:
            return None
        needed = next(
            n for n in range(1, 1_000) if n * mean(daily) - SURE * pstdev(daily) * sqrt(n) >= left
        )
        by = working_days(third, needed)
        return all(self.is_done(issue, by) for issue in self.held(sprint, by))

    def _throughput(self) -> Counter[date]:
        closed = self.project.statuses[CLOSED].name
        done: Counter[date] = Counter()
        for issue in self.project.issues.values():
            for row in issue.comments:
                for change in row.changes:
                    if change.field == "status":
                        done[day_of(row.created)] += (change.new == closed) - (change.old == closed)
        return done

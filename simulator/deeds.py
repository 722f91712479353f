"""The actions of people in the history of a space: file an issue, answer, begin, book hours,
review.
"""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from math import log
from random import Random
from typing import Any

from simulator.board import Board, Job
from simulator.clock import DAY
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED, Version
from simulator.model import Issue, Project
from simulator.story import Story
from simulator.themes import BUG, OTHER, REQUEST, TASK
from simulator.worktime import WorkTime, is_working_day, iso
from simulator.world import World

#: Quarters of an hour that a person works in a day, and of the largest issue.
A_DAY, _LARGEST = 30, 160
#: Mean size of an issue by kind, relative to the average; the spread; and a factor that makes up
#: for cutting the largest ones.
_SIZES = {TASK: 1.25, BUG: 0.7, REQUEST: 1.0, OTHER: 0.5}
_SPREAD, _CUT = 0.65, 1.15
#: Typical estimates in hours.
_ROUND = (0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40)
#: Share of unplanned issues that are never begun.
_SOME_DAY = 0.05
#: The first answer, by kind.
_FIRST = ("ack_task", "ack_bug", "ack_request", "ack_other")
#: Side events of an issue, and the share of issues that have each.
_DETOURS: tuple[tuple[str, float], ...] = (
    ("put_off", 0.04),
    ("hand_over", 0.04),
    ("touch_up", 0.12),
    ("star_or_file", 0.12),
    ("remark", 0.05),
)


class Deeds(Story):
    """Runs actions in the order of time, so that all ids ascend with time."""

    def __init__(self, world: World, rng: Random, begin: int) -> None:
        super().__init__(world, rng)
        self.first, self.end = begin, world.spec.end
        self.time = WorkTime(world.spec.timezone, begin)
        self.days = self._days()
        self._agenda: list[tuple[int, int, Callable[[int], object]]] = []
        self._number = 0

    def then(self, at: int, action: Callable[[int], object]) -> None:
        """Schedule an action at a time, unless it is after the end."""
        if at < self.end:
            self._number += 1
            heappush(self._agenda, (at, self._number, action))

    def play_until(self, moment: int) -> None:
        """Run the scheduled actions up to a time."""
        while self._agenda and self._agenda[0][0] <= moment:
            at, _, play = heappop(self._agenda)
            play(at)

    def file(
        self,
        board: Board,
        at: int,
        size: int,
        *,
        kind: int | None = None,
        summary: str | None = None,
        days: float,
        milestone: Version | None = None,
        since: int | None = None,
        at_once: bool = False,
    ) -> Job:
        """Plan an issue that is created at a time and due some working days later. Nobody begins it
        before day `since`, unless `at_once`.
        """
        self._number += 1
        at = min(at, self.end - 1)
        kind = self.kind() if kind is None else kind
        summary = summary or self.summary(board.project, kind)
        today = self.time.number(at)
        due = self.ahead(today, days)
        job = Job(self._number, kind, summary, size, size, due, due, milestone)
        job.is_booked = size > 8 or self.rng.random() < 0.8
        if milestone is None and not at_once and self.rng.random() < _SOME_DAY:
            job.is_done = True
        if board.team and self.rng.random() < 0.75:
            job.worker = self.rng.choice(board.team)
        board.unmade -= 1
        board.queued += 0 if job.is_done else size
        if not at_once:
            start = self.ahead(today, 1) if since is None else self.ahead(since, 0)
            board.coming[start].append(job)
        self.then(at, partial(self._make, board=board, job=job))
        return job

    def size(self, board: Board, kind: int) -> int:
        """Draw the size of an issue, in quarters of an hour."""
        mean = board.mean() * _SIZES[kind] * _CUT
        drawn = self.rng.lognormvariate(log(mean) - _SPREAD**2 / 2, _SPREAD)
        return max(1, min(round(drawn), _LARGEST, round(4 * mean)))

    def ahead(self, day: int, days: float) -> int:
        """Return the day that is some working days after another."""
        place = bisect_left(self.days, day) + max(0, round(days))
        if place < len(self.days):
            return self.days[place]
        found = max(self.days[-1], day)
        for _ in range(place - len(self.days) + 1):
            found += 1
            while not is_working_day(found):
                found += 1
        return found

    def _days(self) -> list[int]:
        first, last = self.time.number(self.first) + 1, self.time.number(self.end)
        days = [
            day for day in range(first, last + 1) if self.time.opening(day) + 4 * 3_600 <= self.end
        ]
        return [day for day in days if is_working_day(day)] or days or [first]

    def _make(self, at: int, board: Board, job: Job) -> None:
        """Create the issue of a job."""
        rng, home = self.rng, board.project
        richness = {1: 1.0, 2: 0.0}.get(home.next_key)
        planned = 0.0 if job.is_done else 0.85 if richness is None else richness
        if richness is None:
            richness = rng.choice((0.3, 0.6, 0.75, 0.75, 0.85))
        kind = BUG if richness >= 1 else job.kind
        fields = self.content(home, at, kind, job.summary, richness)
        if job.milestone is not None:
            fields["milestone_ids"] = (job.milestone.id,)
        if job.is_done:
            fields["priority_id"] = 4
        if job.note:
            fields["description"] = job.note
        if job.worker is not None:
            fields["assignee_id"] = job.worker
        if planned and rng.random() < 0.94:
            fields["estimated_hours"] = self._guess(board, job)
        if rng.random() < planned:
            fields["due_date"] = iso(job.due)
            if rng.random() < 0.7:
                start = max(self.time.number(at), job.due - 1 - job.size // A_DAY * 7 // 5)
                fields["start_date"] = iso(min(start, job.due))
        planner = job.milestone is not None or board.style.is_late
        author = self.lead(board) if planner else rng.choice(home.members)
        notify = (rng.choice(home.members),) if rng.random() < 0.1 else ()
        job.issue = issue = self.world.create_issue(
            home.id, summary=job.summary, by=author, at=at, notify=notify, **fields
        )
        if rng.random() < 0.7:
            hours = rng.lognormvariate(log(1.5), 0.9)
            self.later(at, hours, self._answer, issue, _FIRST[kind])
        for action, share in _DETOURS:
            if rng.random() < share:
                self.later(at, rng.uniform(2, 60), self._detour, issue, action)
        if job.milestone is None and not board.style.is_late and rng.random() < 0.05:
            self.later(at, rng.uniform(1, 30), self._drop, board, job)

    def _guess(self, board: Board, job: Job) -> float:
        drawn = job.size / 4 / self.rng.lognormvariate(log(board.style.factor), 0.25)
        return min(_ROUND, key=lambda one: abs(log(one / drawn)))

    def later(self, at: int, hours: float, act: Callable[..., object], *given: Any) -> None:
        """Schedule an action some working hours later."""
        self.then(self.time.later(at, hours, self.rng), lambda then: act(then, *given))

    def _answer(self, at: int, issue: Issue, occasion: str) -> None:
        """Let another person comment."""
        others = [one for one in self.home(issue).members if one != issue.created_by]
        wanted = issue.assignee_id if issue.assignee_id in others else None
        by = wanted or (self.rng.choice(others) if others else issue.created_by)
        self.world.comment(issue, self.say(issue, occasion), by=by, at=at)

    def _detour(self, at: int, issue: Issue, action: str) -> None:
        """Let a side event happen to an issue."""
        getattr(self, action)(at, issue)

    def _drop(self, at: int, board: Board, job: Job) -> None:
        """Close an issue that nobody has begun."""
        issue = self._issue(job)
        if job.left == job.size and issue.status_id == OPEN:
            self.drop(at, issue)
            board.queued -= job.left
            job.is_done = True

    def begin(self, at: int, board: Board, job: Job, user: int) -> None:
        """Take an issue up."""
        issue = self._issue(job)
        fields: dict[str, Any] = {"status_id": IN_PROGRESS}
        if issue.assignee_id != user:
            fields["assignee_id"] = user
        if issue.start_date is None and self.rng.random() < 0.6:
            today = iso(self.time.number(at))
            fields["start_date"] = min(today, issue.due_date or today)
        self._edit(at, issue, user, "start", 0.3, fields)
        if self.rng.random() < 0.2:
            self.later(at, self.rng.uniform(0.2, 2), self._ask, issue, user)

    def _ask(self, at: int, issue: Issue, user: int) -> None:
        if issue.status_id != CLOSED:
            self.world.comment(issue, self.say(issue, "ask"), by=user, at=at)
            hours = self.rng.lognormvariate(log(1.5), 0.8)
            others = [one for one in self.home(issue).members if one != user] or [user]
            by = issue.created_by if issue.created_by in others else self.rng.choice(others)
            self.then(
                self.time.later(at, hours, self.rng),
                lambda then: self.world.comment(issue, self.say(issue, "answer"), by=by, at=then),
            )

    def book_hours(self, at: int, board: Board, job: Job, spent: int, user: int) -> None:
        """Book hours on an issue that continues."""
        self._edit(at, self._issue(job), user, "book", 0.12, self._hours(job, spent))

    def finish(self, at: int, board: Board, job: Job, spent: int, user: int) -> None:
        """End the work on an issue: it goes to review, is resolved, or is closed."""
        issue, fields, draw = self._issue(job), self._hours(job, spent), self.rng.random()
        job.is_done = True
        ends = job.milestone is not None and job.milestone.due == iso(self.time.number(at))
        if draw < 0.5:
            fields["status_id"] = self.status(board.project, 0)
            self._edit(at, issue, user, "review", 0.7, fields)
        elif draw < 0.7:
            fields |= {"status_id": RESOLVED, "resolution_id": 0}
            self._edit(at, issue, user, "done", 0.7, fields)
        else:
            fields |= {"status_id": CLOSED, "resolution_id": 0}
            self._edit(at, issue, user, "done", 0.6, fields)
        if draw < 0.7:
            hours = self.rng.uniform(0.1, 0.5) if ends else self.rng.lognormvariate(log(1.5), 0.7)
            check = partial(self._check, board=board, job=job, user=user, ends=ends)
            self.then(
                at + int(hours * 3_600) if ends else self.time.later(at, hours, self.rng), check
            )
        elif job.milestone is None and self.rng.random() < 0.05:
            self.later(at, 30, self._reopen, board, job, user)

    def _check(self, at: int, board: Board, job: Job, user: int, *, ends: bool) -> None:
        """Review another person's work: close it, or return it."""
        issue = self._issue(job)
        if issue.status_id == CLOSED:
            return
        others = [one for one in board.team if one != user] or board.project.members
        by = self.rng.choice(others)
        if not ends and self.rng.random() < 0.08:
            self._edit(at, issue, by, "bounce", 1.0, {"status_id": IN_PROGRESS})
            self._again(board, job, user)
        else:
            fields = {"status_id": CLOSED, "resolution_id": 0}
            self._edit(at, issue, by, "close", 0.4, fields)

    def _reopen(self, at: int, board: Board, job: Job, user: int) -> None:
        issue = self._issue(job)
        if issue.status_id == CLOSED and at // DAY < board.end - 5:
            by = issue.created_by if issue.created_by in board.project.members else user
            fields = {"status_id": OPEN, "resolution_id": None}
            self._edit(at, issue, by, "reopen", 1.0, fields)
            self._again(board, job, user)

    def _again(self, board: Board, job: Job, user: int) -> None:
        job.left = max(2, job.size // 8)
        job.is_done = False
        board.queued += job.left
        job.worker, job.rank = user, 0
        board.put(job)

    def wait(self, at: int, board: Board, job: Job) -> None:
        """Put an issue on hold: it depends on somebody outside."""
        issue = self._issue(job)
        by = self._doer(issue)
        self._edit(at, issue, by, "hold", 1.0, {"status_id": self.status(board.project, 1)})

    def _edit(
        self, at: int, issue: Issue, by: int, occasion: str, often: float, fields: dict[str, Any]
    ) -> None:
        said = self.say(issue, occasion) if self.rng.random() < often else ""
        if fields or said:
            self.world.edit_issue(issue, by=by, at=at, comment=said, **fields)

    def _hours(self, job: Job, spent: int) -> dict[str, Any]:
        if not job.is_booked:
            return {}
        return {"actual_hours": float(self._issue(job).actual_hours or 0) + spent / 4}

    def _issue(self, job: Job) -> Issue:
        if job.issue is None:
            message = f"{job.summary} is worked on before it is made"
            raise RuntimeError(message)
        return job.issue

    def lead(self, board: Board) -> int:
        """Return the user who plans the work of a project."""
        return self.world.administrator.id if board.project.key == "OPS" else board.team[0]

    def status(self, project: Project, place: int) -> int:
        """Return one of the project's own statuses: review or hold."""
        own = [one for one in project.statuses if one > CLOSED]
        return own[place] if place < len(own) else IN_PROGRESS

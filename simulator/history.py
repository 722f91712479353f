"""The history of a space, lived working day by working day: people file issues, plan sprints, do
one thing after the other and book their hours in the evening of it.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from math import log
from random import Random
from typing import Any

from simulator.board import Board, Job, style_of
from simulator.clock import DAY
from simulator.crew import LONG_HISTORY, Crew
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED, Version
from simulator.model import Issue, Project
from simulator.plight import Plight
from simulator.sketch import SPRINT, SPRINT_DAYS, is_sprint
from simulator.story import Story
from simulator.themes import BUG, OTHER, REQUEST, TASK
from simulator.world import World
from simulator.worktime import CLOSES, OPENS, WorkTime, is_working_day, iso

#: Size of an issue by kind, of the average.
_SIZES = {TASK: 1.25, BUG: 0.7, REQUEST: 1.0, OTHER: 0.5}
_SPREAD = 0.65
#: What large ones lose to the limits below, all are made larger by.
_CUT = 1.15
#: Quarters of an hour: the longest entry, the largest issue, the largest of a sprint, and what
#: one does in a day.
_ENTRY, _LARGEST, _IN_SPRINT, _DAY = 32, 160, 80, 30
#: Estimates that people give, in hours.
_ROUND = (0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40)
#: How much of its time a team plans, and how many of an issue's days lie behind its start.
_LOAD = 0.84
#: Share of what comes by itself that nobody ever begins.
_SOME_DAY = 0.05
#: Share of it that the running sprint takes in.
_URGENT = 0.12
#: Working days of the late project, if there are as many.
_LATE = 180
#: Of one in so many sprints something waits for others beyond its end.
_BLOCKED = 7
#: The first answer, by kind.
_FIRST = ("ack_task", "ack_bug", "ack_request", "ack_other")
_DETOURS: tuple[tuple[str, float], ...] = (
    ("put_off", 0.04),
    ("hand_over", 0.04),
    ("touch_up", 0.12),
    ("star_or_file", 0.12),
    ("remark", 0.05),
)


class History(Story):
    """Plays what the people of a space do from its first day to its last, in the order of time, so
    that every id ascends with it.
    """

    def __init__(self, world: World, rng: Random, begin: int) -> None:
        super().__init__(world, rng)
        self.begin, self.end = begin, world.spec.end
        self.time = WorkTime(world.spec.timezone, begin)
        self.days = self._days()
        self.boards: list[Board] = []
        self._events: list[tuple[int, int, Callable[[int], object]]] = []
        self._number = 0
        self._plights: dict[int, Plight] = {}
        #: Sprint -> its last day.
        self._last_days: dict[int, int] = {}
        #: User -> what the user has begun.
        self._active: dict[int, list[tuple[Board, Job]]] = defaultdict(list)

    def then(self, at: int, action: Callable[[int], object]) -> None:
        """Let something happen at a moment, if it is not after the end."""
        if at < self.end:
            self._number += 1
            heappush(self._events, (at, self._number, action))

    def play(self, made: dict[int, int], closing: dict[int, int]) -> None:
        """Play the history in which each project gets so many issues; `closing` are the moments at
        which projects end before the space does.
        """
        for place, project in enumerate(self.world.projects.values()):
            style = style_of(place)
            if not made.get(project.id):
                continue
            end = bisect_right(self.days, self.time.number(closing.get(project.id, self.end)))
            if end < len(self.days):
                end = self._month_of(end)
            first = self._month_of(max(0, end - _LATE)) if style.is_late else 0
            days = self.days[first : max(end, first + 1)]
            board = Board(project, style, days[0], days[-1], made[project.id])
            self.boards.append(board)
        self.crew = Crew(self.world, self.rng, self.days, self.boards)
        for board in self.boards:
            pace = board.ahead / max(1, sum(board.begin <= one <= board.end for one in self.days))
            days = board.style.waiting_days + (5 if board.style.in_sprints else 0)
            board.reserve = board.ahead * 0.35 if board.style.is_late else pace * days
            if board.style.is_late:
                self._plights[board.project.id] = Plight(self, board)
        for day in self.days:
            self._play_until(self.time.opening(day))
            self._live(day)
        self._play_until(self.end)

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
        """Plan an issue that is made at a moment and due so many working days later; nobody begins
        it before a day, unless somebody does at once.
        """
        self._number += 1
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
        """Return the day so many working days after another."""
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
        first, last = self.time.number(self.begin) + 1, self.time.number(self.end)
        days = [
            day for day in range(first, last + 1) if self.time.opening(day) + 4 * 3_600 <= self.end
        ]
        return [day for day in days if is_working_day(day)] or days or [first]

    def _month_of(self, place: int) -> int:
        """Return where the month of a day begins, in a long history; else the place itself."""
        if len(self.days) < LONG_HISTORY:
            return place
        month = iso(self.days[place])[:7]
        return next(one for one in range(place + 1) if iso(self.days[one])[:7] == month)

    def _play_until(self, moment: int) -> None:
        while self._events and self._events[0][0] <= moment:
            at, _, play = heappop(self._events)
            play(at)

    def _live(self, day: int) -> None:
        """Plan a day and let everybody work."""
        opening = self.time.opening(day)
        length = min(1.0, (self.end - opening) / (CLOSES - OPENS))
        shift = self.crew.shift(day)
        for board in self.boards:
            if not board.begin <= day <= board.end:
                continue
            board.pace = shift.paces.get(board.project.id, 0.0)
            self._staff(board, day)
            self._file_for(board, day, opening)
            for job in board.coming.pop(day, ()):
                board.put(job)
            board.ahead -= board.pace
            board.debt += board.pace
        for user, boards, quarters in self.crew.at_work(day):
            self._work(user, boards, max(1, int(quarters * length)), opening)

    def _staff(self, board: Board, day: int) -> None:
        team = self.crew.team(board, day)
        if team != board.team:
            board.staff(team)
            for user, active in self._active.items():
                for row in [row for row in active if row[0] is board and user not in team]:
                    active.remove(row)
                    board.put(row[1])

    def _file_for(self, board: Board, day: int, opening: int) -> None:
        """File the issues of a day: those that sprints need, and those that come by themselves."""
        if board.style.is_late:
            self._plights[board.project.id].file(day, opening)
        if board.style.in_sprints:
            self._plan_sprints(board, day, opening)
        waits = board.waiting() + sum(
            job.left for jobs in board.coming.values() for job in jobs if job.milestone is None
        )
        while board.unmade and waits < board.style.waiting_days * board.pace:
            kind = self.kind()
            size = self.size(board, kind)
            late = board.style.waiting_days + size / _DAY + self.rng.uniform(3, 9)
            is_urgent = self.rng.random() < _URGENT and size < _DAY and board.sprint
            wanted = (
                board.sprint
                if is_urgent and self.ahead(day, 5) <= self._last(board.sprint)
                else None
            )
            at = opening + self._moment()
            self.file(board, at, size, kind=kind, days=late, milestone=wanted)
            waits += size
        if day == board.end:
            while board.unmade:
                self.file(
                    board,
                    opening + int(self._moment() * self._left_of(opening)),
                    self.size(board, OTHER),
                    days=10,
                )
            if day < self.days[-1]:
                self.then(opening + CLOSES - OPENS - 60, partial(self._close_down, board=board))

    def _moment(self) -> int:
        return self.rng.randrange(9 * 3_600)

    def _left_of(self, opening: int) -> float:
        return max(0.0, min(1.0, (self.end - opening - 60) / (9 * 3_600)))

    def _plan_sprints(self, board: Board, day: int, opening: int) -> None:
        """Begin the sprint of a day, and prepare the next one on the two days before it."""
        sprint = board.sprint
        if sprint is None:
            board.sprint = self._add_sprint(board, day - (day + 3) % 7, opening)
        elif day > self._last(sprint):
            board.sprint = board.following
            self._carry_over(board, sprint, day, opening)
        elif self.ahead(day, 2) > self._last(sprint) and board.following:
            first = self._last(sprint) + 3
            self._commit(board, board.following, first, opening + 4 * 3_600, 0.45)
        if board.sprint and board.sprint is not sprint:
            last = self._last(board.sprint)
            board.following = self._add_sprint(board, last + 3, opening)
            self._commit(board, board.sprint, day, opening + 300, 1.0)
            if self._number_of(board.sprint) % _BLOCKED == board.project.id % _BLOCKED:
                self._block(board, board.sprint, day)

    def _add_sprint(self, board: Board, begin: int, at: int) -> Version:
        """Add a sprint of two weeks from a Monday to a Friday."""
        project, last = board.project, begin + SPRINT_DAYS - 3
        due = next((one for one in range(last, begin, -1) if is_working_day(one)), last)
        number = 1 + sum(is_sprint(one) for one in project.versions.values())
        sprint = self.world.add_version(
            project.id, f"{SPRINT}{number}", start=iso(self.ahead(begin, 0)), due=iso(due), at=at
        )
        self._last_days[sprint.id] = last
        return sprint

    def _commit(
        self, board: Board, sprint: Version, first: int, opening: int, share: float
    ) -> None:
        """Fill a sprint up to a share of what the team can do in it."""
        last = self._last(sprint)
        days = bisect_right(self.days, last) - bisect_left(self.days, first)
        if last > self.days[-1]:
            days = max(days, sum(is_working_day(one) for one in range(first, last + 1)))
        able = days * board.pace * board.style.in_sprints * _LOAD
        known = [*board.jobs(), *(job for jobs in board.coming.values() for job in jobs)]
        known += [job for active in self._active.values() for one, job in active if one is board]
        planned = sum(job.left for job in known if job.milestone in (sprint, board.sprint))
        while board.unmade and planned < able * share:
            kind = self.rng.choices((TASK, BUG, REQUEST), (6, 2, 2))[0]
            size = min(self.size(board, kind), _IN_SPRINT)
            if planned + size > able:
                size = round(able - planned)
                if size < board.mean() / 3:
                    break
            planned += size
            late = planned / max(able, 1) * (days - 1) + self.rng.uniform(0, 1.5)
            at = opening + self.rng.randrange(800)
            job = self.file(board, at, size, kind=kind, days=0, milestone=sprint, since=first)
            job.due = min(self.ahead(first, late), last)
            job.rank = first if size > _DAY else self.ahead(first, late * 0.3)

    def _block(self, board: Board, sprint: Version, day: int) -> None:
        """Let one issue of a sprint wait for somebody outside, for weeks."""
        jobs = [job for job in board.coming.get(day, ()) if job.milestone is sprint]
        if jobs:
            job = jobs[-1]
            board.coming[day].remove(job)
            board.coming[self.ahead(day, 24)].append(job)
            at = self.time.opening(self.ahead(day, 3)) + self._moment()
            self.then(at, partial(self._hold, board=board, job=job))

    def _carry_over(self, board: Board, sprint: Version, day: int, opening: int) -> None:
        """Take what is not done along to the next sprint, except what waits for others."""
        mine = [job for active in self._active.values() for one, job in active if one is board]
        for job in [*board.jobs(), *mine]:
            if job.milestone is sprint:
                job.milestone, job.due = board.sprint, self.ahead(day, 3)
                job.rank = day
        board.sort()
        end = partial(self._end_sprint, board=board, sprint=sprint, due=iso(self.ahead(day, 3)))
        self.then(opening + 60, end)

    def _end_sprint(self, at: int, board: Board, sprint: Version, due: str) -> None:
        held = self._status(board.project, 1)
        left = [
            issue
            for issue in board.project.issues.values()
            if sprint.id in issue.milestone_ids and issue.status_id not in (CLOSED, held)
        ]
        if left and board.sprint:
            following = (board.sprint.id,)
            by = self._lead(board)
            self.world.bulk_edit(left, by=by, at=at, milestone_ids=following, due_date=due)

    def _close_down(self, at: int, board: Board) -> None:
        """Close what a project that ends leaves undone."""
        left = [one for one in board.project.issues.values() if one.status_id != CLOSED]
        if left:
            fields = {"status_id": CLOSED, "resolution_id": 1}
            self.world.bulk_edit(left, by=self._lead(board), at=at, **fields)

    def _work(self, user: int, boards: tuple[Board, ...], quarters: int, opening: int) -> None:
        """Let a user do one thing after the other."""
        at, lunch = opening + self.rng.randrange(1_200, 2_400), opening + 3 * 3_600
        while quarters > 0:
            found = self._next(user, boards, at)
            if found is None:
                return
            board, job = found
            most = _ENTRY if self.rng.random() < 0.7 else self.rng.randint(4, 16)
            spent = min(job.left, quarters, most)
            until = at + spent * 900
            if at < lunch < until:
                until += 3_600
            job.left -= spent
            quarters -= spent
            board.queued -= spent
            board.debt -= spent
            act = self._book if job.left else self._finish
            self.then(until - 30, partial(act, board=board, job=job, spent=spent, user=user))
            if not job.left:
                self._active[user].remove(found)
            elif self.rng.random() < 0.5:
                self._active[user].append(self._active[user].pop(0))
            at = until

    def _next(self, user: int, boards: tuple[Board, ...], at: int) -> tuple[Board, Job] | None:
        """Return what a user goes on with or begins: of the project that is most behind."""
        active = self._active[user]
        active.sort(key=lambda row: row[1].milestone is not row[0].sprint)
        if active and active[0][1].milestone is active[0][0].sprint:
            if len(active) > 1 or self.rng.random() < 0.75:
                return active[0]
        elif len(active) > 2:
            return active[0]
        for board in sorted(boards, key=lambda one: -one.debt):
            job = board.take(user)
            if job is not None:
                active.insert(0, (board, job))
                if job.size > 4 or self.rng.random() < 0.5:
                    self.then(at, partial(self._start, board=board, job=job, user=user))
                return active[0]
        if active:
            return active[0]
        for board in boards:
            if board.unmade:
                kind = self.kind()
                job = self.file(board, at, self.size(board, kind), kind=kind, days=3, at_once=True)
                active.insert(0, (board, job))
                return active[0]
        return None

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
                start = max(self.time.number(at), job.due - 1 - job.size // _DAY * 7 // 5)
                fields["start_date"] = iso(min(start, job.due))
        planner = job.milestone is not None or board.style.is_late
        author = self._lead(board) if planner else rng.choice(home.members)
        notify = (rng.choice(home.members),) if rng.random() < 0.1 else ()
        job.issue = issue = self.world.create_issue(
            home.id, summary=job.summary, by=author, at=at, notify=notify, **fields
        )
        if rng.random() < 0.7:
            hours = rng.lognormvariate(log(1.5), 0.9)
            self._later(at, hours, self._answer, issue, _FIRST[kind])
        for action, share in _DETOURS:
            if rng.random() < share:
                self._later(at, rng.uniform(2, 60), self._detour, issue, action)
        if job.milestone is None and not board.style.is_late and rng.random() < 0.05:
            self._later(at, rng.uniform(1, 30), self._drop, board, job)

    def _guess(self, board: Board, job: Job) -> float:
        drawn = job.size / 4 / self.rng.lognormvariate(log(board.style.factor), 0.25)
        return min(_ROUND, key=lambda one: abs(log(one / drawn)))

    def _later(self, at: int, hours: float, act: Callable[..., object], *given: Any) -> None:
        self.then(self.time.later(at, hours, self.rng), lambda then: act(then, *given))

    def _answer(self, at: int, issue: Issue, occasion: str) -> None:
        """Let somebody else say something."""
        others = [one for one in self.home(issue).members if one != issue.created_by]
        wanted = issue.assignee_id if issue.assignee_id in others else None
        by = wanted or (self.rng.choice(others) if others else issue.created_by)
        self.world.comment(issue, self.say(issue, occasion), by=by, at=at)

    def _detour(self, at: int, issue: Issue, action: str) -> None:
        """Let something happen to an issue beside the way."""
        getattr(self, action)(at, issue)

    def _drop(self, at: int, board: Board, job: Job) -> None:
        """Close an issue that nobody has begun."""
        issue = self._issue(job)
        if job.left == job.size and issue.status_id == OPEN:
            self.drop(at, issue)
            board.queued -= job.left
            job.is_done = True

    def _start(self, at: int, board: Board, job: Job, user: int) -> None:
        issue = self._issue(job)
        fields: dict[str, Any] = {"status_id": IN_PROGRESS}
        if issue.assignee_id != user:
            fields["assignee_id"] = user
        if issue.start_date is None and self.rng.random() < 0.6:
            today = iso(self.time.number(at))
            fields["start_date"] = min(today, issue.due_date or today)
        self._edit(at, issue, user, "start", 0.3, fields)
        if self.rng.random() < 0.2:
            self._later(at, self.rng.uniform(0.2, 2), self._ask, issue, user)

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

    def _book(self, at: int, board: Board, job: Job, spent: int, user: int) -> None:
        self._edit(at, self._issue(job), user, "book", 0.12, self._hours(job, spent))

    def _finish(self, at: int, board: Board, job: Job, spent: int, user: int) -> None:
        """End the work on an issue: it is looked at, or confirmed, or closed at once."""
        issue, fields, draw = self._issue(job), self._hours(job, spent), self.rng.random()
        job.is_done = True
        ends = job.milestone is not None and job.milestone.due == iso(self.time.number(at))
        if draw < 0.5:
            fields["status_id"] = self._status(board.project, 0)
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
            self._later(at, 30, self._reopen, board, job, user)

    def _check(self, at: int, board: Board, job: Job, user: int, *, ends: bool) -> None:
        """Look at what somebody has done: close it, or give it back."""
        issue = self._issue(job)
        others = [one for one in board.team if one != user] or board.project.members
        by = self.rng.choice(others)
        if not ends and self.rng.random() < 0.08:
            self._edit(at, issue, by, "bounce", 1.0, {"status_id": IN_PROGRESS})
            self._again(board, job, user)
        elif issue.status_id != CLOSED:
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
        board.coming[self.days[-1] + 1].append(job) if user not in board.team else board.put(job)

    def _hold(self, at: int, board: Board, job: Job) -> None:
        issue = self._issue(job)
        by = self._doer(issue)
        self._edit(at, issue, by, "hold", 1.0, {"status_id": self._status(board.project, 1)})

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

    def _lead(self, board: Board) -> int:
        """Return who plans the work of a project."""
        return self.world.administrator.id if board.project.key == "OPS" else board.team[0]

    def _status(self, project: Project, place: int) -> int:
        """Return a status of the team's own: review or hold."""
        own = [one for one in project.statuses if one > CLOSED]
        return own[place] if place < len(own) else IN_PROGRESS

    def _number_of(self, sprint: Version) -> int:
        return int(sprint.name.removeprefix(SPRINT))

    def _last(self, sprint: Version) -> int:
        return self._last_days[sprint.id]

"""The history of a space, played day by day: people file issues, plan sprints, work on one issue
after the other and book their hours.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from random import Random

from simulator.board import Board, Job, style_of
from simulator.crew import LONG_HISTORY, Crew
from simulator.deeds import A_DAY, Deeds
from simulator.masters import CLOSED, Version
from simulator.plight import Plight
from simulator.sketch import SPRINT, SPRINT_DAYS, is_sprint
from simulator.themes import BUG, OTHER, REQUEST, TASK
from simulator.worktime import CLOSES, OPENS, is_working_day, iso
from simulator.world import World

#: Quarters of an hour: the longest booking, and the largest issue of a sprint.
_ENTRY, _IN_SPRINT = 32, 80
#: Share of its time that a team plans in a sprint.
_LOAD = 0.84
#: Share of unplanned issues that join the current sprint.
_URGENT = 0.12
#: In one of so many sprints, an issue waits for others beyond the end.
_BLOCKED = 9
#: Working days of the late project, if the history is that long.
_LATE = 180


class History(Deeds):
    """Plays what the people of a space do from its first day to its last."""

    def __init__(self, world: World, rng: Random, begin: int) -> None:
        super().__init__(world, rng, begin)
        self.boards: list[Board] = []
        self._plights: dict[int, Plight] = {}
        #: Sprint -> its last day.
        self._last_days: dict[int, int] = {}
        #: User -> what the user has begun.
        self._active: dict[int, list[tuple[Board, Job]]] = defaultdict(list)

    def play(self, made: dict[int, int], closing: dict[int, int]) -> None:
        """Play the history. `made` is project -> number of issues; `closing` is project -> time at
        which it ends before the space does.
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
            waiting = board.style.waiting_days + (5 if board.style.in_sprints else 0)
            board.reserve = board.ahead * 0.35 if board.style.is_late else pace * waiting
            if board.style.is_late:
                self._plights[board.project.id] = Plight(self, board)
        for day in self.days:
            self.play_until(self.time.opening(day))
            self._live(day)
        self.play_until(self.end)

    def _month_of(self, place: int) -> int:
        """Return the index of the first day of a day's month, in a long history; else the index
        itself.
        """
        if len(self.days) < LONG_HISTORY:
            return place
        month = iso(self.days[place])[:7]
        return next(one for one in range(place + 1) if iso(self.days[one])[:7] == month)

    def _live(self, day: int) -> None:
        """Plan a day and let everybody work."""
        opening = self.time.opening(day)
        length = min(1.0, (self.end - opening) / (CLOSES - OPENS))
        shift = self.crew.shift(day)
        for board in self.boards:
            if not board.begin <= day <= board.end:
                if board.team:
                    self._staff(board, [])
                continue
            board.pace = shift.paces.get(board.project.id, 0.0)
            self._staff(board, self.crew.team(board, day))
            self._file_for(board, day, opening)
            for job in board.coming.pop(day, ()):
                board.put(job)
            board.ahead -= board.pace
            board.debt += board.pace
        for user, boards, quarters in self.crew.at_work(day):
            self._work(user, boards, max(1, int(quarters * length)), opening)

    def _staff(self, board: Board, team: list[int]) -> None:
        if team != board.team:
            board.staff(team)
            for user, active in self._active.items():
                for row in [row for row in active if row[0] is board and user not in team]:
                    active.remove(row)
                    board.put(row[1])

    def _file_for(self, board: Board, day: int, opening: int) -> None:
        """File the issues of a day: for sprints, and unplanned ones."""
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
            late = board.style.waiting_days + size / A_DAY + self.rng.uniform(3, 9)
            sprint = board.sprint if size < A_DAY and self.rng.random() < _URGENT else None
            if sprint is not None and self.ahead(day, 5) > self._last(sprint):
                sprint = None
            at = opening + self._moment()
            self.file(board, at, size, kind=kind, days=late, milestone=sprint)
            waits += size
        if day == board.end:
            while board.unmade:
                self.file(board, opening + self._moment(), self.size(board, OTHER), days=10)
            if day < self.days[-1]:
                self.then(opening + CLOSES - OPENS - 60, partial(self._close_down, board=board))

    def _moment(self) -> int:
        return self.rng.randrange(9 * 3_600)

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
            begin = self._last(board.sprint) + 3
            goes_on = begin <= board.end or board.end == self.days[-1]
            board.following = self._add_sprint(board, begin, opening) if goes_on else None
            self._commit(board, board.sprint, day, opening + 300, 1.0)
            if self._number_of(board.sprint) % _BLOCKED == 2 * board.project.id % _BLOCKED:
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
        """Fill a sprint up to a share of the team's capacity."""
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
            job.rank = first if size > A_DAY else self.ahead(first, late * 0.3)

    def _block(self, board: Board, sprint: Version, day: int) -> None:
        """Let one issue of a sprint wait for somebody outside, for weeks."""
        jobs = [job for job in board.coming.get(day, ()) if job.milestone is sprint]
        if jobs:
            job = jobs[-1]
            board.coming[day].remove(job)
            board.coming[self.ahead(day, 24)].append(job)
            at = self.time.opening(self.ahead(day, 3)) + self._moment()
            self.then(at, partial(self.wait, board=board, job=job))

    def _carry_over(self, board: Board, sprint: Version, day: int, opening: int) -> None:
        """Move unfinished issues to the next sprint, except those that wait for others."""
        mine = [job for active in self._active.values() for one, job in active if one is board]
        for job in [*board.jobs(), *mine]:
            if job.milestone is sprint:
                job.milestone, job.due = board.sprint, self.ahead(day, 3)
                job.rank = day
        board.sort()
        end = partial(self._end_sprint, board=board, sprint=sprint, due=iso(self.ahead(day, 3)))
        self.then(opening + 60, end)

    def _end_sprint(self, at: int, board: Board, sprint: Version, due: str) -> None:
        held = self.status(board.project, 1)
        left = [
            issue
            for issue in board.project.issues.values()
            if sprint.id in issue.milestone_ids and issue.status_id not in (CLOSED, held)
        ]
        if left and board.sprint:
            following = (board.sprint.id,)
            by = self.lead(board)
            self.world.bulk_edit(left, by=by, at=at, milestone_ids=following, due_date=due)

    def _close_down(self, at: int, board: Board) -> None:
        """Close the unfinished issues of a project that ends."""
        left = [one for one in board.project.issues.values() if one.status_id != CLOSED]
        if left:
            by = self.lead(board)
            self.world.bulk_edit(left, by=by, at=at, status_id=CLOSED, resolution_id=1)

    def _work(self, user: int, boards: tuple[Board, ...], quarters: int, opening: int) -> None:
        """Let a user work on one issue after the other."""
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
            act = self.book_hours if job.left else self.finish
            self.then(until - 30, partial(act, board=board, job=job, spent=spent, user=user))
            if not job.left:
                self._active[user].remove(found)
            elif self.rng.random() < 0.5:
                self._active[user].append(self._active[user].pop(0))
            at = until

    def _next(self, user: int, boards: tuple[Board, ...], at: int) -> tuple[Board, Job] | None:
        """Return the issue on which a user continues, or a new one of the project that is most
        behind.
        """
        active = self._active[user]
        active.sort(key=lambda row: row[1].milestone is not row[0].sprint)
        if active and active[0][1].milestone is active[0][0].sprint:
            if len(active) > 1 or self.rng.random() < 0.75:
                return active[0]
        elif len(active) > 2:
            return active[0]
        if self._take(user, boards, at) or active:
            return active[0]
        for board in boards:
            if board.unmade:
                kind = self.kind()
                job = self.file(board, at, self.size(board, kind), kind=kind, days=3, at_once=True)
                active.insert(0, (board, job))
                return active[0]
        # No work is left in the user's projects: help in another one.
        others = [one for one in self.boards if one.team and user in one.project.members]
        return active[0] if self._take(user, others, at) else None

    def _take(self, user: int, boards: Sequence[Board], at: int) -> bool:
        """Let a user begin the first due issue of the project that is most behind."""
        for board in sorted(boards, key=lambda one: -one.debt):
            job = board.take(user)
            if job is not None:
                self._active[user].insert(0, (board, job))
                if job.size > 4 or self.rng.random() < 0.5:
                    self.then(at, partial(self.begin, board=board, job=job, user=user))
                return True
        return False

    def _number_of(self, sprint: Version) -> int:
        return int(sprint.name.removeprefix(SPRINT))

    def _last(self, sprint: Version) -> int:
        return self._last_days[sprint.id]

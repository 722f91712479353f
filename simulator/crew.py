"""The people of a space: who works when and on which projects, as the work requires."""

from bisect import bisect_left
from dataclasses import dataclass
from random import Random

from simulator.board import Board
from simulator.clock import DAY
from simulator.masters import MEMBER
from simulator.worktime import iso
from simulator.world import World

#: Mean hours of an issue; quarters of an hour that a person books in a working day: the mean with
#: days off, and the most.
HOURS, DAILY, MOST = 12.0, 30.2, 33
#: Everybody takes a day off in months with at least so many working days.
LONG_MONTH = 19
#: In histories with more working days than this, people leave and others come.
LONG_HISTORY = 240


@dataclass(frozen=True)
class Shift:
    """A period with a fixed staff: the projects of each position, their share of a day, and the
    quarters of an hour per day of each project.
    """

    first: int
    last: int
    places: tuple[tuple[Board, ...], ...]
    share: float
    paces: dict[int, float]


class Crew:
    """Positions that are filled by people; a person who leaves is replaced."""

    def __init__(self, world: World, rng: Random, days: list[int], boards: list[Board]) -> None:
        self._rng = rng
        owner = world.administrator.id
        self._able = [
            user.id
            for user in world.users.values()
            if user.role <= MEMBER and user.last_login is not None and user.id != owner
        ] or [owner]
        rng.shuffle(self._able)
        self.shifts = self._shifts(days, boards)
        self._months: dict[str, list[int]] = {}
        for day in days:
            self._months.setdefault(iso(day)[:7], []).append(day)
        self._pace = {user: rng.uniform(31.2, 32.3) for user in self._able}
        self._leave: dict[tuple[int, str], int] = {}
        self._holders = self._filled(days)
        begin = world.spec.end - world.spec.history_days * DAY
        for shift in self.shifts:
            for place, projects in enumerate(shift.places):
                for _, user in self._holders[place]:
                    for board in projects:
                        world.add_member(board.project.id, user, at=begin)

    def shift(self, day: int) -> Shift:
        """Return the shift of a day."""
        return next(one for one in self.shifts if one.first <= day <= one.last)

    def at_work(self, day: int) -> list[tuple[int, tuple[Board, ...], int]]:
        """Return (user, projects, quarters) of the people at work on a day."""
        shift, month = self.shift(day), iso(day)[:7]
        there = []
        for place, projects in enumerate(shift.places):
            user = self._holder(place, day)
            if self._day_off(user, month) != day:
                quarters = round(self._rng.gauss(self._pace[user], 1.2) * shift.share)
                there.append((user, projects, max(1, min(quarters, MOST))))
        return there

    def team(self, board: Board, day: int) -> list[int]:
        """Return the users who work on a project at the time of a day."""
        places = enumerate(self.shift(day).places)
        return [self._holder(place, day) for place, projects in places if board in projects]

    def _shifts(self, days: list[int], boards: list[Board]) -> list[Shift]:
        """Distribute the work of the projects over as many positions as it needs."""
        needs = {}
        for board in boards:
            count = sum(board.begin <= day <= board.end for day in days)
            needs[board.project.id] = board.unmade * HOURS * 4 / (max(count, 1) * DAILY)
        firsts = sorted({days[0], *(one.begin for one in boards), *(one.end + 1 for one in boards)})
        firsts = [one for one in firsts if one <= days[-1]]
        shifts = []
        for first, after in zip(firsts, [*firsts[1:], days[-1] + 1], strict=True):
            running = [one for one in boards if one.begin < after and one.end >= first]
            needed = sum(needs[one.project.id] for one in running)
            count = max(1, min(round(needed), len(self._able)))
            share = min(1.0, needed / count) if needed < 0.75 else 1.0
            places: list[list[Board]] = [[] for _ in range(count)]
            reached, paces = 0.0, {}
            for board in running:
                people = needs[board.project.id] * count / max(needed, 0.001)
                for place in range(count):
                    if min(place + 1, reached + people) - max(place, reached) > 0.02:
                        places[place].append(board)
                if not any(board in projects for projects in places):
                    places[min(int(reached), count - 1)].append(board)
                reached += people
                paces[board.project.id] = people * DAILY * share
                worked = bisect_left(days, after) - bisect_left(days, first)
                board.ahead += paces[board.project.id] * worked
            shifts.append(Shift(first, after - 1, tuple(map(tuple, places)), share, paces))
        return shifts

    def _filled(self, days: list[int]) -> list[list[tuple[int, int]]]:
        """Return (first day, user) of the people in each position."""
        count = max(len(shift.places) for shift in self.shifts)
        holders = [[(days[0], self._able[place])] for place in range(count)]
        starts = [month[0] for month in self._months.values()]
        middle = starts[len(starts) // 4 : len(starts) * 3 // 4]
        for place, user in zip(range(0, count, 2), self._able[count:], strict=False):
            if len(days) > LONG_HISTORY and middle:
                holders[place].append((self._rng.choice(middle), user))
        return holders

    def _holder(self, place: int, day: int) -> int:
        return next(user for first, user in reversed(self._holders[place]) if first <= day)

    def _day_off(self, user: int, month: str) -> int | None:
        days = self._months[month]
        if len(days) < LONG_MONTH:
            return None
        if (user, month) not in self._leave:
            self._leave[user, month] = self._rng.choice(days)
        return self._leave[user, month]

"""The work of one project in its history: what is queued, what is active, and the pace."""

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from simulator.masters import Version
from simulator.model import Issue, Project

#: A queued job: its rank, its number, the job.
Waiting = tuple[int, int, "Job"]


@dataclass(frozen=True)
class Style:
    """How a project works.

    `weight`: its share of all issues. `factor`: actual work by estimated work. `in_sprints`: share
    of the work planned in sprints. `waiting_days`: days of other work in the queue.
    """

    weight: int
    factor: float
    in_sprints: float
    waiting_days: float
    is_late: bool = False


#: By the index of a project in the space. The second is late, the third on schedule.
STYLES = (
    Style(4, 1.07, 0.86, 2.5),
    Style(2, 1.18, 0.0, 0.0, is_late=True),
    Style(2, 1.0, 0.88, 1.5),
    Style(1, 1.04, 0.0, 6.0),
    Style(1, 1.1, 0.8, 2.0),
)


def style_of(place: int) -> Style:
    """Return the style of the project at an index of the space."""
    return STYLES[place if place < len(STYLES) else 3 + place % 2]


@dataclass(slots=True, eq=False)
class Job:
    """An issue as the team plans and does it. Work is in quarters of an hour; days are numbers of
    `WorkTime`.
    """

    number: int
    kind: int
    summary: str
    size: int
    left: int
    due: int
    #: The job with the lowest rank is taken first.
    rank: int
    milestone: Version | None = None
    is_booked: bool = True
    note: str = ""
    worker: int | None = None
    issue: Issue | None = None
    #: No work is left, at least for now.
    is_done: bool = False


@dataclass(eq=False)
class Board:
    """A project between its first and its last day; `unmade` issues are still to be created."""

    project: Project
    style: Style
    begin: int
    end: int
    unmade: int
    #: In quarters of an hour: work in a working day, work still to do, work left at the end, queued
    #: work.
    pace: float = 0.0
    ahead: float = 0.0
    reserve: float = 0.0
    queued: int = 0
    #: Work by which the project is behind its pace.
    debt: float = 0.0
    team: list[int] = field(default_factory=list)
    coming: dict[int, list[Job]] = field(default_factory=lambda: defaultdict(list))
    sprint: Version | None = None
    following: Version | None = None
    _ready: list[Waiting] = field(default_factory=list)
    _own: dict[int, list[Waiting]] = field(default_factory=lambda: defaultdict(list))

    def mean(self) -> float:
        """Return the mean size of the issues to create, so that they add up to the team's work."""
        work = self.ahead + self.debt + self.reserve - self.queued
        return max(1.0, work / max(1, self.unmade))

    def waiting(self) -> int:
        """Return the quarters of queued work outside of sprints."""
        queues = [self._ready, *self._own.values()]
        rows = (row for queue in queues for row in queue)
        return sum(job.left for *_, job in rows if job.milestone is None and not job.is_done)

    def jobs(self) -> list[Job]:
        """Return the queued jobs, by due date."""
        queues = [self._ready, *self._own.values()]
        return [job for *_, job in sorted(row for queue in queues for row in queue)]

    def put(self, job: Job) -> None:
        """Queue a job for its worker, or for anybody."""
        queue = self._own[job.worker] if job.worker in self.team else self._ready
        heappush(queue, (job.rank, job.number, job))

    def take(self, user: int) -> Job | None:
        """Take the first due job for a user: an own one, an unassigned one, or one of a colleague
        with too many.
        """
        for queue in (self._ready, *self._own.values()):
            while queue and queue[0][2].is_done:
                heappop(queue)
        own = self._own.get(user)
        others = [queue for one, queue in self._own.items() if one != user]
        queues = [queue for queue in (own, self._ready) if queue]
        queues = queues or [queue for queue in others if queue]
        queues += [queue for queue in others if len(queue) > 1]
        return heappop(min(queues, key=lambda one: one[0]))[2] if queues else None

    def sort(self) -> None:
        """Sort the queues again after due dates have changed."""
        for queue in (self._ready, *self._own.values()):
            queue[:] = [(job.rank, job.number, job) for _, _, job in queue]
            heapify(queue)

    def staff(self, users: list[int]) -> None:
        """Set the team; jobs of people who left become unassigned."""
        self.team = users
        for user in [one for one in self._own if one not in users]:
            for row in self._own.pop(user):
                heappush(self._ready, row)

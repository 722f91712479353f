"""The work of one project in its history: what waits, what is in hand, and how fast it goes."""

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from simulator.masters import Version
from simulator.model import Issue, Project

#: A job in a queue: the day up to which others wait for it, its number, itself.
Waiting = tuple[int, int, "Job"]


@dataclass(frozen=True)
class Style:
    """How a project works: its share of all issues, how much longer the work takes than estimated,
    which share of it is planned in sprints, and the days of other work that wait.
    """

    weight: int
    factor: float
    in_sprints: float
    waiting_days: float
    is_late: bool = False


#: By the place of a project in the space. The second is late, the third runs well.
STYLES = (
    Style(4, 1.07, 0.86, 2.5),
    Style(2, 1.18, 0.0, 0.0, is_late=True),
    Style(2, 1.0, 0.88, 1.5),
    Style(1, 1.04, 0.0, 6.0),
    Style(1, 1.1, 0.8, 2.0),
)


def style_of(place: int) -> Style:
    """Return how the project at a place of the space works."""
    return STYLES[place if place < len(STYLES) else 3 + place % 2]


@dataclass(slots=True, eq=False)
class Job:
    """An issue as the team plans and does it. Work is counted in quarters of an hour; days are
    numbers of `WorkTime`.
    """

    number: int
    kind: int
    summary: str
    size: int
    left: int
    due: int
    #: Who chooses takes the job with the lowest first.
    rank: int
    milestone: Version | None = None
    is_booked: bool = True
    note: str = ""
    worker: int | None = None
    issue: Issue | None = None
    #: Nothing is to be done any more, at least for now.
    is_done: bool = False


@dataclass(eq=False)
class Board:
    """A project between its first and its last day, with the number of issues to be `made`."""

    project: Project
    style: Style
    begin: int
    end: int
    unmade: int
    #: Quarters of an hour: in a working day, still to be worked, in the end not done, waiting.
    pace: float = 0.0
    ahead: float = 0.0
    reserve: float = 0.0
    queued: int = 0
    #: What of the work is behind its pace.
    debt: float = 0.0
    team: list[int] = field(default_factory=list)
    coming: dict[int, list[Job]] = field(default_factory=lambda: defaultdict(list))
    sprint: Version | None = None
    following: Version | None = None
    _ready: list[Waiting] = field(default_factory=list)
    _own: dict[int, list[Waiting]] = field(default_factory=lambda: defaultdict(list))

    def mean(self) -> float:
        """Return the mean size of the issues to be made, so that they are as much as the team will
        do.
        """
        work = self.ahead + self.debt + self.reserve - self.queued
        return max(1.0, work / max(1, self.unmade))

    def waiting(self) -> int:
        """Return the quarters that wait outside of sprints."""
        queues = [self._ready, *self._own.values()]
        rows = (row for queue in queues for row in queue)
        return sum(job.left for *_, job in rows if job.milestone is None and not job.is_done)

    def jobs(self) -> list[Job]:
        """Return what waits, in the order in which it is due."""
        queues = [self._ready, *self._own.values()]
        return [job for *_, job in sorted(row for queue in queues for row in queue)]

    def put(self, job: Job) -> None:
        """Let a job wait for who is to do it, or for anybody."""
        queue = self._own[job.worker] if job.worker in self.team else self._ready
        heappush(queue, (job.rank, job.number, job))

    def take(self, user: int) -> Job | None:
        """Give a user the job that is due first: of the own ones, of those of nobody, and of those
        of colleagues who have too many.
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
        """Bring all into order when due dates have moved."""
        for queue in (self._ready, *self._own.values()):
            queue[:] = [(job.rank, job.number, job) for _, _, job in queue]
            heapify(queue)

    def staff(self, users: list[int]) -> None:
        """Set who works on the project; what others had waits for anybody."""
        self.team = users
        for user in [one for one in self._own if one not in users]:
            for row in self._own.pop(user):
                heappush(self._ready, row)

"""What goes wrong during one sync: people go on working between its pages, it dies, connections
break, the source fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Self

from hypothesis import strategies as st

from simulator import Fault, RequestInfo, Simulator
from tests.integration.exactness.people import People

FAULTS = {
    "error": Fault(status=500, every=4, times=3),
    "limited": Fault(status=429, every=3, times=3),
    "closed": Fault("close", every=5, times=2),
    "cut": Fault("cut", every=4, times=2),
    "broken": Fault("truncate", every=6, times=1),
    "page": Fault("html", status=200, every=7, times=1),
    "down": Fault(status=503, every=9, times=400),
    "slow": Fault("slow", every=5, times=3, seconds=0.01),
}


class Killed(BaseException):
    """The process dies: no handler of errors sees it."""


@dataclass
class Sabotage:
    """Disturbs one sync; it is both a hook of the simulator and the sync's `Progress`."""

    burst: int
    every: int
    seed: int
    seconds: int
    faults: tuple[str, ...]
    dies_at: int | None
    cut_off_at: int | None
    _rng: Random = field(default_factory=Random)
    _said: int = 0
    _asked: int = 0
    _people: People | None = None
    _sim: Simulator | None = None
    _cut_off: Callable[[], None] | None = None

    def begin(self, sim: Simulator, people: People, cut_off: Callable[[], None]) -> Self:
        """Put the faults into force; `cut_off` ends all connections to the warehouse."""
        self._rng = Random(self.seed)  # noqa: S311 - data, not secrets
        self._said = self._asked = 0
        self._people, self._sim, self._cut_off = people, sim, cut_off
        sim.faults.add(*(FAULTS[name] for name in self.faults))
        return self

    def before(self, _request: RequestInfo) -> None:
        """Let happen what happens before a request is answered."""
        assert self._people is not None
        assert self._sim is not None
        assert self._cut_off is not None
        self._asked += 1
        if self._asked == self.cut_off_at:
            self._cut_off()
        if self.burst and self._asked % self.every == 0 and self._asked < 60:
            self._sim.clock.advance(self._rng.choice((0, 0, 1, self.seconds)))
            self._people.burst(self._rng.randrange(self.burst), self._rng.getrandbits(32))

    # -- the Progress of the sync ------------------------------------------------------------------

    def start(self, what: str, total: int | None) -> None:
        """Die, perhaps."""
        self._live()

    def advance(self, what: str, rows: int) -> None:
        """Die, perhaps."""
        self._live()

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Die, perhaps."""
        self._live()

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Say nothing."""

    def _live(self) -> None:
        self._said += 1
        if self._said == self.dies_at:
            raise Killed


def sabotages() -> st.SearchStrategy[Sabotage]:
    """Return the strategy of what goes wrong; nothing at all is possible."""
    return st.builds(
        Sabotage,
        burst=st.sampled_from([0, 3, 12, 40]),
        every=st.integers(1, 4),
        seed=st.integers(0, 2**32 - 1),
        seconds=st.sampled_from([1, 30, 3600]),
        faults=st.lists(st.sampled_from(sorted(FAULTS)), max_size=2, unique=True).map(tuple),
        dies_at=st.none() | st.integers(1, 12),
        cut_off_at=st.none() | st.integers(1, 40),
    )

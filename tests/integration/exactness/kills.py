"""Loads that are killed with SIGKILL at random moments, in first loads and in later ones while people work, and what that costs.

Add here: another figure of killed loads. Keep out: how a process is started (`forge.py`), and what must be true (`test_kill.py`).
"""

import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import dagster as dg
from sqlalchemy import Engine

from resources.simulator import RequestInfo, Simulator, SpaceSpec
from tests.deployment import Deployment, quiet
from tests.integration.exactness.databases import Databases
from tests.integration.exactness.differences import differences
from tests.integration.exactness.forge import Forge
from tests.integration.exactness.people import People
from tests.integration.exactness.served import ROWS, Served

SPEC = SpaceSpec(seed=11, users=8, projects=3, issues=900, history_days=240)
BEGIN = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
#: A first load is killed when it has made up to so many requests for rows, and up to so many seconds later.
MOST_REQUESTS, MOST_SECONDS = 60, 0.06
#: Of the later loads, every so many-th is let live.
LIVES = 6
CHANGES = 40


@dataclass
class Kills:
    """What killed loads cost. `again`: for each kill, the rows by table that the next load was served once more, as they were."""

    kills: int = 0
    loads: int = 0
    again: list[Counter[str]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def most_again(self) -> int:
        """The most rows that were read again after one kill."""
        return max((sum(rows.values()) for rows in self.again), default=0)


@dataclass
class Scene:
    """A space, a warehouse, and loads of it in processes that can be killed."""

    sim: Simulator
    engine: Engine
    warehouse_url: str
    variables: dict[str, str]
    forge: Forge
    people: People
    served: Served
    rng: Random
    figures: Kills = field(default_factory=Kills)
    _left: int | None = None
    _asked: int = 0
    _usual: int = MOST_REQUESTS
    _was_killed: bool = False

    def kill_one(self, *options: str) -> bool:
        """Start a load and kill it at a random moment; return whether it died of it."""
        self._left, self._asked = self.rng.randint(1, self._usual), 0
        self.forge.start(*options)
        code, said = self.forge.wait()
        self._left = None
        assert code in (0, -signal.SIGKILL), said
        if code == 0:
            # It ended before its time: the next one dies earlier.
            self._usual = max(self._asked, 2)
        self._note(killed=code != 0)
        return code != 0

    def load(self, *options: str) -> None:
        """Load to the end."""
        self.forge.load(*options)
        self._note(killed=False)

    def compare(self) -> None:
        """Note what differs, besides what nothing tells of."""
        with dg.DagsterInstance.ephemeral() as instance:
            deployment = Deployment(self.sim, self.warehouse_url, self.engine, instance, self.sim.api_key, quiet())
            self.figures.differences += differences(deployment, silence=self.people.silence)

    def before(self, request: RequestInfo) -> None:
        """Count the requests for rows, and kill the load that has made enough of them."""
        if request.route in ROWS:
            self._asked += 1
            if self._asked == self._left:
                threading.Timer(self.rng.random() * MOST_SECONDS, self.forge.kill).start()

    def _note(self, *, killed: bool) -> None:
        if self._was_killed:
            self.figures.again.append(self.served.again())
        self.served.next_sync(killed=killed)
        self._was_killed = killed
        self.figures.kills += killed
        self.figures.loads += 1


@contextmanager
def scene(databases: Databases, seed: int) -> Iterator[Scene]:
    """Give a scene on a fresh space, warehouse and storage of Dagster."""
    with (
        databases.fresh() as (url, engine),
        databases.fresh(migrated=False) as (dagster_url, _),
        tempfile.TemporaryDirectory(prefix="backlog-elt-kill-") as home,
        Simulator(SPEC) as sim,
    ):
        sim.clock.freeze(BEGIN)
        variables = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "WAREHOUSE_URL": url,
            "DAGSTER_POSTGRES_URL": dagster_url,
            "BACKLOG_ELT_HOME": str(Path(home) / "home"),
            "BACKLOG_HISTORY_START": "2026-01",
        }
        with Forge(variables) as forge:
            # A pure random choice of moments, not of secrets.
            made = Scene(sim, engine, url, variables, forge, People(sim.space), Served(sim), Random(seed))  # noqa: S311
            sim.before_request(made.before)
            yield made


def kill_loads(stage: Scene, *, first: int, later: int) -> Kills:
    """Kill a first load up to `first` times, load to the end, kill `later` loads of changes, and end with a whole look.

    Differences are noted after each load that lives.
    """
    while stage.figures.kills < first and stage.kill_one():
        pass
    stage.load()
    stage.compare()
    before, number = stage.figures.kills, 0
    while stage.figures.kills < before + later:
        number += 1
        stage.sim.clock.advance(stage.rng.choice((61, 900, 7_200)))
        stage.people.burst(CHANGES, stage.rng.getrandbits(32))
        if number % LIVES:
            stage.kill_one()
        else:
            stage.load()
            stage.compare()
    stage.sim.clock.advance(61)
    stage.load("--full")
    stage.load()
    stage.people.silence.clear()
    stage.compare()
    return stage.figures

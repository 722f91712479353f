"""Loads that are killed with SIGKILL at random moments, in first loads and in later ones while
people work, and what that costs.
"""

import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import Engine, text

from resources.backlog.paging import PAGE_SIZE
from simulator import RequestInfo, Simulator, SpaceSpec
from tests.deployment import Deployment, quiet
from tests.instances import in_memory
from tests.integration.exactness.databases import Databases
from tests.integration.exactness.differences import differences
from tests.integration.exactness.forge import Forge
from tests.integration.exactness.machine import BEGIN, HISTORY_END
from tests.integration.exactness.people import People
from tests.integration.exactness.served import ROWS, Served

SPEC = SpaceSpec(
    seed=11, users=8, projects=3, issues=900, history_days=120, history_end=HISTORY_END
)
#: A load is killed when it has made up to so many requests for rows, a first one or a later one,
#: and up to so many seconds later.
MOST_FIRST, MOST_LATER, MOST_SECONDS = 60, 25, 0.06
#: Of the later loads, every so many-th is let live, and every so many-th of the others loads
#: everything, not issues alone.
LIVES, EVERYTHING = 8, 10
#: How long before a load people work. What changed less than a minute before is read again by the
#: next one in any case.
QUIET_SECONDS = (0, 61, 1_000)
CHANGES = 40


@dataclass
class Kills:
    """What killed loads cost.

    `again`: the rows by table that the next load was served once more, as they were, for each kill
        after which nobody changed anything before it. `too_many`: what the killed load and the next
        one asked for where those are more than a page of one kind.
    """

    kills: int = 0
    loads: int = 0
    again: list[Counter[str]] = field(default_factory=list)
    too_many: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def most_again(self) -> int:
        """The most rows of one kind that were read again after one kill."""
        return max((max(rows.values(), default=0) for rows in self.again), default=0)


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
    most: int = MOST_FIRST
    _baseline: int = MOST_FIRST
    was_killed: bool = False
    _worked: bool = False

    def kill_one(self, command: str = "load") -> bool:
        """Start a command and kill it at a random moment; return whether it died of it."""
        self._left, self._asked = self.rng.randint(1, min(self._baseline, self.most)), 0
        self.forge.start(command)
        code, said = self.forge.wait()
        self._left = None
        assert code in (0, -signal.SIGKILL), said
        if code == 0:
            # It ended before its time: the next one dies earlier.
            self._baseline = max(self._asked, 2)
        else:
            self._baseline = min(self._baseline + 5, self.most)
        self._note(killed=code != 0)
        return code != 0

    def work(self) -> None:
        """Let people work, as long as it takes to change forty things."""
        self.people.burst(CHANGES, self.rng.getrandbits(32))
        self._worked = True

    def load(self, *options: str) -> None:
        """Load to the end."""
        self.forge.load(*options)
        self._note(killed=False)

    def compare(self) -> None:
        """Note what differs, besides what nothing tells of."""
        with in_memory() as instance:
            deployment = Deployment(
                self.sim, self.warehouse_url, self.engine, instance, self.sim.api_key, quiet()
            )
            found = differences(deployment, silence=self.people.silence)
        self.figures.differences += [
            f"after load {self.figures.loads}, {self.figures.kills} killed: {line}"
            for line in found
        ]

    def before(self, request: RequestInfo) -> None:
        """Count the requests for rows, and kill the load that has made enough of them."""
        if request.route in ROWS:
            self._asked += 1
            if self._asked == self._left:
                self.forge.kill_after(self.rng.random() * MOST_SECONDS)

    def _note(self, *, killed: bool) -> None:
        if self.was_killed and not self._worked:
            rows = self.served.again()
            self.figures.again.append(rows)
            if max(rows.values(), default=0) > PAGE_SIZE:
                before, after = ("\n".join(lines) for lines in self.served.lines)
                self.figures.too_many.append(
                    f"{dict(rows)} again\nkilled:\n{before}\nthe next one:\n{after}"
                )
        self.served.next_sync(killed=killed)
        self.was_killed, self._worked = killed, False
        self.figures.kills += killed
        self.figures.loads += 1


@contextmanager
def scene(databases: Databases, seed: int, spec: SpaceSpec = SPEC) -> Iterator[Scene]:
    """Give a scene on a fresh space, warehouse and storage of Dagster."""
    with (
        databases.fresh() as (url, engine),
        databases.fresh(migrated=False) as (dagster_url, _),
        tempfile.TemporaryDirectory(prefix="backlog-elt-kill-") as home,
        Simulator(spec) as sim,
    ):
        sim.clock.freeze(BEGIN)
        variables = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "WAREHOUSE_URL": url,
            "DAGSTER_POSTGRES_URL": dagster_url,
            "BACKLOG_ELT_HOME": str(Path(home) / "home"),
            "BACKLOG_HISTORY_START": "2026-07",
        }
        with Forge(variables) as forge:
            # A pure random choice of moments, not of secrets.
            made = Scene(
                sim,
                engine,
                url,
                variables,
                forge,
                People(sim.space),
                Served(sim),
                Random(seed),  # noqa: S311
            )
            sim.before_request(made.before)
            yield made


def kill_loads(stage: Scene, *, first: int, kills: int) -> Kills:
    """Kill a first load up to `first` times, load to the end, kill loads of changes up to `kills`
    in all, and look at all.

    Differences are noted after each load that lives.
    """
    while stage.figures.kills < first and stage.kill_one(_command(stage.figures.loads)):
        pass
    stage.load()
    stage.compare()
    number, stage.most = 0, MOST_LATER
    # whether nobody does anything between the load that is killed now and the next one, so that its
    # cost can be seen
    calm = False
    while stage.figures.kills < kills:
        number += 1
        stage.sim.clock.advance(stage.rng.choice((61, 900, 7_200)))
        if not (stage.was_killed and calm):
            calm = stage.rng.random() < 0.5
            stage.work()
            stage.sim.clock.advance(stage.rng.choice(QUIET_SECONDS[1:] if calm else QUIET_SECONDS))
        if number % LIVES:
            stage.kill_one(_command(number))
        else:
            stage.load()
            stage.compare()
    stage.sim.clock.advance(61)
    stage.load()
    stage.load("--full")
    stage.load()
    stage.people.silence.clear()
    stage.compare()
    return stage.figures


def assert_nothing_is_lost(stage: Scene, *, kills: int) -> None:
    """Expect all to be equal after so many kills, at the cost of a page each, and no sync that goes
    on.
    """
    figures = stage.figures
    assert not figures.differences, "\n".join(figures.differences[:20])
    assert figures.kills == kills
    assert not figures.too_many, "\n\n".join(figures.too_many)
    with stage.engine.connect() as connection:
        left = connection.execute(
            text("SELECT sync_type, run_id FROM ops.sync_outcomes WHERE status = 'in_progress'")
        ).all()
        dead = connection.execute(
            text("SELECT count(*) FROM ops.sync_outcomes WHERE error LIKE '%killed%'")
        ).scalar_one()
    assert not left
    assert dead >= kills // 2


def _command(number: int) -> str:
    return "load" if number % EVERYTHING == 0 else "issues"

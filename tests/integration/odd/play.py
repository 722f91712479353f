"""Rounds of odd answers: people work, a load meets spoilt answers, the next one an honest source.

Whatever comes, a load ends in time, done or with typed errors; what is stored is whole; and the
load after it leaves the warehouse equal to the source, without a person.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.deployment import quiet
from tests.instances import in_memory
from tests.integration.odd import scene
from tests.integration.odd.proxy import Proxy
from tests.integration.odd.scene import Behind

#: Seconds in which an answer must be complete, and in which a load must end, on a slow machine too.
TOTAL, IN_TIME = 1.0, 300.0
#: Mutations of a round: few answers, so that more than the first is met.
MANY = 9


@dataclass
class Figures:
    """What was played, and how loads ended."""

    mutations: Counter[tuple[str, str]] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    quarantined: int = 0
    rounds: int = 0

    def __str__(self) -> str:
        routes = len({route for route, _ in self.mutations})
        ends = ", ".join(f"{number} {how}" for how, number in sorted(self.ends.items()))
        return (
            f"{self.mutations.total()} spoilt answers of {routes} endpoints in {self.rounds} "
            f"rounds; loads ended: {ends}; "
            f"{self.quarantined} records were in quarantine meanwhile"
        )


def play(url: str, *, mutations: int, number: int) -> Figures:
    """Play rounds until so many answers were spoilt, in a fresh migrated database.

    Raises:
        AssertionError: a round did not hold what is promised; it says which mutations it had.
    """
    figures, made = Figures(), engine(url)
    with (
        Simulator(
            SpaceSpec(seed=number % 1_000, users=5, projects=2, issues=24, history_days=90)
        ) as sim,
        Proxy(sim.url) as proxy,
        in_memory() as instance,
    ):
        stage = Behind(
            sim, url, made, instance, sim.api_key, quiet(), proxy_url=proxy.url, total=TOTAL
        )
        while proxy.applied.total() < mutations:
            # no secret is made of it
            _round(stage, proxy, Random(number + figures.rounds), figures)  # noqa: S311
            figures.mutations = Counter(proxy.applied)
    made.dispose()
    return figures


def _round(stage: Behind, proxy: Proxy, rng: Random, figures: Figures) -> None:
    lie = rng.random() < 0.3
    chosen = scene.choose(rng, lie=lie, number=MANY, start=figures.rounds * 5)
    what = f"round {figures.rounds}: " + "; ".join(map(str, chosen))
    scene.work(stage.sim, rng)
    proxy.spoil(chosen)
    began = time.monotonic()
    whole = rng.random() < 0.25
    ended = scene.load(stage, whole=whole)
    proxy.spoil([])
    assert time.monotonic() - began < IN_TIME, f"not in time; {what}"
    assert not ended.untyped, f"no error of ours: {ended.untyped}; {what}"
    assert all("\n" not in line.strip() for line in ended.lines), (
        f"more than a line: {ended.lines}; {what}"
    )
    assert (bad := scene.unsafe_to_show(stage, ended.lines)) == [], (
        f"not safe to show: {bad}; {what}"
    )
    assert (found := scene.half_written(stage)) == [], f"half-written: {found}; {what}"
    waiting = scene.waiting(stage)
    figures.quarantined += waiting
    figures.ends[
        "with 1" if ended.lines else "with 0 and a quarantine" if waiting else "with 0"
    ] += 1
    figures.rounds += 1
    again = scene.load(stage, whole=lie)
    assert not again.lines, f"the honest source did not load: {again.lines}; {what}"
    assert (left := scene.differences(stage)) == [], (
        f"not equal afterwards: {left}; spoilt load said {ended.lines}; {what}"
    )

"""Refusals (429) when several loads and other programs share the budget of one user: minutes of
traffic in simulated time.

The loads are whole: Dagster's runs of the real assets, each into a warehouse of its own, so that
they wait for the budget only.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, fields

import dagster as dg

from benchmarks.figures import Figure, expect_equal
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.client import BacklogClient
from simulator import PLANS, Simulator, SpaceSpec
from tests.deployment import Deployment, quiet
from tests.integration.backlog.traffic import Traffic
from tests.integration.exactness.databases import databases, server
from tests.integration.exactness.differences import differences

LOADS, ISSUES = 3, 400
ROUNDS, PAUSE, CHANGED = 6, 300.0, 30
#: Requests a second of other programs: a fifth of the searches of the paid plan and more, and a
#: third of its reads.
SEARCHES, READS = 0.6, 3.0
FIRST_BOUND, STEADY_BOUND = 1, 0


@dataclass
class Clients:
    """The clients of one load, as its runs have made them."""

    made: list[BacklogClient] = field(default_factory=list)

    def refused(self) -> int:
        """Return how many requests were answered with 429 so far."""
        return sum(client.stats.rate_limited for client in self.made)

    def waited(self) -> float:
        """Return the seconds that were waited for the limit so far."""
        return sum(client.stats.wait_seconds for client in self.made)


def pressure() -> Iterator[Figure]:
    """Load three warehouses at once, first from nothing and then every five minutes, next to two
    other programs.
    """
    group = f"limits of the paid plan, shared by {LOADS} loads and two other programs"
    with ExitStack() as stack:
        fresh = stack.enter_context(databases(stack.enter_context(server()).url))
        sim = stack.enter_context(
            Simulator(SpaceSpec(seed=5, users=8, projects=3, issues=ISSUES), limits=PLANS["paid"])
        )
        sim.clock.freeze()
        traffic = Traffic(sim)
        loads: list[tuple[Deployment, Clients]] = []
        for _ in range(LOADS):
            url, engine = stack.enter_context(fresh.fresh())
            clients = Clients()
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
            plain = Deployment(sim, url, engine, instance, sim.api_key, quiet())
            loads.append((_sharing(plain, traffic, clients), clients))
        first: list[int] = [0] * LOADS
        ended = [False] * LOADS

        def load(number: int) -> None:
            deployment, clients = loads[number]
            deployment.load()
            first[number] = clients.refused()
            for turn in range(ROUNDS):
                traffic.sleep(PAUSE)
                for issue in list(sim.space.issues.values())[number * CHANGED :: LOADS * CHANGED][
                    :CHANGED
                ]:
                    sim.space.edit_issue(issue, summary=f"Changed by {number} in turn {turn}")
                expect_equal(
                    "the load ends well", deployment.run_issues(mode="incremental").success, True
                )
            ended[number] = True

        def others(path: str, rate: float) -> None:
            while not all(ended):
                traffic.greedy(path, 1 / rate, traffic.now() + 60)

        for number in range(LOADS):
            traffic.add(
                lambda number=number: load(number),  # type: ignore[misc]
                after=0.03 * number,
            )
        traffic.add(lambda: others("/issues/count", SEARCHES))
        traffic.add(lambda: others("/users/myself", READS))
        began = traffic.now()
        traffic.run()
        for deployment, _ in loads:
            expect_equal(
                "differences between warehouse and source",
                differences(deployment, masters=False),
                [],
            )
    steady = [clients.refused() - before for (_, clients), before in zip(loads, first, strict=True)]
    yield Figure(
        group,
        f"first loads of {ISSUES} issues: most 429 in one",
        max(first),
        "answers",
        FIRST_BOUND,
    )
    yield Figure(
        group, f"then {ROUNDS} loads each: 429 in all", sum(steady), "answers", STEADY_BOUND
    )
    yield Figure(
        group,
        "requests of the loads",
        sum(sum(_asked(clients)) for _, clients in loads),
        "requests",
    )
    yield Figure(
        group,
        "waited for the limit, on average",
        sum(clients.waited() for _, clients in loads) / LOADS,
        "s",
    )
    yield Figure(group, "simulated time", traffic.now() - began, "s")


def _asked(clients: Clients) -> list[int]:
    return [sum(client.stats.requests.values()) for client in clients.made]


def _sharing(plain: Deployment, traffic: Traffic, clients: Clients) -> Deployment:
    """Return a deployment whose runs send their requests in simulated time, with the waits that the
    limits cost.
    """

    class Sharing(BacklogResource):
        @property
        def client(self) -> BacklogClient:
            if self._client is None:
                self._client = traffic.client()
                clients.made.append(self._client)
            return self._client

    class Shared(Deployment):
        @property
        def backlog(self) -> BacklogResource:
            return Sharing(url=plain.sim.url, api_key=plain.api_key)

    return Shared(**{one.name: getattr(plain, one.name) for one in fields(plain)})

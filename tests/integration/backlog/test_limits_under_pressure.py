"""Rate limits when several clients and other programs share the user's budget, when limits fall,
and when headers are no help.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from simulator import Simulator, SpaceSpec
from simulator.limits import PLANS
from tests.integration.backlog.traffic import Rewrite, Traffic

MINUTES = 3
RESERVE = 30  # of 150 searches a minute


@dataclass
class Outcome:
    """What came of the traffic: our clients, and the least that windows had left after a request of
    ours.
    """

    clients: list[BacklogClient] = field(default_factory=list)
    least: int = 10**9

    @property
    def refused(self) -> list[int]:
        return [client.stats.rate_limited for client in self.clients]

    @property
    def searches(self) -> int:
        return sum(client.stats.requests["search"] for client in self.clients)


def search(client: BacklogClient) -> None:
    client.issues_count(IssueFilter())


def search_and_read(client: BacklogClient) -> None:
    search(client)
    client.listed("/priorities")


Play = Callable[..., Outcome]


@pytest.fixture
def play() -> Play:
    """Let clients of ours search for some minutes, beside another program that sends `others`
    requests a second.
    """

    def played(
        clients: int = 3,
        *,
        others: float = 0.0,
        work: Callable[[BacklogClient], None] = search,
        pause: float = 0.0,
        plan: str = "paid",
        drop_after: int = 0,
        **options: Any,
    ) -> Outcome:
        with Simulator(SpaceSpec(seed=3, users=3, projects=1, issues=5), limits=PLANS[plan]) as sim:
            sim.clock.freeze()
            sim.switch(limits_drop_after=drop_after)
            traffic, outcome = Traffic(sim), Outcome()
            end = traffic.now() + 60 * MINUTES

            def load(client: BacklogClient) -> None:
                while traffic.now() < end:
                    work(client)
                    outcome.least = min(outcome.least, traffic.left("search"))
                    traffic.sleep(pause)

            for number in range(clients):
                outcome.clients.append(traffic.client(**options))
                traffic.add(
                    lambda client=outcome.clients[-1]: load(client),  # type: ignore[misc]
                    after=0.03 * number,
                )
            if others:
                traffic.add(lambda: traffic.greedy("/issues/count", 1 / others, end))
            traffic.run()
            return outcome

    return played


def without_limits(headers: Mapping[str, str], _now: float) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if not name.lower().startswith("x-ratelimit")
    }


def with_reset(change: Callable[[int], object]) -> Rewrite:
    def rewrite(headers: Mapping[str, str], _now: float) -> dict[str, str]:
        return dict(headers) | {"x-ratelimit-reset": str(change(int(headers["x-ratelimit-reset"])))}

    return rewrite


def with_date(ahead: float) -> Rewrite:
    return lambda headers, now: dict(headers) | {"date": formatdate(now + ahead, usegmt=True)}


@pytest.mark.parametrize(
    ("clients", "reserve", "plan", "least", "searches"),
    [
        # After a wait one request of each client goes unasked.
        (1, 0.2, "paid", RESERVE - 1, 150 - RESERVE),
        (3, 0.2, "paid", RESERVE - 3, 150 - RESERVE),
        (1, 0.9, "paid", 135 - 1, 15),
        (1, 0.2, "free", 3 - 1, 15 - 3),
        # Room for the requests that are under way.
        (3, 0.0, "paid", 0, 140),
    ],
)
def test_clients_that_share_the_budget_are_never_refused_and_use_all_but_the_reserve(
    play: Play, clients: int, reserve: float, plan: str, least: int, searches: int
) -> None:
    outcome = play(clients, reserve=reserve, plan=plan)
    assert outcome.refused == [0] * clients
    assert outcome.least >= least
    assert outcome.searches >= (MINUTES - 1) * searches


@pytest.mark.parametrize("others", [3, 30])
def test_a_greedy_program_gets_our_clients_no_refusal_and_does_not_stop_them(
    play: Play, others: float
) -> None:
    outcome = play(3, others=others)
    assert outcome.refused == [0, 0, 0]
    assert all(client.stats.requests["search"] >= MINUTES for client in outcome.clients)


def test_a_client_that_searches_now_and_then_asks_first_what_others_have_left(play: Play) -> None:
    outcome = play(2, others=4, pause=20.0)
    assert outcome.refused == [0, 0]
    assert outcome.searches >= 2 * MINUTES
    assert all(
        client.stats.requests["read"] <= client.stats.requests["search"] + MINUTES
        for client in outcome.clients
    )


def test_nobody_is_asked_for_the_limits_while_others_take_little(play: Play) -> None:
    assert [client.stats.requests["read"] for client in play(1, others=0.3).clients] == [0]


def test_limits_that_fall_in_the_middle_cost_one_refusal_at_most_for_each_client(
    play: Play,
) -> None:
    outcome = play(3, drop_after=100)
    assert max(outcome.refused) == 1
    assert outcome.searches >= 100 + (MINUTES - 2) * (30 - 6)


@pytest.mark.parametrize(("drop_after", "refused"), [(239, 0), (240, 1)])
def test_limits_that_fall_for_all_buckets_at_once_are_met_once_not_in_each_bucket(
    play: Play, drop_after: int, refused: int
) -> None:
    # 120 searches and 119 or 120 reads are made when 30 and 120 become the limits: the first answer
    # that tells counts for both.
    assert play(1, drop_after=drop_after, work=search_and_read, reserve=0.0).refused == [refused]


def test_without_headers_each_of_several_clients_is_refused_once_and_knows_its_share(
    play: Play,
) -> None:
    outcome = play(3, rewrite=without_limits)
    assert outcome.refused == [1, 1, 1]
    assert outcome.searches >= 150 + (MINUTES - 2) * (150 - RESERVE)


class UntilTheFiftieth:
    """Leaves the headers of limits out of all answers after the first 49."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, headers: Mapping[str, str], now: float) -> dict[str, str]:
        self.seen += 1
        return dict(headers) if self.seen < 50 else without_limits(headers, now)


FULL = 150 - RESERVE


@pytest.mark.parametrize(
    ("clients", "options", "least", "searches"),
    [
        # The limit that was known counts on.
        (1, {"rewrite": UntilTheFiftieth()}, RESERVE - 1, FULL),
        # A clock of our own that is wrong changes nothing.
        *((2, {"ahead": ahead}, 0, FULL) for ahead in (86_400.0, -86_400.25, 7.5)),
        # A reset that cannot be true costs waits, and no reserve.
        *(
            (2, {"rewrite": rewrite}, RESERVE - 8, 60)
            for rewrite in (
                with_reset(lambda reset: reset - 10),
                with_reset(lambda reset: reset - 90),
                with_reset(lambda reset: reset + 45),
                with_reset(lambda reset: reset * 1000),
                with_reset(lambda _: 0),
                with_reset(lambda _: -1),
                with_reset(lambda _: "soon"),
                with_date(20.0),
                with_date(-20.0),
                with_date(-86400.0),
            )
        ),
    ],
)
def test_headers_and_clocks_that_are_wrong_cost_no_refusal(
    play: Play, clients: int, options: dict[str, Any], least: int, searches: int
) -> None:
    outcome = play(clients, **options)
    assert outcome.refused == [0] * clients
    assert outcome.least >= least
    assert outcome.searches >= (MINUTES - 1) * searches

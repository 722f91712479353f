"""How the activity feed is asked for, against the simulator alone: what each page says of how far
the feed is read, what is a gap, and what is gone.
"""

from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.warehouse.state.feed_state import FeedState, Gap
from simulator import Simulator
from sync.activity_reads import (
    FeedPage,
    read_again,
    read_backward,
    read_forward,
    read_newest,
    read_next_to,
)
from tests.syncs import TINY

Found = TypeVar("Found")
End = TypeVar("End")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Return a simulated space whose feed takes several pages."""
    with Simulator(TINY) as sim:
        issue = next(iter(sim.space.issues.values()))
        for number in range(250):
            sim.space.comment(issue, str(number))
        yield sim


@pytest.fixture
def client(sim: Simulator) -> Iterator[BacklogClient]:
    """Return a client of the space."""
    with BacklogClient(sim.url, ApiKeyQuery(sim.api_key)) as client:
        yield client


def whole(reading: Generator[Found, None, End]) -> tuple[list[Found], End]:
    """Return what is read, and how it ends."""
    found: list[Found] = []
    while True:
        try:
            found.append(next(reading))
        except StopIteration as stop:
            return found, stop.value


def ids(sim: Simulator) -> list[int]:
    return [one.id for one in sim.space.activities]


def test_the_newest_page_says_where_the_feed_is_read_on_in_both_directions(
    sim: Simulator, client: BacklogClient
) -> None:
    page, state = read_newest(client)
    assert (state.cursor, state.oldest) == (max(page.ids), min(page.ids))
    assert (state.complete, state.projects) == (False, ())
    pages, _ = whole(read_backward(client, state.oldest))
    assert all(set(found.reach) == {"oldest"} for found in pages)
    assert [found.reach["oldest"] for found in pages] == [min(found.page.ids) for found in pages]
    before = {one for found in pages for one in found.page.ids}
    assert before | page.ids == set(ids(sim))
    assert not before & page.ids


def test_a_page_of_new_activities_sets_how_far_the_feed_is_read_and_nothing_else(
    sim: Simulator, client: BacklogClient
) -> None:
    first, *others = ids(sim)
    state = FeedState(first, first, datetime.now(UTC))
    pages, end = whole(read_forward(client, state, first, first))
    assert end >= state.read_at - timedelta(seconds=1)
    assert [one for found in pages if isinstance(found, FeedPage) for one in found.page.ids]
    reached = [found.reach for found in pages if isinstance(found, FeedPage)]
    assert all(set(one) == {"cursor", "read_at", "stable_id"} for one in reached)
    assert [one["cursor"] for one in reached] == sorted(one["cursor"] for one in reached)
    assert reached[-1]["cursor"] == max(others)


@pytest.mark.parametrize(
    ("away", "kept", "gap"),
    [
        (timedelta(hours=1), False, False),
        (timedelta(days=3), True, False),
        (timedelta(3), False, True),
    ],
    ids=["lately", "kept", "trimmed"],
)
def test_a_gap_comes_before_the_page_that_shows_it(
    sim: Simulator, client: BacklogClient, away: timedelta, kept: bool, gap: bool
) -> None:
    first, second, *_ = ids(sim)
    client.space()
    assert client.server_time is not None
    state = FeedState(second, first, client.server_time - away)
    pages, _ = whole(read_forward(client, state, first - 1, first if kept else first - 1))
    assert [isinstance(one, Gap) for one in pages[:2]] == [gap, False]
    assert not any(isinstance(one, Gap) for one in pages[1:])


def test_activities_without_an_id_share_the_pages_that_they_lie_in(
    sim: Simulator, client: BacklogClient
) -> None:
    there = ids(sim)
    places = [f">{there[one]}" for one in (0, 5, 98, 99, 100)] + [f"<{there[150]}", f"<{there[49]}"]
    pages, _ = whole(read_next_to(client, places, None))
    assert [sorted(covered) for _, covered in pages] == [
        sorted(places[:3]),
        # The page ends with the 100th activity: what stands behind it may be on the next.
        sorted(places[3:5]),
        [places[5]],
        [places[6]],
    ]
    few, _ = whole(read_next_to(client, places, 1))
    assert len(few) == 1


def test_activities_in_quarantine_are_read_a_page_at_a_time_and_some_are_gone(
    sim: Simulator, client: BacklogClient
) -> None:
    there = ids(sim)
    waiting = [there[0], there[5], there[240], max(there) + 7]
    pages, _ = whole(read_again(client, waiting, None))
    assert [row["id"] for found in pages for row in found.page] == waiting[:3]
    assert [one for found in pages for one in found.gone] == waiting[3:]
    few, _ = whole(read_again(client, waiting, 1))
    assert len(few) == 1 < len(pages)

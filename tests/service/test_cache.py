"""Values are kept as long as their kind says, made once however many ask, and a failure is raised
to all and soon tried again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from service.cache import EXPIRY, FAILED_SECONDS, MOST, Cache


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Maker:
    """Makes numbers, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.fails = False

    async def __call__(self) -> int:
        self.made += 1
        await asyncio.sleep(0)
        if self.fails:
            raise LookupError(self.made)
        return self.made


def played(play: Callable[[Cache, Clock, Maker], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of what is played on a new cache."""

    def test() -> None:
        clock = Clock()
        asyncio.run(play(Cache(clock), clock, Maker()))

    return test


def test_a_value_is_kept_until_it_expires() -> None:
    async def play(cache: Cache, clock: Clock, make: Maker) -> None:
        assert [await cache.get("stats", make) for _ in range(3)] == [1, 1, 1]
        clock.now += EXPIRY["stats"] - 0.1
        assert await cache.get("stats", make) == 1
        clock.now += 0.1
        assert await cache.get("stats", make) == 2

    played(play)


def test_many_that_ask_at_once_share_one_value_and_one_may_go_away() -> None:
    async def play(cache: Cache, _clock: Clock, make: Maker) -> None:
        asking = [asyncio.create_task(cache.get("stats", make)) for _ in range(50)]
        await asyncio.sleep(0)
        asking.pop().cancel()
        assert set(await asyncio.gather(*asking)) == {1}
        assert make.made == 1

    played(play)


def test_values_of_one_kind_are_distinguished_and_dropped_together() -> None:
    async def play(cache: Cache, _clock: Clock, make: Maker) -> None:
        assert [await cache.get("history", make, page) for page in (1, 2, 1)] == [1, 2, 1]
        assert await cache.get("stats", make) == 3
        cache.drop("history")
        assert [await cache.get("history", make, page) for page in (1, 2)] == [4, 5]
        assert await cache.get("stats", make) == 3

    played(play)


def test_a_failure_reaches_all_who_wait_and_is_tried_again_soon() -> None:
    async def play(cache: Cache, clock: Clock, make: Maker) -> None:
        make.fails = True
        for _ in range(3):
            with pytest.raises(LookupError):
                await cache.get("stats", make)
        assert make.made == 1
        clock.now += FAILED_SECONDS
        make.fails = False
        assert await cache.get("stats", make) == 2

    played(play)


def test_a_value_may_say_itself_how_long_it_holds() -> None:
    async def play(cache: Cache, clock: Clock, make: Maker) -> None:
        assert await cache.get("source", make, seconds=lambda value: 10.0 * value) == 1
        clock.now += 9.9
        assert await cache.get("source", make, seconds=lambda value: 10.0 * value) == 1
        clock.now += 0.1
        assert await cache.get("source", make, seconds=lambda value: 10.0 * value) == 2

    played(play)


def test_no_more_is_kept_than_memory_should_hold() -> None:
    async def play(cache: Cache, _clock: Clock, make: Maker) -> None:
        for page in range(MOST + 1):
            await cache.get("history", make, page)
        assert await cache.get("history", make, MOST) == MOST + 1
        assert await cache.get("history", make, 0) == MOST + 2, (
            "the one that was not asked for the longest is gone"
        )

    played(play)

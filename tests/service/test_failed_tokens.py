"""Who guesses the token of the service: how soon he is answered, and what is logged of it."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from service.failed_tokens import LONGEST, MINUTE, MOST_WAITING, STEP, FailedTokens
from tests.service.conftest import API, TOKEN, Serve

WRONG, RIGHT = ({"Authorization": f"Bearer {token}"} for token in ("a-guess", TOKEN))


@pytest.fixture
def warehouse_url(shared_warehouse_url: str) -> str:
    """Return one database for all of them: they change nothing in it."""
    return shared_warehouse_url


def seconds(service: httpx.Client, headers: dict[str, str], path: str = "/metrics") -> float:
    began = time.monotonic()
    service.get(path, headers=headers)
    return time.monotonic() - began


def test_each_wrong_token_is_answered_later_and_no_right_one_is(serve: Serve) -> None:
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN)
    service.get("/metrics", headers=RIGHT)
    for number in range(1, 12):
        assert seconds(service, WRONG) >= number * STEP
    # A browser that shows nothing yet is no guess.
    right, nothing, wrong = (
        min(seconds(service, headers) for _ in range(5)) for headers in (RIGHT, {}, WRONG)
    )
    assert max(right, nothing) < wrong


def test_many_who_guess_at_once_hold_no_more_than_some_and_nobody_else_waits(serve: Serve) -> None:
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN)
    crowd = 4 * MOST_WAITING
    with ThreadPoolExecutor(crowd) as guessing:
        waits = [guessing.submit(seconds, service, WRONG) for _ in range(crowd)]
        while not all(wait.done() for wait in waits):
            assert service.get(f"{API}/history", headers=RIGHT).status_code == 200
    assert seconds(service, WRONG) >= LONGEST, "the longest wait is reached, and not passed"


def test_of_a_crowd_only_so_many_wait_and_all_are_counted() -> None:
    failed = FailedTokens()

    async def others() -> None:
        # All of the crowd wait by now, and go on waiting while nothing here does.
        for _ in range(1_000):
            assert failed.delay == 0.0
            await failed.slow_down()
        assert failed.delay == 0.0

    async def crowd() -> None:
        await asyncio.gather(*(failed.slow_down() for _ in range(MOST_WAITING)), others())

    asyncio.run(crowd())
    assert failed.delay == LONGEST


def test_a_minute_is_one_line_with_the_number(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    failed = FailedTokens(clock=lambda: now[0])

    def logged(guesses: int, seconds: float) -> list[int]:
        """Return the numbers that are logged after some guesses and a pause."""
        for _ in range(guesses):
            failed.log_minute()
            asyncio.run(failed.slow_down())
        now[0] += seconds
        failed.log_minute()
        lines = [one for one in caplog.records if one.name == "backlog_elt.service"]
        assert {one.levelname for one in lines} <= {"WARNING"}
        return [one.__dict__["requests"] for one in lines]

    assert logged(3, MINUTE - 1) == []
    assert logged(2, 1) == [5]
    assert failed.delay == 0.0, "a new minute begins quick"
    assert logged(0, 10 * MINUTE) == [5]
    assert logged(1, MINUTE) == [5, 1]

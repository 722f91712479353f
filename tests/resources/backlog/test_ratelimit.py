"""What the limiter makes of headers and of `GET /rateLimit`, and when it would ask."""

from typing import Any

import httpx
import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.ratelimit import RateLimiter
from tests.resources.backlog.conftest import EPOCH, Clock, Make, Wire, limits

SEARCHES = IssueFilter()


def _answers(wire: Wire, *rate_limits: Any) -> list[str]:
    """Let searches see that others took 100 of 150, and answer `GET /rateLimit` in turn; return the
    paths that are asked.
    """
    waiting = list(rate_limits)
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.removeprefix("/api/v2"))
        if asked[-1] == "/rateLimit":
            now = waiting.pop(0)
            return now if isinstance(now, httpx.Response) else httpx.Response(200, json=now)
        return httpx.Response(200, json={"count": 1}, headers=limits(150, 49, int(EPOCH) + 40))

    wire.answers = [answer]
    return asked


def _state(remaining: int, reset: int = int(EPOCH) + 40) -> dict[str, Any]:
    return {
        "rateLimit": {
            "search": {"limit": 150, "remaining": remaining, "reset": reset},
            "icon": None,
            "read": {"limit": "many"},
        }
    }


SEARCH, LIMIT = "/issues/count", "/rateLimit"


@pytest.mark.parametrize(
    ("states", "asked", "slept", "refused"),
    [
        ([_state(45)], [SEARCH, LIMIT, SEARCH], [], 0),
        ([_state(0), _state(150, int(EPOCH) + 100)], [SEARCH, LIMIT, LIMIT, SEARCH], [20.5], 0),
        (
            [httpx.Response(429, headers=limits(600, 0, int(EPOCH) + 40))],
            [SEARCH, LIMIT, SEARCH],
            [],
            1,
        ),
    ],
    ids=["others have left enough", "others have left nothing", "reads are used up, too"],
)
def test_a_search_after_a_pause_asks_first_what_others_have_left(
    client: BacklogClient,
    wire: Wire,
    clock: Clock,
    states: list[Any],
    asked: list[str],
    slept: list[float],
    refused: int,
) -> None:
    found = _answers(wire, *states)
    client.issues_count(SEARCHES)
    clock.now += 20
    client.issues_count(SEARCHES)
    assert (found, clock.slept, client.stats.rate_limited) == (asked, slept, refused)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(500),
    ],
)
def test_a_space_that_does_not_report_its_limits_is_asked_once(
    client: BacklogClient, wire: Wire, clock: Clock, answer: Any
) -> None:
    asked = _answers(wire, answer)
    for _ in range(3):
        client.issues_count(SEARCHES)
        clock.now += 20
    assert asked == ["/issues/count", "/rateLimit", "/issues/count", "/issues/count"]


def test_a_budget_that_others_use_up_for_ever_is_tried_when_the_waits_are_spent(
    make_client: Make, wire: Wire, clock: Clock
) -> None:
    def used_up(request: httpx.Request) -> httpx.Response:
        state = _state(0, int(clock.now) + 60)
        search = request.url.path.endswith("/count")
        return httpx.Response(
            200,
            json=state | {"count": 1},
            headers=limits(150, 0, int(clock.now) + 60) if search else {},
        )

    wire.answers = [used_up]
    client = make_client(max_wait=300)
    client.issues_count(SEARCHES)
    client.issues_count(SEARCHES)
    assert 300 < sum(clock.slept) <= 370
    assert client.stats.requests["search"] == 2


@pytest.mark.parametrize(
    ("limit", "left", "known"),
    [*((none, 5, []) for none in (0, -5, "", "many")), (600, 10**9, [600])],
)
def test_a_limit_that_is_none_is_not_known_and_no_more_is_left_than_it(
    limit: object, left: int, known: list[int], clock: Clock
) -> None:
    limiter = RateLimiter(0.2, clock)
    limiter.observe("read", httpx.Headers(limits(limit, left, int(EPOCH) + 9)))
    limiter.await_window("read", pytest.fail, lambda seconds: pytest.fail(f"{seconds} s"))
    assert [one.remaining for one in limiter.limits.values()] == known

"""What is tried again, for how long, and what is not."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.errors import TransientError
from tests.resources.backlog.conftest import EPOCH, Clock, Make, Wire, error, limits

OK = httpx.Response(200, json=[])


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(408),
        httpx.Response(500),
        httpx.Response(503, html="<html>maintenance</html>"),
        error(500, 1),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("cut off"),
    ],
)
def test_an_error_of_the_server_or_the_network_is_tried_again_and_logged(
    client: BacklogClient,
    wire: Wire,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    failure: httpx.Response | Exception,
) -> None:
    wire.answers = [failure, failure, OK]
    assert client.projects() == []
    assert (client.stats.requests, client.stats.retries) == ({"read": 3}, 2)
    assert clock.slept[0] < clock.slept[1] < 3
    lines = [one.getMessage() for one in caplog.records if one.name.endswith(".transport")]
    assert [line.split(" failed, next in ")[0] for line in lines] == ["attempt 1", "attempt 2"]


#: What a request meets for ever -> what the client may do, the cause, and for how many seconds it
#: is tried again: more than the first number, no more than the second.
FOR_EVER: dict[str, tuple[list[Any], dict[str, float], str, str, int, int]] = {
    "an unreachable host": (
        [httpx.ConnectError("[Errno 111] Connection refused")],
        {},
        "no_answer",
        r"no answer from acme.backlog.test: .*Connection refused; check BACKLOG_URL.*5 attempts",
        0,
        10,
    ),
    "a host that has answered, which is given a minute to come back": (
        [OK, httpx.ReadTimeout("")],
        {},
        "no_answer",
        "ReadTimeout",
        30,
        60,
    ),
    "a server that stays down": (
        [httpx.Response(503)],
        {"max_wait": 100},
        "unavailable",
        "GET /projects: 503",
        60,
        100,
    ),
    "requests of other programs": (
        [error(429, 13)],
        {},
        "rate_limited",
        "other programs",
        400,
        600,
    ),
}


@pytest.mark.parametrize("met", FOR_EVER)
def test_a_request_is_given_up_when_the_budget_is_spent(
    make_client: Make, wire: Wire, clock: Clock, met: str
) -> None:
    answers, options, cause, said, least, most = FOR_EVER[met]
    wire.answers = [*answers]
    client = make_client(**options)
    for _ in answers[1:]:
        client.projects()
    before = len(wire.requests)
    with pytest.raises(TransientError, match=said) as caught:
        client.projects()
    assert caught.value.cause == cause
    assert caught.value.attempts == len(wire.requests) - before
    assert least < sum(clock.slept) <= most


def test_the_wait_that_a_503_asks_for_is_kept_but_not_longer_than_two_minutes(
    client: BacklogClient, wire: Wire, clock: Clock
) -> None:
    wire.answers = [
        httpx.Response(503, headers={"Retry-After": "7"}),
        httpx.Response(503, headers={"Retry-After": "86400"}),
        httpx.Response(200, json=[]),
    ]
    client.projects()
    assert clock.slept == [7, 120]


def test_a_rate_limited_request_waits_until_the_reset_time(
    make_client: Make, wire: Wire, clock: Clock
) -> None:
    reported: list[tuple[str, float, datetime]] = []
    wire.answers = [
        httpx.Response(429, json={}, headers=limits(150, 0, int(EPOCH) + 23)),
        httpx.Response(200, json=[], headers=limits(150, 149, int(EPOCH) + 83)),
    ]
    client = make_client(on_wait=lambda *wait: reported.append(wait))
    assert client.projects() == []
    assert clock.slept == [23.5]
    assert reported == [("read", 23.5, datetime.fromtimestamp(EPOCH + 23.5, UTC))]
    spent = client.stats
    assert (spent.rate_limited, spent.retries, spent.wait_seconds) == (1, 1, 23.5)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"Retry-After": "9"}, 9),
        ({"Retry-After": "never"}, 60),
        (limits("many", "few", "soon"), 60),
        (limits(150, 0, int(EPOCH) - 5000), 60),
        (limits(150, 0, int(EPOCH) * 1000), 60),
        (limits(150, 0, int(EPOCH) * 1000) | {"Retry-After": "99999"}, 120),
        (limits("", "", ""), 60),
    ],
)
def test_missing_or_silly_rate_headers_do_not_crash_the_retry(
    client: BacklogClient, wire: Wire, clock: Clock, headers: dict[str, str], seconds: float
) -> None:
    wire.answers = [error(429, 13, **headers), httpx.Response(200, json=[], headers=headers)]
    assert client.projects() == []
    assert clock.slept == [seconds]


def test_the_next_request_waits_when_only_the_reserve_is_left(
    client: BacklogClient, wire: Wire, clock: Clock
) -> None:
    wire.answers = [
        httpx.Response(200, json=[], headers=limits(150, 31, int(EPOCH) + 40)),
        httpx.Response(200, json=[], headers=limits(150, 30, int(EPOCH) + 40)),
        httpx.Response(200, json=[], headers=limits(150, 149, int(EPOCH) + 100)),
    ]
    for slept in ([], [], [40.5]):
        client.projects()
        assert clock.slept == slept
    assert client.stats.rate_limited == 0


def test_the_wait_is_reckoned_by_the_clock_of_the_server(
    make_client: Make, wire: Wire, clock: Clock
) -> None:
    clock.now = 1_000_000.0  # years behind
    client = make_client()
    date = {"Date": "Mon, 21 Sep 2026 14:13:20 GMT"}  # EPOCH
    wire.answers = [httpx.Response(200, json=[], headers=limits(600, 100, int(EPOCH) + 12) | date)]
    client.projects()
    assert client.server_time == datetime.fromtimestamp(EPOCH, UTC)
    clock.now += 2
    client.projects()
    assert clock.slept == [10.5]


def test_a_full_search_bucket_does_not_hold_up_reads(
    client: BacklogClient, wire: Wire, clock: Clock
) -> None:
    wire.answers = [
        httpx.Response(200, json=[], headers=limits(15, 0, int(EPOCH) + 50)),
        httpx.Response(200, json=[], headers=limits(60, 59, int(EPOCH) + 60)),
    ]
    list(client.listed_pages("/teams"))
    wire.answers[0] = httpx.Response(200, json=[], headers=limits(60, 59, int(EPOCH) + 60))
    assert client.stats.requests == {"read": 1}
    client.listed("/priorities")
    assert clock.slept == [50.5]


@pytest.mark.parametrize("reserve", [-0.1, 1.0, float("nan")])
def test_a_reserve_that_is_no_share_is_refused(make_client: Make, reserve: float) -> None:
    with pytest.raises(ValueError, match="share"):
        make_client(reserve=reserve)

"""Conditions of the source as a whole: which failures begin one, when it is reported, and that an
answer ends it.
"""

import httpx
import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError
from resources.conditions import Outcome
from tests.resources.backlog.conftest import Clock, Make, Wire, error, limits

REFUSED = httpx.ConnectError("[Errno 111] Connection refused")


@pytest.fixture
def seen() -> list[Outcome]:
    return []


@pytest.fixture
def client(make_client: Make, seen: list[Outcome]) -> BacklogClient:
    return make_client(observe=seen.append, max_wait=10)


@pytest.mark.parametrize(
    ("answer", "of_the_space", "of_an_issue"),
    [
        (REFUSED, "unreachable", "unreachable"),
        (httpx.ConnectTimeout("slow"), "unreachable", "unreachable"),
        (httpx.ReadTimeout("slow"), "unreachable", None),
        (httpx.Response(503), "unreachable", None),
        (httpx.Response(200, html="<p>maintenance</p>"), "unreachable", None),
        (error(401, 11), "refused", "refused"),
        (error(403, 5), "refused", None),
        (error(403, 4), "refused", "refused"),
        (error(402, 3), "refused", None),
        (error(404, 6), "unreachable", None),
        (error(400, 7), None, None),
        (error(429, 13), "rate_limited", "rate_limited"),
    ],
)
def test_a_failure_of_every_request_or_the_space_is_a_condition_of_the_source(
    client: BacklogClient,
    wire: Wire,
    seen: list[Outcome],
    answer: httpx.Response | Exception,
    of_the_space: str,
    of_an_issue: str,
) -> None:
    wire.answers = [answer]
    for look, kind in (
        (client.space, of_the_space),
        (lambda: list(client.comments(7)), of_an_issue),
    ):
        seen.clear()
        with pytest.raises(BacklogError) as caught:
            look()
        assert {outcome.kind for outcome in seen} == ({kind} if kind else set())
        if kind:
            assert seen[-1].message == " ".join(str(caught.value).split())
            assert seen[-1].cause == caught.value.cause


@pytest.mark.parametrize(
    ("failures", "kinds"), [(0, [None]), (1, [None]), (2, ["unreachable", None])]
)
def test_a_failure_is_reported_from_the_second_one_on_and_each_answer(
    client: BacklogClient, wire: Wire, seen: list[Outcome], failures: int, kinds: list[str | None]
) -> None:
    wire.answers = [*[REFUSED] * failures, httpx.Response(200, json=[])]
    client.projects()
    assert [outcome.kind for outcome in seen] == kinds
    assert seen[-1] == Outcome()


def test_a_wait_for_a_limit_that_others_used_up_reports_them(
    client: BacklogClient, wire: Wire, clock: Clock, seen: list[Outcome]
) -> None:
    wire.answers = [
        httpx.Response(200, json=[], headers=limits(600, 10, int(clock.now) + 30)),
        httpx.Response(200, json=[]),
    ]
    client.projects()
    client.projects()
    assert [(one.kind, one.cause, one.throttled, one.sure) for one in seen] == [
        (None, None, False, True),
        ("rate_limited", "rate_limited", False, False),
        (None, None, True, True),
    ]


def test_a_wait_for_a_limit_that_we_have_used_up_ourselves_is_no_condition(
    client: BacklogClient, wire: Wire, clock: Clock, seen: list[Outcome]
) -> None:
    reset = int(clock.now) + 30
    wire.answers = [
        *(
            httpx.Response(200, json=[], headers=limits(10, 10 - done, reset))
            for done in range(1, 9)
        ),
        httpx.Response(200, json=[]),
    ]
    for _ in range(9):
        client.projects()
    assert clock.slept
    assert {outcome.kind for outcome in seen} == {None}
    assert seen[-1].throttled

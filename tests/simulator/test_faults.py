"""Faults on demand, as a client meets them on the wire."""

import json
from typing import Any, Literal

import httpx
import pytest

from simulator import Fault
from tests.simulator.conftest import Api


@pytest.mark.parametrize(
    ("status", "code"), [(500, 1), (502, 1), (503, 1), (429, 13), (403, 5), (401, 11), (400, 7)]
)
def test_the_next_request_is_refused_and_the_one_after_served(
    api: Api, status: int, code: int
) -> None:
    api.simulator.faults.add(Fault(status=status))
    assert api.error("/projects") == (status, code)
    assert api.answer("/projects").status_code == 200
    assert api.simulator.faults.pending() == 0


def test_a_false_limit_says_when_it_ends(api: Api) -> None:
    api.simulator.faults.add(Fault(status=429, reset_in=5))
    headers = api.answer("/issues").headers
    assert headers["X-RateLimit-Remaining"] == "0"
    assert int(headers["X-RateLimit-Reset"]) == int(api.simulator.clock.now()) + 5


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        ("close", httpx.TransportError),
        ("cut", httpx.RemoteProtocolError),
        # The half may also end inside a character.
        ("truncate", (json.JSONDecodeError, UnicodeDecodeError)),
        ("html", json.JSONDecodeError),
    ],
)
def test_every_other_answer_is_broken_in_the_way_that_is_asked_for(
    api: Api, kind: Literal["close", "cut", "truncate", "html"], broken: Any
) -> None:
    api.simulator.faults.add(Fault(kind, status=200, every=2, times=2))
    for _ in range(2):
        assert api.answer("/issues", count=100).json()
        with pytest.raises(broken):
            api.answer("/issues", count=100).json()
    assert [api.answer("/issues").status_code for _ in range(2)] == [200, 200]


def test_a_fault_hits_only_its_path_and_method(api: Api) -> None:
    api.simulator.faults.add(Fault(status=403, path="/users", times=None), Fault(method="PATCH"))
    assert api.answer("/projects").status_code == 200
    for _ in range(3):
        assert api.error("/users") == (403, 5)
    assert api.answer("/users/myself").status_code == 200
    assert api.answer("/issues/OPS-1", "PATCH", {"summary": "x"}).status_code == 500
    api.simulator.faults.clear()
    assert api.answer("/users").status_code == 200


def test_failed_requests_are_counted_with_the_others(api: Api) -> None:
    api.simulator.faults.add(Fault(status=500, path="/issues"))
    api.answer("/issues")
    api.answer("/issues")
    api.answer("/issues/OPS-1")
    log = api.simulator.requests
    assert log.count(route="/issues") == log.count(bucket="search") == 2
    assert log.count(status=500) == 1
    assert log.by_bucket() == {"search": 2, "read": 1}
    assert log.by_route()["/issues/{issue}"] == 1
    log.clear()
    assert log.count() == 0

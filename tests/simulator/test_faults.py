"""Faults on demand, as a client meets them on the wire."""

import json
import time

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


def test_a_page_comes_where_json_is_due(api: Api) -> None:
    api.simulator.faults.add(Fault("html", status=200), Fault("html", status=503))
    for status in (200, 503):
        answer = api.answer("/projects")
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.text.startswith("<!DOCTYPE html>")


def test_the_connection_closes_before_the_answer(api: Api) -> None:
    api.simulator.faults.add(Fault("close"))
    with pytest.raises(httpx.TransportError):
        api.answer("/projects")
    assert api.answer("/projects").status_code == 200


def test_the_connection_closes_in_the_middle_of_the_answer(api: Api) -> None:
    api.simulator.faults.add(Fault("cut"))
    with pytest.raises(httpx.RemoteProtocolError):
        api.answer("/issues", count=100)
    assert api.answer("/issues").status_code == 200


def test_half_of_the_json_comes_as_a_whole_answer(api: Api) -> None:
    api.simulator.faults.add(Fault("truncate"))
    answer = api.answer("/projects")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_slow_answer_is_right_but_late(api: Api) -> None:
    api.simulator.faults.add(Fault("slow", seconds=0.2))
    begin = time.monotonic()
    assert api.get("/projects")
    assert time.monotonic() - begin >= 0.2


def test_a_fault_hits_only_its_path_and_method(api: Api) -> None:
    api.simulator.faults.add(Fault(status=403, path="/users", times=None), Fault(method="PATCH"))
    assert api.answer("/projects").status_code == 200
    for _ in range(3):
        assert api.error("/users") == (403, 5)
    assert api.answer("/users/myself").status_code == 200
    assert api.answer("/issues/OPS-1", "PATCH", {"summary": "x"}).status_code == 500
    api.simulator.faults.clear()
    assert api.answer("/users").status_code == 200


def test_a_fault_hits_every_third_request(api: Api) -> None:
    api.simulator.faults.add(Fault(status=500, every=3, times=None))
    assert [api.answer("/space").status_code for _ in range(7)] == [
        200,
        200,
        500,
        200,
        200,
        500,
        200,
    ]


def test_a_fault_hits_a_number_of_requests(api: Api) -> None:
    api.simulator.faults.add(Fault(status=502, times=2))
    assert [api.answer("/space").status_code for _ in range(3)] == [502, 502, 200]


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


def test_an_answer_can_be_rewritten_before_it_leaves(api: Api) -> None:
    def spoil(info: object, body: object) -> object:
        return [one | {"surprise": 1} for one in body] if isinstance(body, list) else body

    api.simulator.rewrite_response(spoil)
    assert all(project["surprise"] == 1 for project in api.get("/projects"))

"""Rate limits: buckets, windows, headers and refusals."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from simulator import PLANS, Limits, Switches
from simulator.limits import bucket_of
from tests.simulator.conftest import NOW, Api, Login, Serve

TINY = Limits(read=3, update=1, search=2, icon=1)


@pytest.mark.parametrize(
    ("method", "path", "bucket"),
    [
        ("GET", "/projects", "read"),
        ("GET", "/issues/5", "read"),
        ("GET", "/issues/5/comments", "read"),
        ("GET", "/issues", "search"),
        ("GET", "/issues/count", "search"),
        ("GET", "/users/5/icon", "icon"),
        ("GET", "/space/image", "icon"),
        ("POST", "/issues", "update"),
        ("PATCH", "/issues/5", "update"),
        ("DELETE", "/issues/5", "update"),
    ],
)
def test_requests_fall_into_four_buckets(method: str, path: str, bucket: str) -> None:
    assert bucket_of(method, path) == bucket


def test_every_answer_carries_the_numbers_of_its_bucket(serve: Serve) -> None:
    api = serve(limits=PLANS["paid"])
    for path, limit, remaining in (
        ("/projects", 600, 599),
        ("/issues", 150, 149),
        ("/nope", 600, 598),
        ("/issues?x=1", 150, 148),
    ):
        sent = api.answer(path).headers
        numbers = [int(sent[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset")]
        assert numbers == [limit, remaining, int(NOW.timestamp()) + 60]


def test_a_window_opens_at_its_first_request_and_ends_a_minute_later(serve: Serve) -> None:
    api = serve(limits=TINY)
    api.simulator.clock.set(datetime(2026, 7, 1, 10, 0, 7, tzinfo=UTC))
    reset = int(api.answer("/issues").headers["X-RateLimit-Reset"])
    assert datetime.fromtimestamp(reset, UTC) == datetime(2026, 7, 1, 10, 1, 7, tzinfo=UTC)
    api.simulator.clock.advance(30)
    assert int(api.answer("/issues").headers["X-RateLimit-Reset"]) == reset
    assert api.error("/issues") == (429, 13)
    api.simulator.clock.advance(30)
    assert api.answer("/issues").headers["X-RateLimit-Remaining"] == "1"


def test_retry_after_is_sent_when_switched_on(serve: Serve) -> None:
    api = serve(limits=TINY, switches=Switches(retry_after=True))
    for _ in range(2):
        api.get("/issues")
    api.simulator.clock.advance(20)
    assert api.answer("/issues").headers["Retry-After"] == "40"


def test_each_user_has_buckets_of_their_own(serve: Serve, as_user: Login) -> None:
    api = serve(limits=TINY)
    for _ in range(2):
        api.get("/issues")
    assert api.error("/issues") == (429, 13)
    assert as_user(api, 2).answer("/issues").status_code == 200


def test_the_state_of_all_buckets_can_be_read(serve: Serve) -> None:
    api, now = serve(limits=TINY), int(NOW.timestamp())
    api.get("/issues")
    state = api.get("/rateLimit")["rateLimit"]
    assert {name: state[name] for name in ("search", "read", "update")} == {
        "search": {"limit": 2, "remaining": 1, "reset": now + 60},
        "read": {"limit": 3, "remaining": 2, "reset": now + 60},
        "update": {"limit": 1, "remaining": 1, "reset": now},
    }


def test_the_date_header_follows_the_clock_of_the_space(api: Api) -> None:
    assert parsedate_to_datetime(api.answer("/space").headers["Date"]) == NOW
    api.simulator.clock.advance(90)
    assert (parsedate_to_datetime(api.answer("/nope").headers["Date"]) - NOW).total_seconds() == 90

"""The arithmetic of one bucket: what is known of its window, and when the next request may go."""

import math

import pytest

from resources.backlog.ratewindow import Bucket, Reported

NOW = 1_000.0


def _send(bucket: Bucket, requests: int, start: float = NOW, every: float = 0.1) -> float:
    for number in range(requests):
        bucket.send(start + number * every)
    return start + requests * every


def _wait(bucket: Bucket, now: float, reserve: float = 0.2, *, waited: bool = False) -> float:
    return bucket.seconds_to_wait(now, reserve, waited=waited)


#: What answers have reported, as (limit, remaining, end, seconds); when the next request comes,
#: whether it has waited already; and how long it waits.
REPORTS: dict[str, tuple[list[tuple[int, int, float | None, int]], int, bool, float]] = {
    "nothing is known": ([], 0, False, 0.0),
    "the window is over by then": ([(600, 0, NOW + 30, 0)], 31, False, 0.0),
    "without an end it lasts a minute from where it was seen to open": (
        [(600, 50, None, 0), (600, 599, None, 10), (600, 120, None, 20)],
        25,
        False,
        10 + 60 - 25 + 0.5,
    ),
    "never seen to open, it lasts a minute from the answer": (
        [(600, 120, None, 0), (600, 110, None, 100)],
        101,
        False,
        60 - 1 + 0.5,
    ),
    "after a wait one request goes": ([(150, 5, NOW + 30, 0)], 0, True, 0.0),
    "unless the window is used up": ([(150, 0, NOW + 30, 0)], 0, True, 30.5),
}


@pytest.mark.parametrize("case", REPORTS)
def test_the_next_request_waits_as_long_as_answers_have_told(case: str) -> None:
    reports, then, waited, seconds = REPORTS[case]
    bucket = Bucket("read")
    for limit, remaining, end, at in reports:
        bucket.take(Reported(limit, remaining, end, NOW + at))
    assert _wait(bucket, NOW + then, waited=waited) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "refusals",
    [
        [(100, 80)],
        # After few requests others are blamed, until it happens again.
        [(2, 15 - 3), (9, 9 - 2)],
    ],
)
def test_a_refusal_without_headers_teaches_how_many_requests_were_too_many(
    refusals: list[tuple[int, int]],
) -> None:
    bucket, now = Bucket("search"), NOW
    for passed, allowed in refusals:
        now = _send(bucket, passed + 1, now + 60)
        bucket.take_nothing()
        bucket.refuse(now)
        now = _send(bucket, allowed - 1, now + 60)
        assert _wait(bucket, now) == 0.0
        now = _send(bucket, 1, now)
        assert 45 < _wait(bucket, now) <= 60


def test_what_a_refusal_taught_is_forgotten_after_an_hour() -> None:
    bucket = Bucket("search")
    bucket.take_nothing()
    bucket.refuse(_send(bucket, 31))
    now = _send(bucket, 200, NOW + 3700)
    assert _wait(bucket, now) == 0.0


def test_requests_without_headers_are_bounded_in_any_minute() -> None:
    bucket = Bucket("search", limit=150)
    bucket.take_nothing()
    sent: list[float] = []
    now, waits = NOW, 0
    while len(sent) < 600:
        seconds = _wait(bucket, now)
        waits += seconds > 0
        now += seconds
        bucket.send(now)
        sent.append(now)
        now += 0.2
    assert max(sum(1 for at in sent if start <= at < start + 60) for start in sent) <= 120
    assert waits <= 50
    assert sent[-1] - NOW <= 5 * 60


@pytest.mark.parametrize(("limit", "share", "left"), [(150, 0.2, 0), (150, 0.9, 85), (1, 0.2, 100)])
def test_a_limit_that_is_expected_to_have_fallen_takes_from_what_is_left(
    limit: int, share: float, left: int
) -> None:
    bucket = Bucket("search")
    bucket.take(Reported(limit, 100, NOW + 30, NOW))
    bucket.lower(share)
    assert bucket.reported is not None
    assert (bucket.limit, bucket.reported.remaining) == (max(1, int(limit * share)), left)


def test_what_is_left_is_reckoned_on_as_if_others_went_on() -> None:
    bucket = Bucket("search")
    assert bucket.left(NOW) == math.inf
    now = _send(bucket, 10, every=1.0)
    bucket.take(Reported(150, 100, NOW + 60, now))  # the others made 40 in 10 seconds
    assert bucket.others() == 40
    assert bucket.left(now + 20) == pytest.approx(100 - 80)
    assert bucket.left(NOW + 61) == math.inf


@pytest.mark.parametrize(
    ("reserve", "limit", "kept"),
    [(0.2, 150, 30), (0.0, 150, 8), (0.0, 3, 1), (0.99, 15, 15), (0.2, None, 0)],
)
def test_the_reserve_is_never_smaller_than_what_other_clients_have_under_way(
    reserve: float, limit: int | None, kept: int
) -> None:
    assert Bucket("read").keep(reserve, limit) == kept

"""The judgement of a run: each case of its table, and what holds for whatever is seen."""

from itertools import product
from typing import Any, get_args

import pytest

from sync.outcomes import Counts, DagsterState, Row, Seen, State, counts, outcome

EVERYTHING = [
    Seen(row, dagster, by_person, passes, retried, times, outage, followed)
    for row, dagster, times in product(get_args(Row), get_args(DagsterState), (0, 2, 3))
    for by_person, passes, retried, outage, followed in product((False, True), repeat=5)
]
BAD = [
    *(("failed", row) for row in get_args(Row) if row != "working"),
    ("running", "gone"),
    ("unknown", "gone"),
    ("unknown", "failed"),
]


@pytest.mark.parametrize(
    ("dagster", "row", "more", "state"),
    [
        ("canceled", "gone", {}, "canceled"),
        ("canceled", "failed", {"passes": False}, "canceled"),
        ("canceling", "working", {}, "canceling"),
        ("completed", "failed", {}, "completed"),
        ("queued", "none", {}, "waiting"),
        ("failed", "working", {}, "working"),
        ("running", "none", {}, "working"),
        ("running", "completed", {}, "working"),
        ("running", "failed", {}, "working"),
        ("unknown", "completed", {}, "completed"),
        ("unknown", "none", {}, "completed"),
        ("running", "gone", {}, "again"),
        ("canceled", "gone", {"by_person": False}, "again"),
        ("canceled", "none", {"by_person": False, "followed": True}, "healed"),
    ],
)
def test_a_run_stands_as_the_first_case_says(
    dagster: DagsterState, row: Row, more: dict[str, Any], state: State
) -> None:
    assert outcome(Seen(row, dagster, **more)) == state


@pytest.mark.parametrize(("dagster", "row"), BAD)
@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"followed": True}, "healed"),
        ({"followed": True, "passes": False}, "healed"),
        ({"times": 2}, "again"),
        ({"times": 3}, "failed"),
        ({"times": 3, "retried": True}, "again"),
        ({"times": 3, "outage": True}, "again"),
        ({"passes": False}, "failed"),
        ({"passes": False, "outage": True, "retried": True}, "failed"),
    ],
)
def test_what_has_ended_badly_is_healed_goes_on_or_has_failed(
    dagster: DagsterState, row: Row, more: dict[str, Any], state: State
) -> None:
    assert outcome(Seen(row, dagster, **more)) == state


def test_three_properties_hold_for_whatever_is_seen() -> None:
    assert len({*EVERYTHING}) == 3_360
    for seen in EVERYTHING:
        state = outcome(seen)
        assert state in get_args(State)
        if state == "failed":
            assert not (seen.dagster == "canceled" and seen.by_person), seen
            assert not seen.followed, seen
        if state == "again":
            assert seen.passes, seen


def test_only_failed_runs_count_against_the_rate() -> None:
    states: list[State] = ["completed", "completed", "canceled", "again", "healed", "failed"]
    found = counts([*states, "waiting", "working", "canceling"])
    assert found == Counts(completed=2, canceled=1, again=1, healed=1, failed=1)
    assert found.success_rate == 2 / 3
    assert counts(["canceled", "working"]).success_rate is None

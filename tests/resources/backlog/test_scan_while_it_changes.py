"""Ties in any order, and a source that changes between any two requests: nothing is missed."""

import math
from datetime import timedelta

import pytest

from resources.backlog.errors import IncompleteScan
from resources.backlog.scan import scan_changes, scan_window
from resources.backlog.window import COUNTED, SEAMS, Window
from tests.resources.backlog.hostile import START, HostileSpace, ids, read

ALL = Window((1,))
DAY = timedelta(days=1)

# -- ties ------------------------------------------------------------------------------------------


def test_an_unreadable_newest_row_is_passed_on_even_after_a_long_group_of_ties() -> None:
    space = HostileSpace().history(150)
    tied, odd = START - timedelta(days=8), 100
    for issue_id in sorted(space.issues):
        space.edit(issue_id, at=tied)
    row = space.issues[odd]
    row.updated = START
    record = {"id": odd, "projectId": 1, "created": "yesterday"}
    row.json = lambda: record  # type: ignore[method-assign]
    rows = read(scan_changes(space.client(), (1,), tied - timedelta(hours=1)))
    assert {row["id"] for row in rows} == set(space.issues)


@pytest.mark.parametrize("number", [90, 99, 100, 150, 500, 1234])
def test_a_bulk_import_in_one_second_is_read_whole_though_ties_come_in_any_order(
    number: int,
) -> None:
    space = HostileSpace().history(300)
    for _ in range(number):
        space.create(at=START - timedelta(days=3))
    scan = scan_window(space.client(), ALL)
    assert sorted(row["id"] for row in read(scan)) == sorted(space.issues)
    assert (scan.proof.how, scan.proof.passes) == (COUNTED, 1)
    assert len(space.asked) <= math.ceil((number + 300) / 100) * 1.1 + 9


@pytest.mark.parametrize("number", [100, 500])
def test_a_bulk_edit_in_one_second_is_read_whole(number: int) -> None:
    space = HostileSpace().history(1000)
    edited = set(list(space.issues)[100 : 100 + number])
    for issue_id in edited:
        space.edit(issue_id, START - timedelta(seconds=5))
    scan = scan_changes(space.client(), (1,), START - timedelta(minutes=1), lookback=timedelta(0))
    assert ids(read(scan)) == edited | {
        row.id for row in space.issues.values() if row.updated >= START - timedelta(minutes=1)
    }
    assert len(space.asked) <= number / 100 * 1.1 + 12


def test_several_bulk_imports_on_one_day_are_read_once() -> None:
    space = HostileSpace()
    for hour in range(8):
        for _ in range(250):
            space.create(at=START - DAY + timedelta(hours=hour))
    rows = read(scan_window(space.client(), ALL))
    assert sorted(row["id"] for row in rows) == sorted(space.issues)
    assert len(space.asked) <= 20 * 1.1 + 9


def test_issues_that_are_equal_in_every_order_are_read_until_all_are_seen() -> None:
    space = HostileSpace(seed=4)
    for _ in range(130):
        space.create(at=START - DAY, summary="imported")
    scan = scan_window(space.client(), ALL)
    assert ids(read(scan)) == set(space.issues)
    assert scan.proof.how == COUNTED


def test_a_source_that_counts_more_than_it_lists_is_an_error() -> None:
    space = HostileSpace(unlisted=1).history(200)
    with pytest.raises(
        IncompleteScan, match=r"5 passes disagree with /issues/count .*200 read, 201 counted"
    ):
        read(scan_window(space.client(), ALL))


# -- what changes meanwhile ------------------------------------------------------------------------


def test_an_issue_that_is_deleted_after_it_was_read_is_not_among_those_seen() -> None:
    space = HostileSpace().history(2000)

    def meanwhile(space: HostileSpace) -> None:
        if len(space.asked) == 12:
            space.delete(5)
            space.delete(700)

    space.meanwhile = meanwhile
    scan = scan_window(space.client(), ALL)
    assert {5, 700} <= ids(read(scan))
    assert scan.seen_ids == set(space.issues)
    assert scan.proof.how == SEAMS
    assert space.paths().count("/space/activities") == 1
    assert len(space.asked) <= 20 * 1.1 + 5


def test_a_small_window_is_read_again_when_nobody_says_what_was_deleted() -> None:
    space = HostileSpace(refuse_activities=True).history(400)
    space.meanwhile = lambda space: space.delete(5) if len(space.asked) == 5 else None
    scan = scan_window(space.client(), ALL)
    read(scan)
    assert scan.seen_ids == set(space.issues)
    assert (scan.proof.how, scan.proof.passes) == (COUNTED, 2)


def test_issues_that_vanish_faster_than_they_are_read_are_an_error_and_not_a_loop() -> None:
    space = HostileSpace().history(9000, every=timedelta(minutes=5))

    def meanwhile(space: HostileSpace) -> None:
        for _ in range(95):
            space.delete(min(space.issues))
        for _ in range(95):
            space.create()

    space.meanwhile = meanwhile
    with pytest.raises(IncompleteScan, match="vanish faster"):
        read(scan_window(space.client(), ALL))
    assert len(space.asked) < 100

"""The rules by which pages are joined: keys, page boundaries, offsets, and where a pass ends and
may go on.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import httpx
import pytest

from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import MalformedResponse
from resources.backlog.paginator import (
    LAST_CHANGE_FIRST,
    NEWEST_FIRST,
    OLDEST_FIRST,
    OVERLAP,
    Order,
    Paginator,
    _between,
    _PageBoundary,
    days_from,
    days_to,
    fetch,
    identity,
    instant,
)
from resources.backlog.paging import PAGE_SIZE
from resources.backlog.position import Position
from resources.records import Odd
from tests.resources.backlog.hostile import START, HostileSpace

CREATED, UPDATED, SUMMARY = OLDEST_FIRST[0], LAST_CHANGE_FIRST[0], OLDEST_FIRST[2]
LATEST = NEWEST_FIRST[0]
SECOND = timedelta(seconds=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PROJECT = IssueFilter(project_id=(1,))


def row(
    number: int, created: datetime, updated: datetime | None = None, summary: str = ""
) -> dict[str, Any]:
    return {
        "id": number,
        "summary": summary,
        "created": created.isoformat(),
        "updated": updated.isoformat() if updated else None,
    }


# -- keys ------------------------------------------------------------------------------------------


def test_an_odd_record_is_known_by_its_id_or_else_by_what_it_holds() -> None:
    assert identity(Odd({}, "odd", id=5)) == 5
    assert identity(Odd({}, "odd", id=0)) == 0
    one, same, other = (identity(Odd({"summary": text}, "odd")) for text in ("a", "a", "b"))
    assert one == same != other
    assert max(one, other, identity(Odd(None, "odd"))) < 0
    assert identity(Odd("\ud800", "odd")) < 0


def test_an_issue_without_a_change_was_last_changed_when_it_was_created() -> None:
    assert instant(row(1, NOON, NOON + SECOND), "updated") == NOON + SECOND
    assert instant(row(1, NOON), "updated") == NOON
    assert instant({"id": 1, "created": "2026-03-10T21:00:00+09:00"}, "created") == NOON
    with pytest.raises(MalformedResponse, match="issue 7: updated is 'some day', not an instant"):
        instant({"id": 7, "updated": "some day", "created": NOON.isoformat()}, "updated")


def test_days_are_asked_for_with_two_more_on_either_side_by_the_calendar_of_utc() -> None:
    late = datetime.fromisoformat("2026-03-11T08:59:59+09:00")  # still the 10th in UTC
    assert (days_from(late), days_to(late)) == (date(2026, 3, 8), date(2026, 3, 12))
    assert (days_from(late + SECOND), days_to(late + SECOND)) == (
        date(2026, 3, 9),
        date(2026, 3, 13),
    )


def test_texts_are_equal_when_a_collation_may_call_them_equal() -> None:
    keys = {SUMMARY.key({"summary": text}) for text in ("Ａ ß", "a SS", " a ss ")}
    assert keys == {"a ss"}
    assert SUMMARY.key({"summary": None}) == SUMMARY.key({}) == ""
    assert (SUMMARY.comparable, CREATED.comparable, UPDATED.comparable) == (False, True, True)


def test_a_key_precedes_another_strictly_and_reversed_when_descending() -> None:
    later = NOON + SECOND
    for order, expected in ((CREATED, [True, False, False]), (LATEST, [False, False, True])):
        pairs = ((NOON, later), (NOON, NOON), (later, NOON))
        assert [order.precedes(*pair) for pair in pairs] == expected
    assert CREATED.last_of_day(NOON) == NOON.replace(hour=23, minute=59, second=59)
    assert LATEST.last_of_day(NOON) == NOON.replace(hour=0)


def test_a_filter_is_narrowed_to_the_days_around_a_key_and_never_widened() -> None:
    first, last, day = date(2026, 3, 8), date(2026, 3, 12), timedelta(days=1)
    created = replace(PROJECT, created_since=first, created_until=last)
    updated = replace(PROJECT, updated_since=first, updated_until=last)
    wider = replace(PROJECT, updated_since=first - day, updated_until=last + day)
    narrower = replace(PROJECT, updated_since=first + day, updated_until=last - day)
    assert CREATED.narrowed(PROJECT, NOON) == created
    assert UPDATED.narrowed(PROJECT, NOON) == updated
    assert UPDATED.narrowed(wider, NOON) == updated
    assert UPDATED.narrowed(narrower, NOON) == narrower


# -- pages -----------------------------------------------------------------------------------------


class Answers(HostileSpace):
    """A source that answers with rows as they are given, whatever is asked for."""

    rows: list[dict[str, Any]]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(
            200, json=self.rows, headers={"Date": "Tue, 10 Mar 2026 12:00:00 GMT"}
        )


@pytest.mark.parametrize(
    ("order", "times", "fits"),
    [
        (CREATED, (0, 1, 2), True),
        (CREATED, (0, 1, 1), True),
        (CREATED, (0, 2, 1), False),
        (LATEST, (2, 1, 1), True),
        (LATEST, (2, 1, 2), False),
        (SUMMARY, (0, 2, 1), True),
    ],
)
def test_a_page_that_comes_in_another_order_is_refused(
    order: Order, times: tuple[int, ...], fits: bool
) -> None:
    space = Answers()
    space.rows = [row(number, NOON + at * SECOND) for number, at in enumerate(times, start=1)]
    if not fits:
        with pytest.raises(MalformedResponse, match=f"not in the requested order \\({order.sort} "):
            fetch(space.client(), PROJECT, order)
        return
    assert [one["id"] for one in fetch(space.client(), PROJECT, order, 5, 7)] == [1, 2, 3]
    asked = {name: space.asked[0].url.params[name] for name in ("sort", "order", "offset", "count")}
    direction = "desc" if order.descending else "asc"
    assert asked == {"sort": order.sort, "order": direction, "offset": "5", "count": "7"}


def test_a_page_follows_when_its_first_row_sorts_before_all_that_is_not_read_yet() -> None:
    open_, closed = _PageBoundary(CREATED, NOON, {}), _PageBoundary(CREATED, NOON, {}, closed=True)
    pages = [[row(1, NOON + at * SECOND), row(2, NOON + SECOND)] for at in (-1, 0, 1)]
    assert [open_.meets(page) for page in pages] == [True, False, False]
    assert [closed.meets(page) for page in pages] == [True, True, False]
    assert not closed.meets([])
    keys = [NOON - SECOND, NOON, NOON + SECOND]
    assert [open_.covers(key) for key in keys] == [True, False, False]
    assert [closed.covers(key) for key in keys] == [True, True, False]


def test_a_page_by_text_follows_when_it_shows_a_row_again_under_the_same_text() -> None:
    boundary = _PageBoundary(SUMMARY, "m", {1: "k", 2: "l"}, closed=True)
    assert boundary.meets([row(9, NOON, summary="a"), row(2, NOON, summary="L")])
    assert not boundary.meets([row(2, NOON, summary="renamed"), row(9, NOON, summary="l")])
    assert not boundary.covers("a")
    assert not boundary.covers("m")


def test_the_lower_of_two_near_offsets_is_tried_and_else_the_middle() -> None:
    assert [_between(10, 10 + rows) for rows in (1, 400, 401, 1001)] == [10, 10, 210, 510]


# -- a pass ----------------------------------------------------------------------------------------


def space_of(number: int) -> HostileSpace:
    """Return a space of issues, one a minute, never edited."""
    space = HostileSpace()
    for back in range(number, 0, -1):
        space.create(at=START - back * timedelta(minutes=1))
    return space


def offsets(space: HostileSpace) -> list[int]:
    return [int(request.url.params["offset"]) for request in space.asked]


@pytest.mark.parametrize(
    ("number", "asked"),
    [(0, [0]), (99, [0]), (100, [0, 97]), (196, [0, 97]), (197, [0, 97, 194]), (250, [0, 97, 194])],
)
def test_a_pass_asks_for_pages_that_overlap_until_one_is_not_full(
    number: int, asked: list[int]
) -> None:
    space = space_of(number)
    paginator = Paginator(space.client(), PROJECT, OLDEST_FIRST)
    found = {one["id"] for page in paginator.pages() for one in page}
    assert found == set(space.issues)
    assert offsets(space) == asked
    assert (paginator.requests, paginator.retries, paginator.proven, paginator.ended) == (
        len(asked),
        0,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("gone", "asked"), [(1, [0, 97, 194]), (2, [0, 97, 81, 176]), (17, [0, 97, 81, 176])]
)
def test_a_pass_steps_back_for_as_many_vanished_rows_as_pages_overlap(
    gone: int, asked: list[int]
) -> None:
    space = space_of(250)
    paginator, found = Paginator(space.client(), PROJECT, OLDEST_FIRST), set[int]()
    for page in paginator.pages():
        found |= {one["id"] for one in page}
        if len(space.asked) == 1:
            for issue in range(1, gone + 1):
                space.delete(issue)
    assert found >= set(space.issues)
    assert offsets(space) == asked
    assert (paginator.requests, paginator.retries, paginator.proven) == (
        len(asked),
        len(asked) - 3,
        True,
    )


def test_a_pass_may_go_on_from_where_another_was_when_its_pages_were_stored() -> None:
    space = space_of(250)
    first = Paginator(space.client(), PROJECT, OLDEST_FIRST)
    pages = first.pages()
    last = next(pages)[-1]
    assert first.position == Position(97, instant(last, "created"))
    space.asked.clear()
    rest = Paginator(space.client(), PROJECT, OLDEST_FIRST, start=first.position)
    assert {one["id"] for page in rest.pages() for one in page} == set(range(98, 251))
    assert offsets(space) == [97, 194]
    for issue in range(1, 3):
        space.delete(issue)
    space.asked.clear()
    again = Paginator(space.client(), PROJECT, OLDEST_FIRST, start=first.position)
    assert {one["id"] for page in again.pages() for one in page} >= set(range(100, 251))
    assert (offsets(space)[:2], again.retries, again.proven) == ([97, 81], 1, True)


def test_a_pass_ends_early_where_it_is_stopped_or_when_all_up_to_a_key_is_read() -> None:
    space = space_of(350)
    stopped = Paginator(space.client(), PROJECT, OLDEST_FIRST, stop=lambda one: one["id"] >= 197)
    assert max(one["id"] for page in stopped.pages() for one in page) == 197
    assert (offsets(space), stopped.ended, stopped.proven) == ([0, 97], False, True)
    for issue, asked in ((99, [0]), (100, [0, 97])):
        # Others may tie with the last row of a page: only a later one shows that none is left.
        space.asked.clear()
        until = Paginator(
            space.client(), PROJECT, LAST_CHANGE_FIRST, until=space.issues[issue].updated
        )
        assert [one["id"] for page in until.pages() for one in page]
        assert (offsets(space), until.ended) == (asked, False)


def test_what_a_tie_proves_does_not_prove_what_was_read_before_it() -> None:
    space = HostileSpace()
    for _ in range(250):
        space.create(at=START - timedelta(days=1))
    paginator = Paginator(space.client(), PROJECT, OLDEST_FIRST)
    paginator.proven = False
    assert {one["id"] for page in paginator.pages() for one in page} == set(space.issues)
    assert not paginator.proven
    sorts = [request.url.params["sort"] for request in space.asked]
    by_created = [at for at, sort in zip(offsets(space), sorts, strict=True) if sort == "created"]
    assert by_created == [0, 250 - OVERLAP]


def test_a_pass_that_goes_on_near_bulk_edits_reads_at_most_a_page_again() -> None:
    space = space_of(400)
    for issue in space.issues:
        space.edit(issue, at=START - timedelta(days=1 if issue % 2 else 11))

    def read_on(
        start: Position | None, most: int | None = None
    ) -> tuple[set[tuple[str, int]], list[Position | None]]:
        paginator = Paginator(space.client(), PROJECT, NEWEST_FIRST, start=start)
        rows, positions = set[tuple[str, int]](), list[Position | None]()
        for page in islice(paginator.pages(), most):
            order = space.asked[-1].url.params["sort"]
            rows |= {(order, one["id"]) for one in page}
            positions.append(paginator.position)
        return rows, positions

    everything, positions = read_on(None)
    assert set(space.issues) == {issue for _, issue in everything}
    again = []
    for stored, position in enumerate(positions, 1):
        # One more page was given, and the reader died before it was stored.
        given, rest = read_on(None, stored + 1)[0], read_on(position)[0]
        again.append(Counter(order for order, _ in given & rest))
    assert all(max(rows.values(), default=0) <= PAGE_SIZE for rows in again), again

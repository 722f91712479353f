"""Pages as lazy generators: where they end, and that they end."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.backlog.errors import MalformedResponse
from resources.backlog.paging import id_pages, offset_pages
from resources.records import Page


def rows(*ids: int) -> Page:
    return Page({"id": one} for one in ids)


def ids(pages: Any) -> list[list[int]]:
    return [[row["id"] for row in page] for page in pages]


@pytest.mark.parametrize(
    ("total", "pages", "requests"),
    [
        (0, [], 1),
        (2, [[0, 1]], 1),
        (3, [[0, 1, 2]], 2),
        (4, [[0, 1, 2], [3]], 2),
        (6, [[0, 1, 2], [3, 4, 5]], 3),
    ],
)
def test_the_last_page_may_be_empty_short_or_exactly_full(
    total: int, pages: list[list[int]], requests: int
) -> None:
    asked: list[int] = []

    def fetch(offset: int, size: int) -> Page:
        asked.append(offset)
        return rows(*range(total)[offset : offset + size])

    assert ids(offset_pages(fetch, count=3)) == pages
    assert len(asked) == requests


def test_a_page_that_repeats_is_an_error_and_not_a_loop() -> None:
    with pytest.raises(MalformedResponse, match="repeats"):
        list(offset_pages(lambda offset, size: rows(1, 2, 3), count=3))


def test_pages_are_fetched_only_when_they_are_asked_for() -> None:
    numbers = count(1)
    by_offset = offset_pages(lambda offset, size: rows(next(numbers), next(numbers)), count=2)
    by_id = id_pages(
        lambda low, high, size: rows(next(numbers), next(numbers)), order="asc", count=2
    )
    assert ids([next(by_offset), next(by_id), next(by_id)]) == [[1, 2], [3, 4], [5, 6]]
    assert next(numbers) == 7


@given(
    present=st.sets(st.integers(1, 60), max_size=40),
    low=st.none() | st.integers(0, 60),
    high=st.none() | st.integers(0, 61),
    order=st.sampled_from(["asc", "desc"]),
    inclusive=st.booleans(),
    size=st.integers(2, 7),
)
def test_an_id_cursor_yields_each_id_between_the_bounds_once(
    present: set[int], low: int | None, high: int | None, order: str, inclusive: bool, size: int
) -> None:
    def fetch(least: int | None, most: int | None, limit: int) -> Page:
        slack = 0 if inclusive else 1
        chosen = [
            i
            for i in present
            if (least is None or i >= least + slack) and (most is None or i <= most - slack)
        ]
        return rows(*sorted(chosen, reverse=order == "desc")[:limit])

    found = [
        i
        for page in ids(id_pages(fetch, min_id=low, max_id=high, order=order, count=size))
        for i in page
    ]
    expected = sorted(i for i in present if (low is None or i > low) and (high is None or i < high))
    assert found == (expected if order == "asc" else expected[::-1])


def test_a_page_with_nothing_but_the_bound_ends_the_cursor() -> None:
    answers = iter([rows(1, 2), rows(2)])
    assert ids(id_pages(lambda low, high, size: next(answers), order="asc", count=2)) == [[1, 2]]


def test_a_cursor_that_the_server_ignores_is_an_error_and_not_a_loop() -> None:
    with pytest.raises(MalformedResponse, match="minId"):
        list(id_pages(lambda low, high, size: rows(1, 2, 3), order="asc", count=3))

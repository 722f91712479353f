"""Pages as lazy generators: where they end, and that they end."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import MalformedResponse
from resources.backlog.paging import (
    MOST_RECORDS,
    PAGE_SIZE,
    id_pages,
    offset_pages,
    with_an_end,
)
from resources.records import Odd, Page
from tests.http_servers import Quiet, serving


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


def without_id(number: int) -> Page:
    return Page(odd=[Odd({"name": number}, "it has no id")])


#: What a server without an end sends, by the number of the page.
ENDLESS = {
    "a page for ever": lambda page: rows(1, 2, 3),
    "two pages in turn": lambda page: rows(*range(page % 2 * 3, page % 2 * 3 + 3)),
    "odd records for ever": lambda page: without_id(page % 2),
    "more and more": lambda page: rows(*range(page * 100, page * 100 + 100)),
    "more and more odd records": without_id,
    "one new among old ones": lambda page: rows(*range(page, page + 100)),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_list_without_end_is_ended_by_an_error(kind: str) -> None:
    with pytest.raises(
        MalformedResponse, match=r"GET /teams: .*the list does not end; check BACKLOG_URL"
    ):
        list(with_an_end("/teams", map(ENDLESS[kind], count())))


def test_a_list_that_shifts_while_it_is_read_and_one_of_just_the_bound_are_read() -> None:
    pages = [rows(1, 2, 3), rows(3, 2, 4)]
    assert list(with_an_end("/teams", iter(pages))) == pages
    longest = [rows(*range(at, at + 100)) for at in range(0, MOST_RECORDS, 100)]
    assert list(with_an_end("/teams", iter(longest))) == longest


@pytest.mark.parametrize(
    ("path", "pages"),
    [
        ("/teams", lambda client: client.listed_pages("/teams")),
        ("/issues/7/comments", lambda client: client.comments(7)),
        ("/issues", lambda client: client.issues(IssueFilter())),
    ],
)
def test_a_server_whose_list_has_no_end_is_left_in_time(
    path: str, pages: Callable[[BacklogClient], Iterator[Page]]
) -> None:
    asked = Counter[str]()

    class Endless(Quiet):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            parts = urlsplit(self.path)
            asked[parts.path] += 1
            query = dict(parse_qsl(parts.query))
            after = int(query.get("minId") or query.get("offset") or 0)
            # Too many, and then an end: the test has one.
            more = 100 if asked[parts.path] < 2 * MOST_RECORDS // PAGE_SIZE else 0
            body = json.dumps(
                [
                    {"id": one, "created": "2026-03-01T00:00:00Z"}
                    for one in range(after + 1, after + 1 + more)
                ]
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Endless) as url, BacklogClient(url, ApiKeyQuery("the-key-of-nobody")) as client:
        with pytest.raises(MalformedResponse, match=f"GET {path}: .* the list does not end"):
            list(pages(client))
        assert client.stats.total == MOST_RECORDS // PAGE_SIZE + 1


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

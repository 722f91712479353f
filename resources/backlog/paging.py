"""Paged lists as lazy generators.

Holds: paging by offset and by id, and the end of lists that have none.
"""

from collections.abc import Callable, Iterator

from resources.backlog.errors import MalformedResponse
from resources.records import Page

PAGE_SIZE = 100  # Backlog's maximum
#: Records of one read of a list. Spaces have some thousands of teams, issues some hundreds of
#: comments.
MOST_RECORDS = 100_000


def offset_pages(fetch: Callable[[int, int], Page], count: int = PAGE_SIZE) -> Iterator[Page]:
    """Yield non-empty pages of `fetch(offset, count)` until one is not full."""
    offset = 0
    while True:
        page = fetch(offset, count)
        if page.received:
            yield page
        if page.received < count:
            return
        offset += page.received


def with_an_end(path: str, pages: Iterator[Page]) -> Iterator[Page]:
    """Yield the pages of a list as long as each brings a record that has not come before, which a
    list that shifts while it is read does, and `MOST_RECORDS` are not exceeded.

    Raises:
        MalformedResponse: the list does not end.
    """
    seen, received = set[object](), 0
    for page in pages:
        records = page.ids | {repr(one.record) for one in page.odd}
        received += page.received
        if records <= seen or received > MOST_RECORDS:
            raise MalformedResponse(
                f"GET {path}: {received:,} records came, {len(seen | records):,} of them different:"
                " the list does not end; check BACKLOG_URL and what stands between here and there"
            )
        seen |= records
        yield page


def id_pages(
    fetch: Callable[[int | None, int | None, int], Page],
    *,
    min_id: int | None = None,
    max_id: int | None = None,
    order: str = "desc",
    count: int = PAGE_SIZE,
) -> Iterator[Page]:
    """Yield non-empty pages of `fetch(min_id, max_id, count)`, ids strictly between the bounds,
    each once.

    Sources disagree whether Backlog's minId and maxId include the bound. The next request passes
    the last id, and rows outside the bounds are dropped, which is correct either way.

    Raises:
        MalformedResponse: the bounds have no effect, or no record of a full page has an id.
    """
    ascending = order == "asc"
    low, high = min_id, max_id
    while True:
        page = fetch(low, high, count)
        if any(
            (low is not None and one < low) or (high is not None and one > high) for one in page.ids
        ):
            raise MalformedResponse("the page holds ids outside the requested minId and maxId")
        fresh = Page(
            (row for row in page if row["id"] not in (low, high)),
            (one for one in page.odd if one.id is None or one.id not in (low, high)),
        )
        if fresh.received:
            yield fresh
        if page.received < count or not fresh.received:
            return
        if not fresh.ids:
            raise MalformedResponse("no record of a full page has an id")
        if ascending:
            low = max(fresh.ids)
        else:
            high = min(fresh.ids)

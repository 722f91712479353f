"""Paged lists as lazy generators.

Holds: paging by offset and by id.
"""

from collections.abc import Callable, Iterator

from resources.backlog.errors import MalformedResponse
from resources.records import Page

PAGE_SIZE = 100  # Backlog's maximum


def offset_pages(fetch: Callable[[int, int], Page], count: int = PAGE_SIZE) -> Iterator[Page]:
    """Yield non-empty pages of `fetch(offset, count)` until one is not full.

    Raises:
        MalformedResponse: a page repeats the one before it: the server ignores `offset`, so the
            list would not end.
    """
    offset = 0
    before: list[object] | None = None
    while True:
        page = fetch(offset, count)
        ids: list[object] = [record["id"] for record in page] + [one.record for one in page.odd]
        if ids and ids == before:
            raise MalformedResponse(f"the page at offset {offset} repeats the one before it")
        if page.received:
            yield page
        if page.received < count:
            return
        offset += page.received
        before = ids


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

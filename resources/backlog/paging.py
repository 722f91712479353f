"""Lists that come in pages, as lazy generators.

Holds: paging by offset and by id cursor. Add here: another style of paging.
Keep out: exact reading of a set that changes meanwhile (walk.py, scan.py).
"""

from collections.abc import Callable, Iterator

from resources.backlog.errors import MalformedResponse
from resources.backlog.models import Record

PAGE_SIZE = 100  # the most that Backlog gives


def offset_pages(fetch: Callable[[int, int], list[Record]], count: int = PAGE_SIZE) -> Iterator[list[Record]]:
    """Yield non-empty pages of `fetch(offset, count)` until one is not full.

    Raises MalformedResponse when a page repeats the one before it: a server that ignores `offset` has no end.
    """
    offset = 0
    before: list[object] | None = None
    while True:
        page = fetch(offset, count)
        ids = [record.get("id") for record in page]
        if page and ids == before:
            raise MalformedResponse(f"the page at offset {offset} repeats the one before it")
        if page:
            yield page
        if len(page) < count:
            return
        offset += len(page)
        before = ids


def id_pages(
    fetch: Callable[[int | None, int | None, int], list[Record]],
    *,
    min_id: int | None = None,
    max_id: int | None = None,
    order: str = "desc",
    count: int = PAGE_SIZE,
) -> Iterator[list[Record]]:
    """Yield non-empty pages of `fetch(min_id, max_id, count)`, ids strictly between the bounds, each once.

    Sources disagree whether Backlog's minId and maxId include the bound; the last id is passed on and rows at or
    behind it are dropped, which is right either way. Raises MalformedResponse when the cursor has no effect.
    """
    ascending = order == "asc"
    low, high = min_id, max_id
    while True:
        page = fetch(low, high, count)
        if any((low is not None and row["id"] < low) or (high is not None and row["id"] > high) for row in page):
            raise MalformedResponse("the page holds ids outside of the minId and maxId that were asked for")
        fresh = [row for row in page if row["id"] not in (low, high)]
        if fresh:
            yield fresh
        if len(page) < count or not fresh:
            return
        if ascending:
            low = max(row["id"] for row in fresh)
        else:
            high = min(row["id"] for row in fresh)

"""How the activity feed is read: forward from where it stands, backward to its beginning, and again
where activities are in quarantine. Nothing here knows what is stored, or stores.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.errors import MalformedResponse
from resources.backlog.paginator import instant
from resources.backlog.paging import PAGE_SIZE
from resources.records import Page
from resources.warehouse.state.feed_state import FeedState, Gap

#: Activities may become visible late: this much before the last read is read again each time.
OVERLAP = timedelta(minutes=15)
#: How long any source keeps activities; the real time is not documented.
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class FeedPage:
    """A page of a feed; `reach` are the fields of the `FeedState` that it sets, and no others."""

    page: Page
    reach: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Again:
    """Activities in quarantine that were read again, and the ids of those that are gone."""

    page: Page
    gone: frozenset[int]


def read_newest(client: BacklogClient) -> tuple[Page, FeedState]:
    """Return the newest page, from which the feed is then read in both directions; without one, all
    there is has been read. The state covers no project yet.
    """
    page = next(client.activities(order="desc"), Page())
    ids = page.ids
    state = FeedState(max(ids, default=0), min(ids, default=0), _now(client), complete=not ids)
    return page, state


def read_forward(
    client: BacklogClient, state: FeedState, after: int | None, anchor: int | None
) -> Generator[FeedPage | Gap, None, datetime]:
    """Yield the pages of the space's feed, oldest first, and before them a gap that the first one
    shows.

    Args:
        client: where they are read.
        state: how far the feed is read.
        after: the id behind which to begin, None: the beginning.
        anchor: the stored activity that should come first, None: nothing is stored.

    Returns:
        the source's clock at the last answer.
    """
    cursor, stable_id, first = state.cursor, state.stable_id, True
    for page in client.activities(min_id=after or None, order="asc"):
        now = _now(client)
        if first and (gap := _gap(state, anchor, page, now)):
            yield gap
        first = False
        # A page is as new as its newest row, the last one as new as its answer.
        newest = max((instant(row, "created") for row in page), default=state.read_at)
        cursor, stable_id = max([cursor, *page.ids]), max(stable_id, _stable_id(page, now))
        read_at = max(state.read_at, min(now, newest))
        yield FeedPage(page, {"cursor": cursor, "stable_id": stable_id, "read_at": read_at})
    now = _now(client)
    if first and (gap := _gap(state, anchor, Page(), now)):
        yield gap
    return now


def read_backward(
    client: BacklogClient, oldest: int | None, project: str | None = None
) -> Generator[FeedPage, None, None]:
    """Yield the pages before an activity, newest first, of the space or of one project; None: from
    the newest on.
    """
    for page in client.activities(project, max_id=oldest, order="desc"):
        oldest = min([*([] if oldest is None else [oldest]), *page.ids], default=None)
        yield FeedPage(page, {"oldest": oldest})


def read_again(
    client: BacklogClient, waiting: Sequence[int], pages: int | None
) -> Generator[Again, None, None]:
    """Read activities in quarantine again, a page from the oldest of them on at a time; at most so
    many `pages`, None: as many as it takes.
    """
    waiting = sorted(waiting)
    while waiting and pages != 0:
        pages = None if pages is None else pages - 1
        page = next(client.activities(min_id=waiting[0] - 1 or None, order="asc"), Page())
        reach = max(page.ids) if page.received >= PAGE_SIZE - 1 else waiting[-1]
        tried = {one for one in waiting if one <= reach}
        waiting = [one for one in waiting if one > reach]
        again = Page(
            (row for row in page if row["id"] in tried),
            (one for one in page.odd if one.id in tried),
        )
        # One without an id may be any of them.
        yield Again(again, frozenset() if page.lacks_id else frozenset(tried - page.ids))


def read_next_to(
    client: BacklogClient, places: Iterable[str], pages: int | None
) -> Generator[tuple[Page, list[str]], None, None]:
    """Read activities without an id again, next to the activities that they stood next to; yield
    each page with the places that lie in it whole.

    Args:
        client: where they are read.
        places: ids that they stand behind (`>17`) or before (`<17`).
        pages: the most pages to read, None: as many as it takes.
    """
    behind, before = (
        sorted(int(place[1:]) for place in places if place[0] == side) for side in "><"
    )
    reads = [(">", one) for one in behind] + [("<", one) for one in reversed(before)]
    while reads and pages != 0:
        pages = None if pages is None else pages - 1
        side, first = reads[0]
        ascending = side == ">"
        found = (
            client.activities(min_id=first)
            if ascending
            else client.activities(max_id=first, order="desc")
        )
        page = next(found, Page())
        covered = {reads[0]}
        if page.ids:  # what stands next to the last of them may be on the next page
            last = max(page.ids) if ascending else min(page.ids)
            covered |= {
                one
                for one in reads
                if one[0] == side and (one[1] < last if ascending else one[1] > last)
            }
        reads = [one for one in reads if one not in covered]
        yield page, [f"{side}{number}" for side, number in covered]


def _gap(state: FeedState, anchor: int | None, page: Page, now: datetime) -> Gap | None:
    """Return what the source has trimmed before it was read, if anything.

    The row that should have come first is gone when the source trims. That alone loses nothing:
    rows can have come and gone only when the last read is longer ago than a source is sure to keep
    rows.
    """
    if anchor is None or any(one <= anchor for one in page.ids) or now - state.read_at <= KEPT:
        return None
    until = min((instant(row, "created") for row in page), default=now)
    return Gap(state.read_at.isoformat(), until.isoformat())


def _stable_id(page: Sequence[Record], now: datetime) -> int:
    """Return the last id of a page, oldest first, up to which all is so old that nothing more
    becomes visible there; 0: none.
    """
    stable_id = 0
    for row in page:
        if instant(row, "created") > now - OVERLAP:
            break
        stable_id = int(row["id"])
    return stable_id


def _now(client: BacklogClient) -> datetime:
    moment = client.server_time
    if moment is None:
        raise MalformedResponse(
            "GET /space/activities: the answer has no Date header, so the source's clock is unknown"
        )
    return moment

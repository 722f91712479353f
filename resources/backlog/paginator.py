"""One pass over `GET /issues` that proves at every page seam that no issue was skipped.

Holds: orders, the proof of a seam, the treatment of ties that fill a page, and the position from
which another pass can continue.

Pages are offsets into a set that changes between two requests. One answer is one snapshot, so
nothing is missed within a page. Between pages, rows shift left when an issue before them leaves the
set. The page boundary is the sort key up to which everything has been read. The next page connects
when its first row sorts strictly before the page boundary: then no row at or behind the boundary
was skipped. Rows with equal keys (ties) come in any order, differently each time, so a page never
starts inside a group of ties: the next offset steps back to a row before the group that ends the
page.

An offset and a page boundary are therefore enough to prove the next page, whether it is fetched
after a second or after a week. Together they are a `Position`.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zlib import crc32

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter, Record
from resources.backlog.errors import IncompleteScan, MalformedResponse
from resources.backlog.paging import PAGE_SIZE
from resources.backlog.position import Position, Tied
from resources.records import Odd, Page, moment

# Rows before the page boundary that are read again. All but one of them may vanish between two
# pages without a step back. A pass starts with few and increases the number when rows vanish.
OVERLAP, MOST_OVERLAP = 2, 16
#: Rows. With a larger group of ties, each page would advance too little.
LARGE_TIE = PAGE_SIZE // 2
MAX_RESTARTS = 5
# It is not documented in which time zone the day filters are read, nor whether they include the day
# itself: one day covers every zone, the second an exclusive bound.
WIDENING = timedelta(days=2)


def instant(record: Record, field: str) -> datetime:
    """Return `created` or `updated` in UTC. `updated` of an issue that never changed is its
    `created`.

    Raises MalformedResponse when there is no valid time.
    """
    text = record.get(field) or record.get("created")
    found = moment(text)
    if found is None:
        raise MalformedResponse(f"issue {record.get('id')}: {field} is {text!r}, not an instant")
    return found


def identity(odd: Odd) -> int:
    """Return the id of an odd record, or a negative number from its content when it has none."""
    return odd.id if odd.id is not None else -1 - crc32(repr(odd.record).encode(errors="replace"))


def days_from(moment: datetime) -> date:
    """Return the first day for a filter that includes everything at or after an instant."""
    return moment.astimezone(UTC).date() - WIDENING


def days_to(moment: datetime) -> date:
    """Return the last day for a filter that includes everything up to an instant."""
    return moment.astimezone(UTC).date() + WIDENING


@dataclass(frozen=True)
class Order:
    """A sort of `/issues`.

    The server's collation of text is unknown, so keys that are text can only be tested for
    equality.
    """

    sort: str
    descending: bool = False

    @property
    def comparable(self) -> bool:
        """Whether keys compare here as they do on the server."""
        return self.sort in ("created", "updated")

    def key(self, record: Record) -> datetime | str:
        """Return the key by which the server sorts, as far as it is known."""
        if self.comparable:
            return instant(record, self.sort)
        return unicodedata.normalize("NFKC", str(record.get(self.sort) or "")).casefold().strip()

    def precedes(self, one: datetime | str, other: datetime | str) -> bool:
        """Return whether the first key sorts strictly before the second; for comparable orders
        only.
        """
        # Both are datetimes here.
        return one > other if self.descending else one < other  # type: ignore[operator]

    def last_of_day(self, key: datetime) -> datetime:
        """Return the last key of this order on the UTC day of a key."""
        return (
            key.replace(hour=0, minute=0, second=0)
            if self.descending
            else key.replace(hour=23, minute=59, second=59)
        )

    def narrowed(self, issue_filter: IssueFilter, key: datetime) -> IssueFilter:
        """Restrict a filter to the days around a key, which include all of its UTC day."""
        first, last = days_from(key), days_to(key)
        if self.sort == "created":
            return replace(issue_filter, created_since=first, created_until=last)
        since, until = issue_filter.updated_since or first, issue_filter.updated_until or last
        return replace(
            issue_filter, updated_since=max(first, since), updated_until=min(last, until)
        )


# An edit moves an issue to the front of the second order, which skips nothing. In the opposite
# order it would.
OLDEST_FIRST = (Order("created"), Order("updated", descending=True), Order("summary"))
NEWEST_FIRST = (Order("updated", descending=True), Order("created"), Order("summary"))
# An edit moves an issue to the end, from before or behind the page boundary: the seam detects the
# shift.
LAST_CHANGE_FIRST = (Order("updated"), Order("created"), Order("summary"))


def fetch(
    client: BacklogClient,
    issue_filter: IssueFilter,
    order: Order,
    offset: int = 0,
    count: int = PAGE_SIZE,
) -> Page:
    """Fetch a page in an order.

    Raises:
        MalformedResponse: the page is not in that order.
    """
    direction = "desc" if order.descending else "asc"
    page = client.issue_page(replace(issue_filter, sort=order.sort, order=direction), offset, count)
    if order.comparable:
        keys = [order.key(row) for row in page]
        if any(order.precedes(after, before) for before, after in pairwise(keys)):
            raise MalformedResponse(
                f"GET /issues: not in the requested order ({order.sort} {direction})"
            )
    return page


@dataclass(frozen=True)
class _PageBoundary:
    """What the next page must connect to: rows before `key` are read, and rows at `key` if
    `closed`.
    """

    order: Order
    key: datetime | str
    before: Mapping[int, datetime | str]  # id -> key of rows read before the page boundary
    closed: bool = False

    def meets(self, page: list[Record]) -> bool:
        """Return whether no row is missing between the rows that were read and this page."""
        if not page:
            return False
        if not self.order.comparable:
            return any(self.before.get(row["id"]) == self.order.key(row) for row in page)
        first = self.order.key(page[0])
        return self.order.precedes(first, self.key) or (self.closed and first == self.key)

    def covers(self, key: datetime | str) -> bool:
        """Return whether everything up to this key has been read."""
        return self.order.comparable and (
            self.order.precedes(key, self.key) or (self.closed and key == self.key)
        )


def _between(low: int, missed: int) -> int:
    """Return the offset to try next, between one where pages connect and one where they do not:
    half way, or the lower one when they are close.
    """
    return low if missed - low <= 4 * PAGE_SIZE else (low + missed) // 2


class Paginator:
    """Reads all issues of a filter in the first order. The other orders separate issues that tie in
    it.

    After `pages()` is exhausted, `proven` says whether every seam held. Then each issue that was in
    the set during the whole pass has been read; only an order by `updated` may miss issues that
    were updated meanwhile. The pass ends early when `stop(last_row)` is true, or when all rows up
    to the key `until` are read. `requests` and `retries` (steps back) are counted.

    `position` is where another paginator with the same orders may `start`, once the pages yielded
    so far are stored. It is None until there is one, and stays before the first seam that could not
    be proven.
    """

    def __init__(
        self,
        client: BacklogClient,
        issue_filter: IssueFilter,
        orders: tuple[Order, ...],
        stop: Callable[[Record], bool] | None = None,
        start: Position | None = None,
        until: datetime | None = None,
    ) -> None:
        self.proven = True
        self.requests = 0
        self.retries = 0
        self.ended = False  # whether the last page of the set was read
        self.position = start
        self._client = client
        self._filter = issue_filter
        self._order, *rest = orders
        self._others = tuple(rest)
        self._stop = stop
        self._until = until

    def pages(self) -> Iterator[Page]:
        """Yield pages as received, overlaps included.

        Raises:
            IncompleteScan: the set kept changing.
            MalformedResponse: a page is out of order, or most of its issues are odd.
        """
        offset, overlap, back, restarts = 0, OVERLAP, 0, 0
        page_boundary: _PageBoundary | None = None
        # After a step back: `low` is an offset where pages connect, `missed` one where they do not.
        low: int | None = None
        missed = 0
        if (start := self.position) is not None:
            offset, page_boundary = (
                start.offset,
                _PageBoundary(self._order, start.key, start.before, start.closed),
            )
            if start.tied is not None:
                offset, page_boundary = yield from self._past_ties(
                    offset, start.moment, self._from(start.tied), start.tied
                )
                if self._reached(start.moment):
                    return
        while True:
            page = self._fetch(offset)
            if offset and page_boundary is not None and not page_boundary.meets(page):
                self.retries += 1
                missed = offset
                if low is not None and low < missed:
                    offset = _between(low, missed)
                    continue
                low = None
                overlap = min(2 * overlap, MOST_OVERLAP)
                back = 4 * (back or overlap)
                offset = max(0, offset - back)
                restarts += offset == 0
                if restarts > MAX_RESTARTS and not self._order.comparable:
                    # Perhaps rows moved on instead of back: only a count can tell.
                    self.proven = False
                    return
                if restarts > MAX_RESTARTS:
                    raise IncompleteScan(
                        f"issues vanish faster than they can be read (by {self._order.sort})"
                    )
                continue
            last = self._order.key(page[-1]) if page else None
            head = [row for row in page if self._order.key(row) != last]
            ahead: tuple[int, _PageBoundary] | None = None
            if page_boundary is not None and last is not None and page_boundary.covers(last):
                ahead = offset + max(page.received - overlap, 0), page_boundary
            elif last is not None and len(head) > overlap:
                ahead = (
                    offset + len(head) - overlap,
                    _PageBoundary(
                        self._order, last, {row["id"]: self._order.key(row) for row in head}
                    ),
                )
            self._note(ahead)
            yield page
            self.ended = page.received < PAGE_SIZE
            if (
                self.ended
                or (self._stop is not None and page and self._stop(page[-1]))
                or self._passed(last)
            ):
                return
            if len(page) <= PAGE_SIZE // 2:
                raise MalformedResponse(
                    f"GET /issues: {len(page.odd)} of {page.received} issues are "
                    f"odd: {page.odd[0].reason}"
                )
            if ahead is not None and ahead[1] is page_boundary:
                low = ahead[0]
                offset = _between(low, missed) if back else low
                continue
            back, low = 0, None
            if ahead is not None and (not self._others or len(page) - len(head) <= LARGE_TIE):
                offset, page_boundary = ahead
            elif isinstance(last, datetime):
                passed, page_boundary = yield from self._past_ties(
                    offset + len(head), last, self._telling(page)
                )
                if self._reached(last):
                    return
                offset = max(passed, offset + 1)
            else:
                self.proven = False  # ties in every order: only a count can prove completeness
                page_boundary = None
                offset += page.received

    def _passed(self, key: datetime | str | None) -> bool:
        """Return whether a row with this key sorts after `until`, so that the pass can end."""
        return (
            self._until is not None and key is not None and self._order.precedes(self._until, key)
        )

    def _reached(self, key: datetime) -> bool:
        """Return whether everything up to `until` is read once all rows with this key are read."""
        return self._until is not None and not self._order.precedes(key, self._until)

    def _note(self, ahead: tuple[int, _PageBoundary] | None) -> None:
        """Record where another pass may continue. After an unproven seam the earlier position
        stays.
        """
        if ahead is None or not self.proven:
            return
        offset, page_boundary = ahead
        if isinstance(page_boundary.key, datetime):
            self.position = Position(offset, page_boundary.key, page_boundary.closed)
        else:
            before = [
                (row, key) for row, key in page_boundary.before.items() if isinstance(key, str)
            ][-MOST_OVERLAP:]
            self.position = Position(offset, page_boundary.key, before=dict(before))

    def _past_ties(
        self, offset: int, key: datetime, orders: tuple[Order, ...], start: Tied | None = None
    ) -> Generator[Page, None, tuple[int, _PageBoundary]]:
        """Read the ties at a key, from `offset` on, in other orders.

        The filter goes by days, so the rest of the key's UTC day is read, too. `start`: a part is
        read already.

        Returns:
            The offset and page boundary where this order continues.
        """
        paginator = Paginator(
            self._client,
            self._order.narrowed(self._filter, key),
            orders,
            start=start.at if start else None,
        )
        found: set[int] = set()  # at or behind the key on its day
        earlier = max(0, start.found - OVERLAP) if start else 0
        for page in paginator.pages():
            for row in page:
                at = instant(row, self._order.sort)
                if at.date() == key.date() and not self._order.precedes(at, key):
                    found.add(row["id"])
            if paginator.position is not None and self.proven and paginator.proven:
                self.position = Position(
                    offset, key, tied=Tied(orders[0].sort, earlier + len(found), paginator.position)
                )
            yield page
        self.proven &= paginator.proven
        self.requests += paginator.requests
        self.retries += paginator.retries
        behind = max(0, offset + earlier + len(found) - OVERLAP)
        page_boundary = _PageBoundary(self._order, self._order.last_of_day(key), {}, closed=True)
        self._note((behind, page_boundary))
        return behind, page_boundary

    def _from(self, tied: Tied) -> tuple[Order, ...]:
        """Return the other orders, starting with the one in which the group of ties was
        being read.
        """
        return self._others[[order.sort for order in self._others].index(tied.sort) :]

    def _telling(self, sample: list[Record]) -> tuple[Order, ...]:
        """Return the other orders without the first ones in which most of the sample ties; the last
        order always stays.
        """
        orders = self._others
        while (
            len(orders) > 1 and max(Counter(map(orders[0].key, sample)).values()) > len(sample) // 2
        ):
            orders = orders[1:]
        return orders

    def _fetch(self, offset: int) -> Page:
        self.requests += 1
        return fetch(self._client, self._filter, self._order, offset)

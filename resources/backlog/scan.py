"""Exact reading of issues: all of a window, or what changed since a watermark.

Holds: windows, the proof of completeness, deduplication, the next watermark.

Promise: an issue that is in the window during the whole pass is read, in a version at least as new
as the start of the pass. An issue that changes meanwhile may be missed. Its `updated` is then at or
after `started_at`, so a load of changes from there on finds it. So each issue is read at least
once, and the merge makes it exactly once.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from resources.backlog.change_start import start_of_changes
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter, Record
from resources.backlog.errors import IncompleteScan, MalformedResponse
from resources.backlog.feed import deleted_issues
from resources.backlog.paginator import (
    LAST_CHANGE_FIRST,
    NEWEST_FIRST,
    OLDEST_FIRST,
    Paginator,
    days_from,
    days_to,
    fetch,
    identity,
    instant,
)
from resources.backlog.paging import PAGE_SIZE
from resources.backlog.position import Resume
from resources.backlog.window import COUNTED, ONE_PAGE, SEAMS, CompletenessProof, Window
from resources.records import Page

MAX_PASSES = 5
MAX_ARRIVALS = 3
PROJECTS_PER_REQUEST = 100
# Offset and count of the first requests, newest first. Usually little has changed and 20 rows are
# enough. The single row shows whether a whole page is.
LOOKS = ((0, 20), (PAGE_SIZE - 1, 1), (0, PAGE_SIZE))
# A snapshot may be older than the Date header of its answer, by as long as the answer took.
LOOKBACK = timedelta(seconds=60)
# After this many rows, the source is asked how many there are, to detect a list without an end. It
# costs one request in a hundred.
UNDOUBTED = 10_000
# How often a row may come in a pass: in each order where many tie, in overlaps, and again when the
# source changes.
MOST_TIMES = 10
# Requests. A window of this size is read again when more rows were read than counted and no
# deletion explains it.
SMALL_WINDOW = 10


def scan_window(client: BacklogClient, window: Window, *, resume: Resume | None = None) -> "Scan":
    """Read all of a window, oldest first, in about `ceil(rows / 97)` requests and one count.

    Iterate over the result for batches, and store them in this order. With `resume` it yields only
    what the earlier scan had not read (see `CompletenessProof.resumed`). Changes since its start
    are left to `scan_changes`, and deletions to a comparison of counts.

    Raises:
        IncompleteScan: nothing could be proven.
        BacklogError: the source cannot be read.
    """
    _one_request(window.project_ids, resume)
    return Scan(client, window, changes=False, resume=resume)


def scan_changes(
    client: BacklogClient,
    project_ids: Sequence[int],
    watermark: datetime,
    *,
    lookback: timedelta = LOOKBACK,
    resume: Resume | None = None,
) -> "Scan":
    """Read what changed since `watermark - lookback`; without changes, one request per 100
    projects.

    Commit `.next_watermark` with the rows after the last batch. With `resume`, an earlier scan of
    changes in these projects (and perhaps others), it yields only what that scan had not read, and
    the next watermark is the start of that scan. Raises the errors of `scan_window`; a project that
    the key cannot see fails the whole scan (PermanentError).
    """
    _one_request(project_ids, resume)
    return Scan(
        client,
        Window(tuple(project_ids), watermark - lookback),
        changes=True,
        watermark=watermark,
        resume=resume,
    )


def _one_request(project_ids: Sequence[int], resume: Resume | None) -> None:
    if resume is not None and len(project_ids) > PROJECTS_PER_REQUEST:
        raise ValueError("a scan in several requests has no position to continue from")


class Scan:
    """An iterator over batches of issues in the window. A batch is one page (at most 100 rows), or
    is empty and has a new checkpoint.

    Each id comes once, and again only when it changed during the pass. After exhaustion, `.proof`
    is set, and `.seen_ids` holds the ids that the source listed in the last pass, including those
    outside the window's exact instants.
    """

    def __init__(
        self,
        client: BacklogClient,
        window: Window,
        *,
        changes: bool,
        watermark: datetime | None = None,
        resume: Resume | None = None,
    ) -> None:
        self.window = window
        self.seen_ids: set[int] = set()
        self._client = client
        self._changes = changes
        self._watermark = watermark
        self._resume = resume
        self._origin = resume.started_at if resume else None
        # The paginator from whose position a later scan can continue.
        self._first: Paginator | None = None
        self._started: datetime | None = None
        self._proof: CompletenessProof | None = None
        self._ids: set[int] = set()  # read in this pass
        self._earlier: set[int] = set()  # read in passes that failed
        self._recent: dict[int, datetime] = {}  # id -> `updated` of issues changed since the start
        self._counted: datetime | None = None  # when the issues were counted before this pass
        self._late: set[int] = set()  # ids of this pass that may have entered the window after that
        self._begin_pass(IssueFilter())
        self._batches = self._run()

    def __iter__(self) -> Iterator[Page]:
        return self

    def __next__(self) -> Page:
        return next(self._batches)

    @property
    def started_at(self) -> datetime:
        """The source's clock when the pass began: `Date` of the first answer, UTC. Set from the
        first batch on.
        """
        if self._started is None:
            raise RuntimeError("the scan has not asked anything yet")
        return self._started

    @property
    def next_watermark(self) -> datetime:
        """Where the next load of changes begins: the start of the pass, or of the interrupted one
        that this scan continued.

        The old watermark when there was no project to read.
        """
        if self._origin is not None:
            return self._origin
        return (
            self._watermark
            if self._started is None and self._watermark is not None
            else self.started_at
        )

    @property
    def checkpoint(self) -> Resume | None:
        """Where a scan of the same kind may continue once the batches yielded so far are stored.

        None while there is no such position, and for a scan of more projects than fit in one
        request.
        """
        one_request = len(self.window.project_ids) <= PROJECTS_PER_REQUEST
        if self._first is None or self._first.position is None or not one_request:
            return None
        return Resume(self._first.position, self._origin or self.started_at)

    @property
    def proof(self) -> CompletenessProof:
        """The proof of completeness; RuntimeError before the scan is exhausted."""
        if self._proof is None:
            raise RuntimeError("the scan is not read to its end")
        return self._proof

    def _run(self) -> Iterator[Page]:
        for page in self._pages():
            self._see_an_end(page)
            fresh = self._fresh(page)
            if fresh.received or (self._changes and self._first is not None):
                yield fresh

    def _pages(self) -> Iterator[Page]:
        """Yield pages as received. The caller passes each page to `_fresh` before it asks for the
        next.
        """
        proof = CompletenessProof(ONE_PAGE, 1, 0, 0, None, 0)
        projects = self.window.project_ids
        for first in range(0, len(projects), PROJECTS_PER_REQUEST):
            chosen = IssueFilter(
                project_id=projects[first : first + PROJECTS_PER_REQUEST],
                updated_since=None if self.window.since is None else days_from(self.window.since),
                updated_until=None if self.window.until is None else days_to(self.window.until),
            )
            self._ids, self._earlier = set(), set()
            self._begin_pass(chosen)
            since = self.window.since if self._changes else None
            proof += (
                yield from self._whole(chosen) if since is None else self._changed(chosen, since)
            )
            self.seen_ids = self.seen_ids | self._ids if self.seen_ids else self._ids
        self._proof = proof

    def _changed(
        self, chosen: IssueFilter, since: datetime
    ) -> Generator[Page, None, CompletenessProof]:
        """Read the changes that fit in one page, newest first; if there are more, all by rising
        `updated` from the window's start.
        """
        looks = probes = 0
        newest: datetime | None = None
        for offset, count in () if self._resume else LOOKS:
            page = fetch(self._client, chosen, NEWEST_FIRST[0], offset, count)
            self._begin()
            looks += 1
            if looks == 1 and page and not page.odd:
                newest = instant(page[0], "updated")
            reaches = page.received < count or (bool(page) and instant(page[-1], "updated") < since)
            if reaches and not offset:
                yield page
                return CompletenessProof(ONE_PAGE, 1, looks, len(self._ids), None, 0)
            if offset and not reaches:
                break
        resumed, self._resume = self._resume, None
        if resumed:
            self._begin_pass(chosen)
            start = resumed.position
        else:
            self._begin_pass(chosen, self._client.issues_count(chosen))
            start, probes = start_of_changes(self._client, chosen, since, self._count)
        # Changes from now on are left to the next load. An odd row does not end the pass and is
        # passed on.
        until = newest or self._origin or self.started_at
        paginator = Paginator(self._client, chosen, LAST_CHANGE_FIRST, start=start, until=until)
        self._first = self._first or paginator
        yield from paginator.pages()
        asked = looks + probes + paginator.requests
        if not paginator.proven:
            proof = yield from self._whole(chosen)
            return replace(
                proof,
                passes=proof.passes + 1,
                pages=proof.pages + asked,
                retries=proof.retries + paginator.retries,
            )
        return CompletenessProof(
            SEAMS, 1, asked, len(self._ids), None, paginator.retries, resumed=resumed is not None
        )

    def _whole(self, chosen: IssueFilter) -> Generator[Page, None, CompletenessProof]:
        """Read everything that the filter holds, and repeat until a pass is proven complete."""
        requests = retries = after = seen = 0
        before: int | None = None
        for passes in range(1, MAX_PASSES + 1):
            self._begin_pass(chosen, before or 0)
            start = self._resume.position if self._resume else None
            paginator = Paginator(self._client, chosen, OLDEST_FIRST, self._is_late, start)
            self._first = self._first or paginator
            yield from paginator.pages()
            requests += paginator.requests
            retries += paginator.retries
            if start is not None and paginator.proven:
                return CompletenessProof(
                    SEAMS, passes, requests, len(self._ids), None, retries, resumed=True
                )
            if start is not None:
                # Only a pass from the beginning can be compared with the count.
                self._resume, self._ids = None, set()
                continue
            if paginator.requests == 1 and paginator.ended:
                return CompletenessProof(ONE_PAGE, passes, requests, len(self._ids), None, retries)
            after, seen = self._client.issues_count(chosen), len(self._ids)
            if paginator.proven and seen == after:
                return CompletenessProof(COUNTED, passes, requests, seen, after, retries)
            if not paginator.proven and len(self._ids - self._late) == before:
                # All issues that existed at the count were read; later ones are left to the next
                # load of changes.
                return CompletenessProof(COUNTED, passes, requests, before, before, retries)
            for _ in range(MAX_ARRIVALS if paginator.proven else 0):
                if seen >= after:
                    break
                requests += yield from self._arrivals(chosen)
                seen = len(self._ids)
            if seen > after:
                self._ids -= deleted_issues(self._client, self.started_at - LOOKBACK)
            unexplained = seen > after and len(self._ids) > after
            read_again = unexplained and passes == 1 and paginator.requests <= SMALL_WINDOW
            if paginator.proven and seen >= after and not read_again:
                return CompletenessProof(SEAMS, passes, requests, seen, after, retries)
            if paginator.proven or before != after:
                self._earlier |= self._ids
                self._ids, self._late = set(), set()
                self._counted = self._client.server_time
            before = after
        raise IncompleteScan(
            f"issues of projects {chosen.project_id}: {MAX_PASSES} passes "
            "disagree with /issues/count "
            f"(last: {seen} read, {after} counted); try again when the space is quieter"
        )

    def _arrivals(self, chosen: IssueFilter) -> Generator[Page, None, int]:
        """Read the issues that entered the set since the start; return the number of requests."""
        edge = self.started_at - LOOKBACK
        since = max(days_from(edge), chosen.updated_since or date.min)
        paginator = Paginator(
            self._client, replace(chosen, updated_since=since), NEWEST_FIRST, stop=_older_than(edge)
        )
        yield from paginator.pages()
        return paginator.requests

    def _begin_pass(self, chosen: IssueFilter, count: int = 0) -> None:
        """Start to read the issues of a filter; `count` is their number by the source, 0 when
        unknown.
        """
        self._chosen, self._received, self._count = chosen, 0, count

    def _see_an_end(self, page: Page) -> None:
        """Raise MalformedResponse when more rows came in this pass than the source can have."""
        self._received += page.received
        if self._received > self._plausible:
            self._count = self._client.issues_count(self._chosen)
        if self._received > self._plausible:
            raise MalformedResponse(
                f"GET /issues: {self._received:,} rows came where "
                f"/issues/count says {self._count:,}: "
                "the list does not end; check BACKLOG_URL and what stands between here and there"
            )

    @property
    def _plausible(self) -> int:
        """How many rows of this pass are plausible before the source is asked for the count."""
        return UNDOUBTED + MOST_TIMES * self._count

    def _is_late(self, row: Record) -> bool:
        """Return whether a row was created after the start. It belongs to the next load of changes;
        reading such rows might never end.
        """
        return instant(row, "created") > (
            self._resume.started_at if self._resume else self.started_at
        )

    def _begin(self) -> datetime:
        """Record and return the source's clock at the first answer."""
        self._started = self._started or self._client.server_time
        if self._started is None:
            raise MalformedResponse(
                "GET /issues: the answer has no Date header, which watermarks are taken from"
            )
        return self._started

    def _fresh(self, page: Page) -> Page:
        """Record the ids of a page; return the rows of the window that were not yielded yet in this
        version.
        """
        started = self._begin()
        fresh = []
        # Whether an odd record is in the window is unknown: the merge quarantines it.
        odd = [one for one in page.odd if identity(one) not in self._ids | self._earlier]
        self._ids |= {identity(one) for one in page.odd}
        for row in page:
            row_id = row["id"]
            known = row_id in self._ids or row_id in self._earlier
            self._ids.add(row_id)
            known |= self._resume is not None and self._resume.position.covers(
                instant(row, "created")
            )
            moment = instant(row, "updated")
            # An edit can bring an issue into a window with a start, and a move can bring an unknown
            # issue into a project.
            entered = (
                instant(row, "created")
                if self.window.since is None and row_id in self._earlier
                else moment
            )
            if self._counted is not None and entered >= self._counted - LOOKBACK:
                self._late.add(row_id)
            # An issue that has not changed since the start (with a margin for slow answers) has the
            # same version as before.
            changed = moment >= started - LOOKBACK and self._recent.get(row_id) != moment
            if changed:
                self._recent[row_id] = moment
            if (changed or not known) and self.window.holds(moment):
                fresh.append(row)
        return Page(fresh, odd)


def _older_than(moment: datetime) -> Callable[[Record], bool]:
    return lambda row: instant(row, "updated") < moment

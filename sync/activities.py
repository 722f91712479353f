"""The activity feed: what happened in the space, kept for good, and which issues the other loads
read because of it.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.errors import MalformedResponse, NotFound, PermissionDenied
from resources.backlog.paginator import instant
from resources.backlog.paging import PAGE_SIZE
from resources.records import Page
from resources.warehouse import feed_state
from resources.warehouse.feed_state import FeedState, Gap
from resources.warehouse.quarantine import (
    pending_rejections,
    place_to_retry,
    resolve_rejections,
    resolve_without_id,
)
from sync.activity_pages import merge_activities, store_feed_page, store_past_page, without_projects
from sync.ahead import Ahead
from sync.session import Session
from sync.watermarks import watermarks

#: Activities may become visible late: this much before the last read is read again each time.
OVERLAP = timedelta(minutes=15)
#: The rolling refresh reads this much again, for what became visible later still.
REFRESH_OVERLAP = timedelta(days=3)
#: How long any source keeps activities; nobody documents for how long really.
KEPT = timedelta(days=1)
#: Pages that a load spends on activities in quarantine; the rolling refresh spends what it takes.
RETRY_PAGES = 3


def sync_activities(
    session: Session,
    *,
    refresh: bool = False,
    again_from: int | None = None,
    issues_first: bool = False,
) -> None:
    """Load what is new in the feed; a key that may not read it is noted, the other loads continue
    without hints.

    Args:
        session: the load of `raw/activities`.
        refresh: read the last days again, not only the last minutes.
        again_from: the id of an activity that is read again with all after it, if that is farther
            back.
        issues_first: read what happened before the first look only when the issues of all projects
            are loaded. It takes several times as many requests as they do.

    Raises:
        BacklogError: the feed cannot be read; what was stored before is kept, with how far that
            goes.
        WarehouseError: the warehouse cannot be used.
    """
    # Of the whole space, whatever the run covers: the feed is read for all projects.
    with _refusal_noted(session), session.events.reading("refresh" if refresh else "incremental"):
        _read_feed(
            session,
            refresh=refresh,
            again_from=again_from,
            back=not issues_first or _has_issues(session),
        )


def sync_past_activities(session: Session) -> None:
    """Load what happened before the first look at the feed, which `sync_activities` has left for
    later.

    Raises:
        BacklogError: the feed cannot be read; what was stored before is kept, with how far that
            goes.
        WarehouseError: the warehouse cannot be used.
    """
    with _refusal_noted(session), session.events.reading("incremental"):
        state = _stored_feed_state(session)
        if state is not None and not state.complete:
            _note_feed(session, _backward(session, state))


@contextmanager
def _refusal_noted(session: Session) -> Iterator[None]:
    try:
        yield
    except PermissionDenied as error:
        # Issues are then found by `updated`, comments by the rolling refresh.
        session.log.warning(
            f"{error} Comments that do not move `updated` are then found "
            "only by the rolling refresh."
        )
        session.reporter.notes["refused"] = str(error)


def is_behind(session: Session) -> bool:
    """Say whether the past of the feed is still to be read; False where the key may not read the
    feed.
    """
    state = _stored_feed_state(session)
    return state is not None and not state.complete


def _stored_feed_state(session: Session) -> FeedState | None:
    with session.engine.connect() as connection:
        return feed_state.get_feed(connection, session.space_key)


def _has_issues(session: Session) -> bool:
    return session.visible.keys() <= watermarks(session).keys()


def _read_feed(session: Session, *, refresh: bool, again_from: int | None, back: bool) -> None:
    """Read forward from where the feed stands, then `back` to the beginning as far as that was not
    done.
    """
    state = _stored_feed_state(session)
    if state is None:
        state = _newest_page(session)
    else:
        # The rolling refresh also looks below `stable_id`, where earlier reads expected nothing
        # more to become visible.
        state = replace(state, stable_id=0) if refresh else state
        state = _forward(session, state, REFRESH_OVERLAP if refresh else OVERLAP, again_from)
    if back and not state.complete:
        state = _backward(session, state)
    state = _joined_later(session, state)
    _retry_rejected(session, pages=None if refresh else RETRY_PAGES)
    _note_feed(session, state)


def _note_feed(session: Session, state: FeedState) -> None:
    notes = session.reporter.notes
    notes["load/cursor"] = state.cursor
    notes["load/feed_complete"] = state.complete
    if state.gaps:
        notes["load/retention_gap"] = [
            {"since": gap.since, "until": gap.until} for gap in state.gaps
        ]


def _newest_page(session: Session) -> FeedState:
    """Store the newest page, from which the feed is then read in both directions; without one, all
    there is has been read.
    """
    projects = tuple(
        sorted(session.visible)
    )  # before the feed is read: it covers those that were visible then
    page = next(session.client.activities(order="desc"), Page())
    ids = page.ids
    state = FeedState(
        max(ids, default=0), min(ids, default=0), _now(session), complete=not ids, projects=projects
    )
    store_feed_page(session, page, state, first_look=True)
    return state


def _forward(
    session: Session, state: FeedState, overlap: timedelta, again_from: int | None
) -> FeedState:
    """Store what is new since the last read, oldest first, each page with the cursor that
    it moves.
    """
    with session.engine.connect() as connection:
        after, anchor = feed_state.overlap_from(
            connection, session.space_key, state, state.read_at - overlap, session.visible
        )
    if again_from is not None and after is not None:
        after = min(after, again_from - 1)
    read_before, first = state.read_at, True
    for page in session.client.activities(min_id=after or None, order="asc"):
        now = _now(session)
        newest = max((instant(row, "created") for row in page), default=read_before)
        if first:
            state, first = _notice_trimmed_rows(session, state, anchor, page, now), False
        # A page is as new as its newest row, the last one as new as its answer.
        read_at = max(read_before, min(now, newest))
        cursor = max([state.cursor, *page.ids])
        state = replace(
            state,
            cursor=cursor,
            read_at=read_at,
            stable_id=max(state.stable_id, _stable_id(page, now)),
        )
        state = without_projects(state, store_feed_page(session, page, state))
    now = _now(session)
    if first:
        state = _notice_trimmed_rows(session, state, anchor, Page(), now)
    # Projects that are inaccessible now are read by their own feeds when they come back.
    state = replace(
        state,
        read_at=now,
        projects=tuple(project for project in state.projects if project in session.visible),
    )
    with session.store.transaction() as connection:
        feed_state.set_feed(connection, session.space_key, state)
    return state


def _notice_trimmed_rows(
    session: Session, state: FeedState, anchor: int | None, page: Page, now: datetime
) -> FeedState:
    """Notice that the source has trimmed rows that nobody read.

    The row that should have come first is gone when the source trims. That alone loses nothing:
    only when the last read lies farther back than a source may be trusted to keep rows may some
    have come and gone meanwhile.
    """
    if anchor is None or any(one <= anchor for one in page.ids) or now - state.read_at <= KEPT:
        return state
    until = min((instant(row, "created") for row in page), default=now)
    state = replace(state, gaps=(*state.gaps, Gap(state.read_at.isoformat(), until.isoformat())))
    with session.store.transaction() as connection:
        # Before any page moves the cursor: killed here, the next load finds the gap again.
        asked = feed_state.invalidate_comment_reads(connection, session.space_key)
    session.log.warning(
        f"activities: the source kept none from {state.gaps[-1].since} to {until.isoformat()}, "
        "so some may be missing; "
        f"the comments of {asked} issues are read again"
    )
    return state


def _backward(session: Session, state: FeedState) -> FeedState:
    """Store everything before the oldest known activity, newest first, each page with how far back
    it reaches.
    """
    past = _pages_before(session.client, state.oldest)
    with Ahead(session.client, session.events, past) as pages:
        for page in pages:
            state = replace(state, oldest=min([state.oldest, *page.ids]))
            with pages.meanwhile(page.received):
                store_past_page(session, page, state)
    state = replace(state, complete=True)
    with session.store.transaction() as connection:
        feed_state.set_feed(connection, session.space_key, state)
    return state


def _pages_before(client: BacklogClient, oldest: int) -> Generator[Page, None, None]:
    yield from client.activities(max_id=oldest, order="desc")


def _joined_later(session: Session, state: FeedState) -> FeedState:
    """Read the whole feeds of projects that the reads of the space's feed have not covered: joined
    since, or accessible again.

    A feed that is refused is tried again by the next load; the issues of its project are loaded
    without it.
    """
    for project_id in sorted(set(session.visible) - set(state.projects)):
        key, loaded = session.visible[project_id].key, project_id in watermarks(session)
        with session.engine.connect() as connection:
            oldest = feed_state.get_backward(connection, session.space_key, project_id)
        try:
            for page in session.client.activities(key, max_id=oldest, order="desc"):
                reach = (project_id, min(page.ids)) if page.ids else None
                store_feed_page(session, page, None, first_look=not loaded, project=reach)
        except (NotFound, PermissionDenied) as error:
            session.log.warning(f"{key}: {error}")
            session.reporter.notes["refused"] = str(error)
            continue
        state = replace(state, projects=tuple(sorted({*state.projects, project_id})))
        with session.store.transaction() as connection:
            feed_state.set_backward(connection, session.space_key, project_id, None)
            feed_state.set_feed(connection, session.space_key, state)
    return state


def _retry_rejected(session: Session, pages: int | None) -> None:
    """Read activities in quarantine again, a page from the oldest of them on at a time; those that
    are gone are acknowledged.

    One without an id is looked for next to the activity that it stood next to.
    """
    with session.engine.connect() as connection:
        keys = pending_rejections(connection, session.space_key, session.spec.name)
    for place in sorted({place for key in keys if (place := place_to_retry(key))})[:pages]:
        _look_next_to(session, place)
    waiting = sorted(int(key) for key in keys if key.isdigit())
    while waiting and pages != 0:
        pages = None if pages is None else pages - 1
        page = next(session.client.activities(min_id=waiting[0] - 1 or None, order="asc"), Page())
        reach = max(page.ids) if page.received >= PAGE_SIZE - 1 else waiting[-1]
        tried, waiting = (
            {one for one in waiting if one <= reach},
            [one for one in waiting if one > reach],
        )
        again = Page(
            (row for row in page if row["id"] in tried),
            (one for one in page.odd if one.id in tried),
        )
        store_feed_page(session, again, None)
        # One without an id may be any of them.
        gone = set() if page.lacks_id else tried - page.ids
        with session.store.transaction() as connection:
            resolve_rejections(
                connection, session.space_key, session.spec.name, [str(one) for one in sorted(gone)]
            )


def _look_next_to(session: Session, place: str) -> None:
    """Read the activities behind an id (`>17`), or before it (`<17`), again; acknowledge what has
    an id there now.
    """
    neighbour = int(place[1:])
    pages = (
        session.client.activities(min_id=neighbour)
        if place[0] == ">"
        else session.client.activities(max_id=neighbour, order="desc")
    )
    page = next(pages, Page())
    with session.store.commit(page) as commit:
        result, _ = merge_activities(session, commit, page)
    session.writer.count(result)
    with session.store.transaction() as connection:
        resolve_without_id(
            connection, session.space_key, session.spec.name, still=result.without_id, place=place
        )


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


def _now(session: Session) -> datetime:
    moment = session.client.server_time
    if moment is None:
        raise MalformedResponse(
            "GET /space/activities: the answer has no Date header, so the source's clock is unknown"
        )
    return moment

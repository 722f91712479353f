"""The activity feed: what happened in the space, kept for good, and which issues the other loads
read because of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from resources.backlog.errors import NotFound, PermissionDenied
from resources.warehouse.raw.quarantine import pending_rejections, place_to_retry
from resources.warehouse.state import feed_state
from resources.warehouse.state.feed_state import FeedState, Gap
from sync.activity_reads import (
    OVERLAP,
    read_again,
    read_backward,
    read_forward,
    read_newest,
    read_next_to,
)
from sync.activity_writes import (
    begin_feed,
    cover_project,
    finish_new,
    finish_past,
    store_again,
    store_gap,
    store_new,
    store_next_to,
    store_of_project,
    store_past,
    user_of_joins,
)
from sync.ahead import Ahead
from sync.session import Session
from sync.watermarks import watermarks

#: The rolling refresh reads this much again, for what became visible later still.
REFRESH_OVERLAP = timedelta(days=3)
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
        feed = _stored_feed(session)
        if feed is None:
            _read_newest(session)
        else:
            _read_forward(session, feed, refresh=refresh, again_from=again_from)
        if not issues_first or session.visible.keys() <= watermarks(session).keys():
            _read_past(session)
        _read_joined(session)
        _retry_rejected(session, pages=None if refresh else RETRY_PAGES)
        _note_feed(session)


def sync_past_activities(session: Session) -> None:
    """Load what happened before the first look at the feed, which `sync_activities` has left for
    later.

    Raises:
        BacklogError: the feed cannot be read; what was stored before is kept, with how far that
            goes.
        WarehouseError: the warehouse cannot be used.
    """
    with _refusal_noted(session), session.events.reading("incremental"):
        _read_past(session)
        _note_feed(session)


def is_behind(session: Session) -> bool:
    """Say whether the past of the feed is still to be read; False where the key may not read the
    feed.
    """
    feed = _stored_feed(session)
    return feed is not None and not feed.complete


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


def _stored_feed(session: Session) -> FeedState | None:
    with session.engine.connect() as connection:
        return feed_state.get_feed(connection, session.space_key)


def _note_feed(session: Session) -> None:
    feed, notes = _stored_feed(session), session.reporter.notes
    if feed is None:
        return
    notes["load/cursor"] = feed.cursor
    notes["load/feed_complete"] = feed.complete
    if feed.gaps:
        notes["load/retention_gap"] = [
            {"since": gap.since, "until": gap.until} for gap in feed.gaps
        ]


def _read_newest(session: Session) -> None:
    """Store the newest page, from which the feed is then read in both directions."""
    # Before the feed is read: it covers those that were visible then.
    projects = tuple(sorted(session.visible))
    page, state = read_newest(session.client)
    begin_feed(session, page, replace(state, projects=projects))


def _read_forward(
    session: Session, feed: FeedState, *, refresh: bool, again_from: int | None
) -> None:
    """Store what is new since the last read, oldest first, each page with the cursor that
    it moves.
    """
    if refresh:
        # Also below `stable_id`, where earlier reads expected nothing more to become visible.
        feed = replace(feed, stable_id=0)
    since = feed.read_at - (REFRESH_OVERLAP if refresh else OVERLAP)
    with session.engine.connect() as connection:
        after, anchor = feed_state.overlap_from(
            connection, session.space_key, feed, since, session.visible
        )
    if again_from is not None and after is not None:
        after = min(after, again_from - 1)
    pages = read_forward(session.client, feed, after, anchor)
    with Ahead(session.client, session.events, pages) as read:
        for found in read:  # a page at a time: storing one may ask who the user of the key is
            if isinstance(found, Gap):
                store_gap(session, found)
            else:
                store_new(session, found, user_of_joins(session, found.page))
    finish_new(session, read.end)


def _read_past(session: Session) -> None:
    """Store everything before the oldest known activity, newest first, unless that is done."""
    feed = _stored_feed(session)
    if feed is None or feed.complete:
        return
    pages = read_backward(session.client, feed.oldest)
    with Ahead(session.client, session.events, pages) as read:
        for found in read:
            with read.meanwhile(found.page.received):
                store_past(session, found)
    finish_past(session)


def _read_joined(session: Session) -> None:
    """Read the whole feeds of projects that the reads of the space's feed have not covered: joined
    since, or accessible again.

    A feed that is refused is tried again by the next load; the issues of its project are loaded
    without it.
    """
    feed = _stored_feed(session)
    for project_id in sorted(session.visible.keys() - set(feed.projects if feed else ())):
        key, loaded = session.visible[project_id].key, project_id in watermarks(session)
        with session.engine.connect() as connection:
            oldest = feed_state.get_backward(connection, session.space_key, project_id)
        try:
            for found in read_backward(session.client, oldest, key):
                store_of_project(session, project_id, found, first_look=not loaded)
        except (NotFound, PermissionDenied) as error:
            session.log.warning(f"{key}: {error}")
            session.reporter.notes["refused"] = str(error)
        else:
            cover_project(session, project_id)


def _retry_rejected(session: Session, pages: int | None) -> None:
    """Read activities in quarantine again; those that are gone are acknowledged."""
    with session.engine.connect() as connection:
        keys = pending_rejections(connection, session.space_key, session.spec.name)
    places = {place for key in keys if (place := place_to_retry(key))}
    for page, covered in read_next_to(session.client, places, pages):
        store_next_to(session, page, covered)
    waiting = [int(key) for key in keys if key.isdigit()]
    for found in read_again(session.client, waiting, pages):
        store_again(session, found)

"""How a page of the activity feed is stored: with what its new activities request, and how far the
feed is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, select

from resources.backlog.client_values import Record
from resources.backlog.feed import TEAM_JOINED, USER_JOINED, issue_events, whole
from resources.records import Page
from resources.warehouse.raw.loader import MergeResult
from resources.warehouse.raw.quarantine import resolve_rejections, resolve_without_id
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server.conflicts import retried_on_conflict
from resources.warehouse.state import feed_state
from resources.warehouse.state.feed_state import FeedState, Gap
from resources.warehouse.state.inaccessible import forget_reads, note_accessible
from resources.warehouse.state.locks import free_projects
from sync.activity_reads import Again, FeedPage
from sync.activity_requests import last_comments, register, stored_activities
from sync.change_ids import ChangeIds, known_changes
from sync.session import Session


@contextmanager
def _storing(
    session: Session, page: Page, *, first_look: bool = False
) -> Iterator[tuple[Connection, MergeResult]]:
    """Merge a page and follow what its new activities say, in one transaction with what is written
    inside.

    They request what is to be read. Of comments that were read before their activities came, the
    changes are resolved again: where the issue was then is known only now.
    """
    with session.writer.storing(page) as (commit, result):
        connection, new = commit.connection, _new(page, result)
        # Looked up first: a comment that another load stores after that is requested, whatever is
        # known of it below.
        known = last_comments(connection, session.space_key, new, first_look=first_look)
        comments = {
            event.comment_id
            for row in new
            for event in issue_events(row)
            if event.comment_id is not None
        }
        changes = known_changes(connection, session.space_key, comments)
        if changes:
            resolved = ChangeIds(connection, session.space_key).resolve(connection, changes)
            again = session.writer.for_table("issue_changes").merge(commit, resolved)
            session.log.info(
                f"issue_changes: {len(again.updated)} have other ids by the activities that report "
                "them"
            )
        register(
            connection, session.space_key, new, "activity feed", first_look=first_look, known=known
        )
        yield connection, result


def _new(page: Page, result: MergeResult) -> list[Record]:
    """Return the activities of a page that were not stored before it was merged."""
    inserted = set(result.inserted_ids)
    return [row for row in page if row["id"] in inserted]


@retried_on_conflict
def begin_feed(session: Session, page: Page, state: FeedState) -> None:
    """Store the first page that is ever read, and how far the feed is read with it."""
    with _storing(session, page, first_look=True) as (connection, _):
        feed_state.set_feed(connection, session.space_key, state)


@retried_on_conflict
def store_new(session: Session, found: FeedPage, me: object) -> None:
    """Store a page of what is new, the refetch requests of its new rows, and how far the feed is
    read, in one transaction.

    The user of the key may have joined projects according to the page. They were inaccessible
    before, perhaps in the middle of a read that shows no trace of it: such a read covers neither
    their feed nor their issues.
    """
    with _storing(session, found.page) as (connection, result):
        state = feed_state.change_feed(connection, session.space_key, **found.reach)
        if joined := _joined(session, connection, _new(found.page, result), me):
            covered = tuple(one for one in state.projects if one not in joined)
            feed_state.change_feed(connection, session.space_key, projects=covered)
            _forget_joined(session, connection, joined)


@retried_on_conflict
def store_gap(session: Session, gap: Gap) -> None:
    """Note that the source has trimmed activities unread, and request the comments of all issues.

    Before any page moves the cursor: killed in between, the next load finds the gap again.
    """
    with session.store.transaction() as connection:
        asked = feed_state.invalidate_comment_reads(connection, session.space_key)
        known = feed_state.known_feed(connection, session.space_key).gaps
        others = (one for one in known if one.since != gap.since)
        feed_state.change_feed(connection, session.space_key, gaps=(*others, gap))
    session.log.warning(
        f"activities: the source kept none from {gap.since} to {gap.until}, so some may be "
        f"missing; the comments of {asked} issues are read again"
    )


@retried_on_conflict
def store_past(session: Session, found: FeedPage) -> None:
    """Store a page of what happened before the first look, and how far back the feed is read."""
    with _storing(session, found.page, first_look=True) as (connection, _):
        feed_state.change_feed(connection, session.space_key, **found.reach)


@retried_on_conflict
def store_of_project(
    session: Session, project_id: int, found: FeedPage, *, first_look: bool
) -> None:
    """Store a page of the feed of a project, and how far back that is read."""
    with _storing(session, found.page, first_look=first_look) as (connection, _):
        if found.page.ids:
            feed_state.set_backward(
                connection, session.space_key, project_id, found.reach["oldest"]
            )


@retried_on_conflict
def finish_new(session: Session, read_at: datetime) -> None:
    """Note that all is stored that was visible at an instant, by the source's clock.

    Projects that are inaccessible now are read by their own feeds when they come back.
    """
    with session.store.transaction() as connection:
        state = feed_state.change_feed(connection, session.space_key, read_at=read_at)
        covered = tuple(one for one in state.projects if one in session.visible)
        feed_state.change_feed(connection, session.space_key, projects=covered)


@retried_on_conflict
def finish_past(session: Session) -> None:
    """Note that the beginning of the feed is reached."""
    with session.store.transaction() as connection:
        feed_state.change_feed(connection, session.space_key, complete=True)


@retried_on_conflict
def cover_project(session: Session, project_id: int) -> None:
    """Note that the feed of a project is read to its beginning: the space's feed covers it now."""
    with session.store.transaction() as connection:
        feed_state.set_backward(connection, session.space_key, project_id, None)
        state = feed_state.known_feed(connection, session.space_key)
        covered = tuple(sorted({*state.projects, project_id}))
        feed_state.change_feed(connection, session.space_key, projects=covered)


@retried_on_conflict
def store_again(session: Session, found: Again) -> None:
    """Store activities that were in quarantine, and acknowledge those that are gone."""
    gone = [str(one) for one in sorted(found.gone)]
    with _storing(session, found.page) as (connection, _):
        resolve_rejections(connection, session.space_key, session.spec.name, gone)


@retried_on_conflict
def store_next_to(session: Session, page: Page, places: Iterable[str]) -> None:
    """Store activities next to some without an id; acknowledge what has an id there now."""
    with _storing(session, page) as (connection, result):
        for place in places:
            resolve_without_id(
                connection,
                session.space_key,
                session.spec.name,
                still=result.without_id,
                place=place,
            )


def _forget_joined(session: Session, connection: Connection, joined: set[int]) -> None:
    """Forget what was read of projects without access to them.

    They are read whole now, and the next load of projects must not ask for that again. But where a
    load of issues is at work, it began without access and will say that it has read all: there the
    next load must ask.
    """
    visible = session.visible
    free = free_projects(connection, session.space_key, "issues", joined & visible.keys())
    back = note_accessible(connection, free, space_key=session.space_key, run_id=session.run_id)
    forget_reads(connection, joined, space_key=session.space_key)
    if back:
        session.reporter.notes["projects_accessible_again"] = ", ".join(
            visible[one].key for one in back
        )


def user_of_joins(session: Session, page: Page) -> object:
    """Return the id of the user of the key where a page reports joins that are not stored yet, else
    None: only they ask who that is.
    """
    joins = [row["id"] for row in page if row.get("type") in (USER_JOINED, TEAM_JOINED)]
    if not joins:
        return None
    with session.engine.connect() as connection:
        stored = stored_activities(connection, session.space_key, joins)
    return session.client.myself().get("id") if {*joins} - stored else None


def _joined(
    session: Session, connection: Connection, new: Sequence[Record], me: object
) -> set[int]:
    """Return the projects that the user of the key, or a team that may hold him, has joined
    according to new activities.
    """
    joins = [row for row in new if row.get("type") in (USER_JOINED, TEAM_JOINED)]
    found = set()
    for row in joins:
        content, project = row.get("content"), row.get("project")
        users = content.get("users") if isinstance(content, dict) else None
        names_me = isinstance(users, list) and any(
            isinstance(user, dict) and user.get("id") == me for user in users
        )
        holds_me = row["type"] == TEAM_JOINED and _may_hold(session, connection, content, me)
        project_id = whole(project.get("id")) if isinstance(project, dict) else None
        if project_id is not None and (names_me or holds_me):
            found.add(project_id)
    return found


def _may_hold(session: Session, connection: Connection, content: object, user: object) -> bool:
    """Say whether a user may be in one of the teams that an activity names: he is stored as a
    member of one, or one of them is not known.
    """
    parties = content.get("parties") if isinstance(content, dict) else None
    named = (
        [whole(one.get("id")) if isinstance(one, dict) else None for one in parties]
        if isinstance(parties, list)
        else []
    )
    teams = SPECS["teams"].table.c
    query = select(teams.id, teams.member_ids).where(
        teams.space_key == session.space_key,
        teams.id.in_(named),
        teams.deleted_at.is_(None),
        teams.member_ids.is_not(None),
    )
    known = {int(team): set(members) for team, members in connection.execute(query)}
    return not named or any(team is None or user in known.get(team, {user}) for team in named)

"""How a page of the activity feed is stored: with what its new activities request, and how far the
feed is read.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from resources.backlog.client_values import Record
from resources.backlog.feed import TEAM_JOINED, USER_JOINED, issue_events, whole
from resources.records import Page
from resources.warehouse import feed_state
from resources.warehouse.feed_state import FeedState
from resources.warehouse.inaccessible import forget_reads, note_accessible
from resources.warehouse.loader import MergeResult
from resources.warehouse.locks import free_projects
from resources.warehouse.schema import SPECS
from sync.activity_requests import last_comments, register
from sync.change_ids import ChangeIds, known_changes
from sync.session import Session
from sync.store import Commit


def merge_activities(
    session: Session, commit: Commit, page: Page, *, first_look: bool = False
) -> tuple[MergeResult, list[Record]]:
    """Merge a page, and follow what its new activities say; return what the merge did, and the new
    activities.

    They request what is to be read. Of comments that were read before their activities came, the
    changes are resolved again: where the issue was then is known only now.
    """
    connection = commit.connection
    result = session.writer.merge(commit, page)
    inserted = set(result.inserted_ids)
    new = [row for row in page if row["id"] in inserted]
    # Looked up first: a comment that another load stores after that is requested, whatever is known
    # of it below.
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
            f"issue_changes: {len(again.updated)} have other ids by the activities that report them"
        )
    register(
        connection, session.space_key, new, "activity feed", first_look=first_look, known=known
    )
    return result, new


def store_past_page(session: Session, page: Page, state: FeedState) -> None:
    """Store a page of what happened before the first look, and how far back the feed is read."""
    with session.store.commit(page) as commit:
        result, _ = merge_activities(session, commit, page, first_look=True)
        feed_state.set_feed(commit.connection, session.space_key, state)
    session.writer.count(result)


def store_feed_page(
    session: Session,
    page: Page,
    state: FeedState | None,
    *,
    first_look: bool = False,
    project: tuple[int, int] | None = None,
) -> set[int]:
    """Store a page, the refetch requests of its new rows, and how far the feed is read, in one
    transaction.

    Return the projects that the user of the key has joined according to the page. They were
    inaccessible before, perhaps in the middle of a read that shows no trace of it: such a read
    covers neither their feed nor their issues.
    """
    joined: set[int] = set()
    with session.store.commit(page) as commit:
        connection = commit.connection
        result, new = merge_activities(session, commit, page, first_look=first_look)
        if state is not None:
            if not first_look:
                joined = _joined(session, connection, new)
                # These projects are read whole now, and the next load of projects must not ask for
                # that again. But where a load of issues is at work, it began without access and
                # will say that it has read all: there the next load must ask.
                free = free_projects(
                    connection, session.space_key, "issues", joined & session.visible.keys()
                )
                back = note_accessible(
                    connection, free, space_key=session.space_key, run_id=session.run_id
                )
                forget_reads(connection, joined, space_key=session.space_key)
                if back:
                    session.reporter.notes["projects_accessible_again"] = ", ".join(
                        session.visible[one].key for one in back
                    )
            feed_state.set_feed(connection, session.space_key, without_projects(state, joined))
        if project is not None:
            feed_state.set_backward(connection, session.space_key, *project)
    session.writer.count(result)
    return joined


def without_projects(state: FeedState, projects: Collection[int]) -> FeedState:
    """Return a state by which projects are not covered, so that their own feeds are read."""
    return replace(
        state, projects=tuple(project for project in state.projects if project not in projects)
    )


def _joined(session: Session, connection: Connection, new: Sequence[Record]) -> set[int]:
    """Return the projects that the user of the key, or a team that may hold him, has joined
    according to new activities.
    """
    joins = [row for row in new if row.get("type") in (USER_JOINED, TEAM_JOINED)]
    me = session.client.myself().get("id") if joins else None
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
    """Say whether a user may be in one of the teams that an activity names: he is, as far as is
    stored, or one is not known.
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

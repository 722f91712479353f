"""The refetch requests that follow from activities, and which activities are not stored yet."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Engine, select

from resources.backlog.client_values import Record
from resources.backlog.feed import IssueEvent, issue_events, whole
from resources.warehouse.raw.quarantine import pending_rejections
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state import feed_state
from resources.warehouse.state.refetch_requests import RefetchRequest, request_refetch
from resources.warehouse.state.schema_ops_records import issue_sync_state

#: A comment of which only the issue is known: from the last known one on.
NEW_COMMENTS = 2**62


def register(
    connection: Connection,
    space_key: str,
    new: Sequence[Record],
    source: str,
    *,
    first_look: bool = False,
    known: Mapping[int, int] | None = None,
) -> int:
    """Request the issues and comments that these activities concern, and return how many issues
    that are.

    A comment that is known already, because its issue was read after it was written, is not read
    again for its own activity.

    Args:
        connection: inside the transaction that stores the activities.
        space_key: the space.
        new: activities that were not stored before.
        source: where they come from, for the evidence.
        first_look: they happened before the feed was first looked at. Then issues are read for
            other reasons, and only an issue whose comments were read before, while the feed was
            refused perhaps, may have one that no other load finds.
        known: what `last_comments` has returned for them.
    """
    found = []
    for activity in new:
        # What a webhook calls an id may be anything.
        by = f"{source}: activity {whole(activity.get('id')) or '?'}"
        found += [(event, by) for event in issue_events(activity)]
    known = (
        last_comments(connection, space_key, new, first_look=first_look) if known is None else known
    )
    refetch_requests = []
    for event, by in found:
        if first_look and (event.comment_id is None or event.issue_id not in known):
            continue
        start = _from(event, known.get(event.issue_id, 0))
        row = event.row and not first_look
        if row or start is not None:
            refetch_requests.append(
                RefetchRequest(event.issue_id, event.project_id, by, comments_from=start, issue=row)
            )
    if refetch_requests:
        request_refetch(connection, space_key, refetch_requests)
    return len({one.issue_id for one in refetch_requests})


def _from(event: IssueEvent, last_comment: int) -> int | None:
    if event.comment_id is None:
        return NEW_COMMENTS
    return event.comment_id if event.changed or event.comment_id > last_comment else None


def last_comments(
    connection: Connection, space_key: str, new: Sequence[Record], *, first_look: bool = False
) -> dict[int, int]:
    """Return the last known comment of each issue that these activities concern; at a `first_look`
    of those read before only.
    """
    issues = {event.issue_id for activity in new for event in issue_events(activity)}
    reads = issue_sync_state.c
    query = select(reads.issue_id, reads.last_comment_id).where(
        reads.space_key == space_key, reads.issue_id.in_(issues)
    )
    if first_look:
        query = query.where(reads.updated_at.is_not(None))
    return {int(issue): int(last or 0) for issue, last in connection.execute(query)}


def stored_activities(connection: Connection, space_key: str, ids: Collection[int]) -> set[int]:
    """Return which of these activities are stored, so that their refetch requests were stored with
    them.
    """
    columns = SPECS["activities"].table.c
    return set(
        connection.execute(
            select(columns.id).where(columns.space_key == space_key, columns.id.in_(ids))
        ).scalars()
    )


def unknown_activities(
    engine: Engine, space_key: str, page: Sequence[Record]
) -> list[Record] | None:
    """Return those of the activities that are not stored; None while the feed was never loaded.

    Those in quarantine are left out: reading them again here does not help, and each load tries
    them again.
    """
    with engine.connect() as connection:
        if feed_state.get_feed(connection, space_key) is None:
            return None
        known = {
            str(one)
            for one in stored_activities(connection, space_key, [int(row["id"]) for row in page])
        }
        known.update(pending_rejections(connection, space_key, "activities"))
    return [row for row in page if str(row["id"]) not in known]

"""Whoever writes `ops.issue_sync_state` locks rows in the order of their issues, whatever order
they were given or stored in: none is locked before a lower one.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from resources.warehouse.raw.tombstones import mark_issues_deleted, mark_project_deleted
from resources.warehouse.state.feed_state import invalidate_comment_reads
from resources.warehouse.state.issue_sync_state import (
    CommentRead,
    finish_comments,
    put_off_refresh,
    reach_comments,
)
from resources.warehouse.state.refetch_requests import (
    QUARANTINE,
    RefetchRequest,
    RequestedIssue,
    acknowledge_issues,
    request_refetch,
)
from tests.resources.warehouse.reading import AT, FIRST, SECOND, Reads
from tests.waiting import eventually

FOUND: dict[str, Any] = {"space_key": "acme", "evidence": "nobody has it", "run_id": "run-2"}
WHOLE = [CommentRead(one, 300, AT, 640_010, 0, 0, 0) for one in (FIRST, SECOND)]
#: What marks the issue that comes second, whose child comes first.
PARENT_OF_FIRST = f"UPDATE raw.issues SET parent_issue_id = {SECOND} WHERE id = {FIRST}"


def store_comments(conn: Connection, space_key: str) -> None:
    """Write what is noted of issues when the whole read of the first one goes on, and a comment of
    it could not be stored.
    """
    reach_comments(conn, space_key, WHOLE[0], 640_011)
    finish_comments(conn, space_key, [(WHOLE[1], 640_011)])
    request_refetch(conn, space_key, [RefetchRequest(FIRST, 300, QUARANTINE, 640_011)])


def delete_parent(conn: Connection, _space_key: str) -> None:
    conn.execute(text(PARENT_OF_FIRST))
    mark_issues_deleted(conn, [SECOND], **FOUND)


WRITERS: dict[str, Callable[[Connection, str], object]] = {
    "requests": lambda conn, space: request_refetch(
        conn, space, [RefetchRequest(one, 300, "x", 1) for one in (SECOND, FIRST)]
    ),
    "acknowledgements": lambda conn, space: acknowledge_issues(
        conn, space, [RequestedIssue(one, 300, 0, "") for one in (SECOND, FIRST)]
    ),
    "refused refreshes": lambda conn, space: put_off_refresh(conn, space, WHOLE[::-1]),
    "comments": store_comments,
    "a gap in the feed": invalidate_comment_reads,
    "a deleted parent": delete_parent,
    "a deleted parent of a child that is not noted": delete_parent,
    "a deleted project": lambda conn, _: mark_project_deleted(conn, [300], **FOUND),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_row_is_locked_before_a_lower_one(read: Reads, name: str) -> None:
    again = (
        "INSERT INTO ops.issue_sync_state (space_key, issue_id, project_id, updated_at, "
        f"last_comment_id) VALUES ('acme', {FIRST}, 300, now(), 640010)"
    )
    read.change(f"DELETE FROM ops.issue_sync_state WHERE issue_id = {FIRST}")
    if not name.endswith("not noted"):
        read.change(again)  # behind the higher one, where a scan meets it last
    with ThreadPoolExecutor(1) as pool, read.engine.connect() as holder:
        holder.execute(
            text(
                f"{again} ON CONFLICT (space_key, issue_id) "
                "DO UPDATE SET project_id = excluded.project_id"
            )
        )
        begun = pool.submit(read.call, WRITERS[name])
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with read.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as look:
            eventually(lambda: bool(look.execute(waiting).scalar_one()) or begun.done())
            assert not begun.done(), "it does not need the lower row"
            free = text(
                "SELECT count(*) FROM (SELECT FROM ops.issue_sync_state "
                f"WHERE issue_id = {SECOND} FOR UPDATE SKIP LOCKED) AS free"
            )
            assert look.execute(free).scalar_one() == 1, "the higher row is locked already"
        holder.rollback()
        begun.result(60)

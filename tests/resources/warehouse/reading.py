"""What the tests of `reads.py` act with: its functions on a database, each in a transaction of its
own.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from resources.warehouse.state.issue_sync_state import (
    CommentRead,
    finish_comments,
    pending_comments,
)
from resources.warehouse.state.refetch_requests import (
    RefetchRequest,
    RequestedIssue,
    request_refetch,
    requested_issues,
)
from tests.databases import execute

FIRST, SECOND, THIRD = 90_001, 90_002, 90_003
#: The last change of each, and a later one.
AT = datetime(2026, 8, 2, 1, tzinfo=UTC)
MOVED = "2026-08-03T01:00:00Z"


class Reads:
    """The functions under test, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def call(
        self, function: Callable[..., Any], *arguments: Any, space: str = "acme", **options: Any
    ) -> Any:
        with self.engine.begin() as conn:
            return function(conn, space, *arguments, **options)

    def request_refetch(
        self,
        issue_id: int,
        comments_from: int | None = None,
        *,
        issue: bool = False,
        by: str = "activity 1",
    ) -> None:
        self.call(request_refetch, [RefetchRequest(issue_id, 300, by, comments_from, issue)])

    def pending(self, *projects: int) -> list[CommentRead]:
        found: list[CommentRead] = self.call(pending_comments, projects or (300, 301))
        return found

    def starts(self, *projects: int) -> dict[int, int]:
        return {read.issue_id: read.from_id for read in self.pending(*projects)}

    def requested(self, *, comments_too: bool = False) -> list[RequestedIssue]:
        found: list[RequestedIssue] = self.call(
            requested_issues, (300, 301), comments_too=comments_too
        )
        return found

    def finish(self, reads: Sequence[CommentRead], last_comment_id: int = 640_010) -> None:
        for read in reads:
            self.call(finish_comments, [(read, last_comment_id)])

    def change(self, sql: str) -> None:
        execute(self.engine, sql)

    def entry(self, issue_id: int) -> Any:
        with self.engine.begin() as conn:
            return (
                conn.execute(
                    text("SELECT * FROM ops.issue_sync_state WHERE issue_id = :id"),
                    {"id": issue_id},
                )
                .mappings()
                .one()
            )

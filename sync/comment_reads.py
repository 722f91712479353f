"""How the comments of issues are read: asked for issue by issue, and put together to batches that
are stored together. Nothing here knows what is stored, or stores.
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from resources.backlog.client import BacklogClient
from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    NotFound,
    PermanentError,
    Unavailable,
)
from resources.backlog.paging import PAGE_SIZE
from resources.records import Odd, Page
from resources.warehouse.state.issue_sync_state import CommentRead

#: After so many issues in a row that cannot be read, the others of their project are left to the
#: next load: then it is not a fault of the issue.
GIVE_UP_AFTER = 3
#: The most rows, and parts, that are stored together, unless a single page has more rows. A kill
#: loses three things: the page that comes in, what waits and what is being stored. So each may be a
#: third of the hundred rows that may be read again.
ROWS, PARTS = 33, 25


@dataclass(frozen=True)
class DueRead:
    """A read that is due, and the stored comments of its issue; those that it does not meet are
    gone. None are given where it does not read the issue whole.
    """

    read: CommentRead
    known: Collection[int] = ()


@dataclass(frozen=True)
class Part:
    """A page of the comments of an issue.

    `last` is the highest id of a comment so far, `seen` are all ids of this read so far. `gone` are
    the stored comments that the read has not met, known at its end only; None while it goes on.
    `without_id`: it has met a comment without an id; that may be any, so that none is known to be
    gone.
    """

    read: CommentRead
    page: Page
    last: int
    seen: frozenset[int] = frozenset()
    gone: frozenset[int] | None = None
    without_id: bool = False

    @property
    def odd(self) -> list[Odd]:
        """The odd comments, which are found again by reading the issue."""
        return [replace(one, place=str(self.read.issue_id)) for one in self.page.odd]


@dataclass(frozen=True)
class Batch:
    """Parts that are stored together."""

    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """How many comments they have."""
        return sum(len(part.page) for part in self.parts)


@dataclass(frozen=True)
class Refused:
    """A read of an issue that failed; the others go on."""

    read: CommentRead
    error: BacklogError


@dataclass(frozen=True)
class Failing:
    """How the reads of a project fail.

    `in_a_row`: so many of the last issues could not be read. `away`: the source was not available
    for the last issue that was asked for, of whichever project. `left`: the reads that were
    refused, or not tried any more. `error`: not the issue has failed, so the load ends.
    """

    in_a_row: int = 0
    away: bool = False
    left: tuple[CommentRead, ...] = ()
    error: BacklogError | None = None


def read_comments(
    client: BacklogClient, due: Sequence[DueRead], before: Failing
) -> Generator[Batch | Refused, None, Failing]:
    """Read the comments of issues of one project, and yield them in batches; one issue that fails
    does not keep the others from it.

    Args:
        client: where they are read.
        due: the reads, in their order.
        before: how the reads before these have failed.

    Returns:
        how these have failed.

    Raises:
        BacklogError: the key is refused; or the source is not available for a second issue in a
            row, so it is not the issue. What was read before is yielded first.
    """
    end, parts = before, list[Part]()
    for found in _issue_by_issue(client, due, before):
        if isinstance(found, Failing):
            end = found
        elif isinstance(found, Refused):
            yield found
        else:
            if parts and Batch((*parts, found)).rows > ROWS:
                yield Batch(tuple(parts))
                parts = []
            parts.append(found)
            if len(parts) == PARTS or Batch(tuple(parts)).rows >= ROWS:
                yield Batch(tuple(parts))
                parts = []
    if parts:
        yield Batch(tuple(parts))
    if end.error is not None:
        raise end.error
    return end


def _issue_by_issue(
    client: BacklogClient, due: Sequence[DueRead], before: Failing
) -> Iterator[Part | Refused | Failing]:
    """Yield what each issue gives, and at the end how the reads have failed."""
    in_a_row, away, left = before.in_a_row, before.away, list[CommentRead]()
    for one in due:
        if in_a_row == GIVE_UP_AFTER:
            left.append(one.read)
            continue
        away_before, away = away, False
        try:
            yield from _parts(client, one)
            in_a_row = 0
        except NotFound as error:
            in_a_row = 0
            yield Refused(one.read, error)
        except BacklogError as error:
            away = isinstance(error, Unavailable)
            of_issue = isinstance(error, PermanentError | Unavailable)
            if isinstance(error, AuthenticationError) or not of_issue or (away and away_before):
                yield Failing(error=error)
                return
            in_a_row += 1
            left += [] if away else [one.read]
            yield Refused(one.read, error)
    yield Failing(in_a_row, away, tuple(left))


def _parts(client: BacklogClient, due: DueRead) -> Iterator[Part]:
    """Yield the pages of an issue; the last one says what is gone, and is empty where only that
    shows the end.
    """
    read, known = due.read, frozenset(due.known)
    so_far, finished = Part(read, Page(), read.last_comment_id), False
    for page in client.comments(read.issue_id, min_id=read.from_id or None, order="asc"):
        finished = page.received < PAGE_SIZE - 1
        seen = so_far.seen | page.ids
        so_far = Part(
            read,
            page,
            max([so_far.last, *page.ids]),
            seen,
            known - seen if finished else None,
            so_far.without_id or page.lacks_id,
        )
        yield so_far
    if not finished:
        yield replace(so_far, page=Page(), gone=known - so_far.seen)

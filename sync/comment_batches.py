"""How comments and their changes are stored: the answers for several issues together, with how far
each issue is read.

They are stored while the next answers are under way. What waits and what is being stored is read
again when a load is killed.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from sqlalchemy import Connection, func, select, update

from resources.backlog.changelog import changes_of
from resources.backlog.client_values import Record
from resources.backlog.feed import whole
from resources.records import Odd, Page
from resources.warehouse import issue_sync_state as reads
from resources.warehouse.issue_sync_state import CommentRead
from resources.warehouse.loader import MergeResult
from resources.warehouse.quarantine import open_places, resolve_rejections, resolve_without_id
from resources.warehouse.refetch_requests import QUARANTINE, RefetchRequest, request_refetch
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops_records import rejected_records
from resources.warehouse.tombstones import hold_issues, mark_comments_deleted
from sync.change_ids import ChangeIds
from sync.counts import Counts
from sync.session import Session
from sync.store import Commit
from sync.tally import Cell, CommentTally
from sync.write_behind import WriteBehind
from sync.writer import Writer

#: The most rows, and parts, that are stored together, unless a single page has more rows. A kill
#: loses three things: the page that comes in, what waits and what is being stored. So each may be a
#: third of the hundred rows that may be read again.
ROWS, PARTS = 33, 25


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
    seen: set[int]
    gone: set[int] | None
    without_id: bool = False

    @property
    def odd(self) -> list[Odd]:
        """The odd comments, which are found again by reading the issue."""
        return [replace(one, place=str(self.read.issue_id)) for one in self.page.odd]


class Batch:
    """Parts that are read and not stored yet; those that are stored are counted."""

    def __init__(
        self, session: Session, changes: Writer, ids: ChangeIds, behind: WriteBehind[int]
    ) -> None:
        self._behind = behind
        self._tally = CommentTally()
        self._session = session
        self._comments = session.writer
        self._changes = changes
        self._ids = ids
        self._parts: list[Part] = []
        self._quarantined = _quarantined(session)

    def add(self, part: Part) -> None:
        """Take a part; begin to store those that wait when they are too many, or would be
        with it.
        """
        if _count_comments(self._parts) + len(part.page) > ROWS:
            self._begin()
        self._parts.append(part)
        if len(self._parts) >= PARTS or _count_comments(self._parts) >= ROWS:
            self._begin()

    def store(self) -> None:
        """Store all that wait; return when it is done."""
        self._begin()
        self._show(self._behind.wait())

    def take_tally(self, without: Set[Cell] = frozenset()) -> CommentTally:
        """Return what was stored and not returned yet, except what is kept for a later call; call
        it after `store`.
        """
        tally, self._tally = self._tally.split(without)
        return tally

    def _begin(self) -> None:
        # In the order in which others lock what is noted of issues, so that two at once cannot
        # deadlock.
        parts, self._parts = sorted(self._parts, key=lambda part: part.read.issue_id), []
        if parts:
            self._show(
                self._behind.begin(
                    partial(self._store, parts),
                    rows if (rows := _count_comments(parts)) > ROWS else None,
                )
            )

    def _show(self, finished: Sequence[int]) -> None:
        """Show how many issues are stored, here and not in the middle of a wait for an answer."""
        if any(finished):
            self._session.events.advanced(sum(finished))

    def _store(self, parts: Sequence[Part]) -> int:
        """Store parts with their changes and how far their issues are read, in one transaction;
        return how many issues end here.
        """
        space_key = self._session.space_key
        with self._session.store.commit(_page_of(parts)) as commit:
            connection = commit.connection
            held = hold_issues(
                connection, [part.read.issue_id for part in parts], space_key=space_key
            )
            # One that was marked as deleted meanwhile was so with all that hangs on it.
            present = [part for part in parts if part.read.issue_id in held]
            self._let_move(connection, present)
            results = [(group, self._merge(commit, group)) for group in _groups(present)]
            changed = [self._merge_changes(commit, group, result) for group, result in results]
            unresolved = any(result.unresolved for _, result in results)
            open_issues = (
                open_places(connection, space_key, self._session.spec.name)
                if unresolved
                else set[str]()
            )
            # Rows of comments are locked before what is noted of their issues, as other loads do
            # it.
            marked = {id(part): self._mark(connection, part) for part in present}
            self._reach(connection, present)
            for part in present:
                self._acknowledge(connection, part, open_issues)
            request_refetch(
                connection,
                space_key,
                [
                    request
                    for group, result in results
                    for request in _retry_requests(group, result)
                ],
            )
        for (group, result), (keys, found) in zip(results, changed, strict=True):
            cells: dict[tuple[int, ...], Cell] = {
                (one,): cell
                for part, cell in zip(group, map(self._cell, group), strict=True)
                for one in part.page.ids
            }
            self._count(self._comments, self._tally.comments, cells, result)
            self._count(self._changes, self._tally.changes, keys, found)
        for part in parts:
            comments, changes = marked.get(id(part), (0, 0))
            self._count_deleted(self._comments, self._tally.comments, self._cell(part), comments)
            self._count_deleted(self._changes, self._tally.changes, self._cell(part), changes)
            if part.gone is not None:
                self._tally.issues[self._cell(part)] += 1
        return sum(part.gone is not None for part in parts)

    def _cell(self, part: Part) -> Cell:
        """Return the partition of the issue of a part."""
        return part.read.project_id, self._session.calendar.month_of(part.read.updated_at)

    def _let_move(self, connection: Connection, parts: Sequence[Part]) -> None:
        """Let the comments that another project had be written again, whatever they say of it:
        their issue has moved.
        """
        comments = self._session.spec.table
        for part in parts:
            if part.read.from_id == 0 and part.read.last_comment_id:
                of_another = (
                    comments.c.space_key == self._session.space_key,
                    comments.c.issue_id == part.read.issue_id,
                    comments.c.project_id != part.read.project_id,
                )
                connection.execute(update(comments).where(*of_another).values(content_hash=""))

    def _merge(self, commit: Commit, group: Sequence[Part]) -> MergeResult:
        extra = {"issue_id": group[0].read.issue_id, "project_id": group[0].read.project_id}
        return self._comments.merge(commit, _page_of(group), extra)

    def _merge_changes(
        self, commit: Commit, group: Sequence[Part], result: MergeResult
    ) -> tuple[dict[tuple[int, ...], Cell], MergeResult]:
        """Store the changes of the comments, also of those that are as they were: more names may be
        known now.

        Return the partition of each change with what became of them.
        """
        refused = set(result.rejected_ids)
        changes: list[Record] = []
        cells: dict[tuple[int, ...], Cell] = {}
        for part in group:
            cell = self._cell(part)
            for row in part.page:
                if row["id"] in refused:
                    continue
                # Where a comment says its project it is believed, as for the comment itself: the
                # issue may have moved. Names are looked up as they are stored, masked.
                for change in changes_of(
                    commit.mask(row),
                    part.read.issue_id,
                    whole(row.get("projectId")) or part.read.project_id,
                ):
                    changes.append(change)
                    cells[row["id"], change["position"]] = cell
        return cells, self._changes.merge(
            commit, self._ids.resolve(commit.connection, changes) if changes else []
        )

    def _reach(self, connection: Connection, parts: Sequence[Part]) -> None:
        """Say how far issues are read, in their order, so that others who lock them in that order
        cannot deadlock with this.
        """
        space_key = self._session.space_key
        for finished, some in groupby(parts, key=lambda part: part.gone is not None):
            read = [(part.read, part.last) for part in some]
            if finished:
                reads.finish_comments(connection, space_key, read)
            else:
                for one, last in read:
                    reads.reach_comments(connection, space_key, one, last)

    def _acknowledge(
        self, connection: Connection, part: Part, open_issues: Collection[str]
    ) -> None:
        """Close what a whole read of an issue would have met; `open_issues` are those with comments
        without an id in quarantine.
        """
        space_key, read = self._session.space_key, part.read
        if part.gone is None or part.without_id:
            return
        if read.from_id == 0 and str(read.issue_id) in open_issues:
            resolve_without_id(
                connection, space_key, self._session.spec.name, still=(), place=str(read.issue_id)
            )
        unmet = [
            one
            for one in self._quarantined.get(read.issue_id, ())
            if one > read.from_id and one not in part.seen
        ]
        if unmet:
            resolve_rejections(
                connection, space_key, self._session.spec.name, [str(one) for one in unmet]
            )

    def _mark(self, connection: Connection, part: Part) -> tuple[int, int]:
        """Mark comments that a whole read did not meet; return how many they and their
        changes are.
        """
        gone = part.gone
        if not gone or part.without_id:
            return 0, 0
        changes = self._changes.spec.table.c
        query = select(func.count()).where(
            changes.space_key == self._session.space_key,
            changes.comment_id.in_(gone),
            changes.deleted_at.is_(None),
        )
        count = int(connection.execute(query).scalar_one())
        marked = mark_comments_deleted(
            connection,
            gone,
            space_key=self._session.space_key,
            evidence=f"issue re-read: GET /issues/{part.read.issue_id}/comments no longer lists it",
            run_id=self._session.run_id,
        )
        return len(marked), count

    def _count(
        self,
        writer: Writer,
        counted: dict[Cell, Counts],
        cells: Mapping[tuple[int, ...], Cell],
        result: MergeResult,
    ) -> None:
        inserted, updated, rejected = (
            set(result.inserted),
            set(result.updated),
            set(result.rejected_ids),
        )
        for key, cell in cells.items():
            what = "inserted" if key in inserted else "updated" if key in updated else "unchanged"
            if what == "unchanged" and key[-1] in rejected:
                what = "rejected"
            counted[cell] += Counts(read=1, **{what: 1})
        writer.count(result, as_progress=False)

    def _count_deleted(
        self, writer: Writer, counted: dict[Cell, Counts], cell: Cell, rows: int
    ) -> None:
        if rows:
            counted[cell] += Counts(deleted=rows)
            writer.count_deleted(rows)


def _count_comments(parts: Sequence[Part]) -> int:
    return sum(len(part.page) for part in parts)


def _page_of(parts: Sequence[Part]) -> Page:
    return Page(
        (row for part in parts for row in part.page), (odd for part in parts for odd in part.odd)
    )


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    """Return parts that can be merged together: all whose comments say themselves where they
    belong, and each other one alone.
    """
    plain: list[Part] = []
    alone: list[Part] = []
    for part in parts:
        says = not part.page.odd and all(
            whole(row.get("issueId")) and whole(row.get("projectId")) for row in part.page
        )
        (plain if says else alone).append(part)
    return [*([plain] if plain else []), *([part] for part in alone)]


def _retry_requests(group: Sequence[Part], result: MergeResult) -> list[RefetchRequest]:
    """Let each load try again to read the comments that could not be stored."""
    refused = set(result.rejected_ids)
    refetch_requests = []
    for part in group:
        # One without an id may be any comment of the issue.
        first = 0 if part.page.lacks_id else min(refused & part.page.ids, default=None)
        if first is not None:
            refetch_requests.append(
                RefetchRequest(
                    part.read.issue_id, part.read.project_id, QUARANTINE, comments_from=first
                )
            )
    return refetch_requests


def _quarantined(session: Session) -> dict[int, set[int]]:
    """Return issue -> its comments in quarantine, as far as they say their issue; those of deleted
    issues are acknowledged.
    """
    entry, issues = rejected_records.c, SPECS["issues"].table.c
    query = select(entry.payload).where(
        entry.space_key == session.space_key,
        entry.table_name == session.spec.name,
        entry.reason == "rejected",
        entry.resolved_at.is_(None),
    )
    found: dict[int, set[int]] = defaultdict(set)
    with session.engine.connect() as connection:
        for payload in connection.execute(query).scalars():
            record = json.loads(payload)
            if not isinstance(record, dict):
                continue
            issue, comment = (whole(record.get(name)) for name in ("issueId", "id"))
            if issue is not None and comment is not None:
                found[issue].add(comment)
    if found:
        deleted = select(issues.id).where(
            issues.space_key == session.space_key,
            issues.id.in_(found),
            issues.deleted_at.is_not(None),
        )
        with session.store.transaction() as connection:
            gone = [
                str(comment)
                for issue in connection.execute(deleted).scalars()
                for comment in found.pop(issue)
            ]
            resolve_rejections(connection, session.space_key, session.spec.name, gone)
    return found

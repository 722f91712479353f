"""How comments and their changes are stored: the answers for several issues together, with how far
each issue is read.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

from sqlalchemy import Connection, func, select, update

from resources.backlog.changelog import changes_of
from resources.backlog.client_values import Record
from resources.backlog.feed import whole
from resources.records import Page
from resources.warehouse.raw.loader import MergeResult
from resources.warehouse.raw.quarantine import open_places, resolve_rejections, resolve_without_id
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import hold_issues, mark_comments_deleted
from resources.warehouse.server.conflicts import retried_on_conflict
from resources.warehouse.state import issue_sync_state as reads
from resources.warehouse.state.refetch_requests import QUARANTINE, RefetchRequest, request_refetch
from resources.warehouse.state.schema_ops_records import rejected_records
from sync.change_ids import ChangeIds
from sync.comment_reads import Batch, Part
from sync.counts import Counts
from sync.session import Session
from sync.store import Commit
from sync.tally import Cell, CommentFigures
from sync.writer import Writer


@dataclass(frozen=True)
class CommentWriter:
    """Stores the comments of issues, with the changes that they report.

    `quarantined`: issue -> its comments in quarantine, when the load began.
    """

    session: Session
    changes: Writer
    ids: ChangeIds
    quarantined: Mapping[int, Collection[int]]

    @classmethod
    def begin(cls, session: Session, changes: Writer) -> Self:
        """Return one for a load, which knows what was in quarantine before it."""
        with session.engine.connect() as connection:
            ids = ChangeIds(connection, session.space_key)
        return cls(session, changes, ids, _quarantined(session))

    @retried_on_conflict
    def store(self, batch: Batch) -> dict[Cell, CommentFigures]:
        """Store a batch with its changes and how far its issues are read, in one transaction;
        return what that did, by the project and month of the issues.

        Raises:
            WarehouseError: the server refused, or the locks of the load are lost; then nothing was
                written.
        """
        space_key = self.session.space_key
        # In the order in which others lock what is noted of issues, so that two at once cannot
        # deadlock.
        parts = sorted(batch.parts, key=lambda part: part.read.issue_id)
        with self.session.store.commit(_page_of(parts)) as commit:
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
                open_places(connection, space_key, self.session.spec.name)
                if unresolved
                else set[str]()
            )
            marked = [(part, self._mark(connection, part)) for part in present]
            for part in present:
                self._acknowledge(connection, part, open_issues)
            self._reach(connection, present)
            request_refetch(
                connection,
                space_key,
                [
                    request
                    for group, result in results
                    for request in _retry_requests(group, result)
                ],
            )
        figures = defaultdict[Cell, CommentFigures](CommentFigures)
        for (group, comments), (cells, changes) in zip(results, changed, strict=True):
            self.session.writer.count(comments, as_progress=False)
            self.changes.count(changes, as_progress=False)
            of_comments: dict[tuple[int, ...], Cell] = {
                (one,): self._cell(part) for part in group for one in part.page.ids
            }
            for cell, counts in _by_cell(of_comments, comments):
                figures[cell] += CommentFigures(comments=counts)
            for cell, counts in _by_cell(cells, changes):
                figures[cell] += CommentFigures(changes=counts)
        for part, gone in marked:
            self.session.writer.count_deleted(gone.comments.deleted)
            self.changes.count_deleted(gone.changes.deleted)
            figures[self._cell(part)] += gone
        for part in parts:
            figures[self._cell(part)] += CommentFigures(issues=int(part.gone is not None))
        return figures

    def _cell(self, part: Part) -> Cell:
        """Return the partition of the issue of a part."""
        return part.read.project_id, self.session.calendar.month_of(part.read.updated_at)

    def _let_move(self, connection: Connection, parts: Sequence[Part]) -> None:
        """Let the comments that another project had be written again, whatever they say of it:
        their issue has moved.
        """
        comments = self.session.spec.table
        for part in parts:
            if part.read.from_id == 0 and part.read.last_comment_id:
                of_another = (
                    comments.c.space_key == self.session.space_key,
                    comments.c.issue_id == part.read.issue_id,
                    comments.c.project_id != part.read.project_id,
                )
                connection.execute(update(comments).where(*of_another).values(content_hash=""))

    def _merge(self, commit: Commit, group: Sequence[Part]) -> MergeResult:
        extra = {"issue_id": group[0].read.issue_id, "project_id": group[0].read.project_id}
        return self.session.writer.merge(commit, _page_of(group), extra)

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
        return cells, self.changes.merge(
            commit, self.ids.resolve(commit.connection, changes) if changes else []
        )

    def _reach(self, connection: Connection, parts: Sequence[Part]) -> None:
        """Say how far issues are read, in their order, so that others who lock them in that order
        cannot deadlock with this.
        """
        space_key = self.session.space_key
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
        space_key, read = self.session.space_key, part.read
        if part.gone is None or part.without_id:
            return
        if read.from_id == 0 and str(read.issue_id) in open_issues:
            resolve_without_id(
                connection, space_key, self.session.spec.name, still=(), place=str(read.issue_id)
            )
        unmet = [
            one
            for one in self.quarantined.get(read.issue_id, ())
            if one > read.from_id and one not in part.seen
        ]
        if unmet:
            resolve_rejections(
                connection, space_key, self.session.spec.name, [str(one) for one in unmet]
            )

    def _mark(self, connection: Connection, part: Part) -> CommentFigures:
        """Mark comments that a whole read did not meet; return how many they and their
        changes are.
        """
        gone = part.gone
        if not gone or part.without_id:
            return CommentFigures()
        changes = self.changes.spec.table.c
        query = select(func.count()).where(
            changes.space_key == self.session.space_key,
            changes.comment_id.in_(gone),
            changes.deleted_at.is_(None),
        )
        count = int(connection.execute(query).scalar_one())
        marked = mark_comments_deleted(
            connection,
            gone,
            space_key=self.session.space_key,
            evidence=f"issue re-read: GET /issues/{part.read.issue_id}/comments no longer lists it",
            run_id=self.session.run_id,
        )
        return CommentFigures(comments=Counts(deleted=len(marked)), changes=Counts(deleted=count))


def _by_cell(
    cells: Mapping[tuple[int, ...], Cell], result: MergeResult
) -> Iterator[tuple[Cell, Counts]]:
    """Yield what became of each row of a merge, with its project and month, which are given by its
    key.
    """
    outcome = dict.fromkeys(result.inserted, "inserted") | dict.fromkeys(result.updated, "updated")
    rejected = set(result.rejected_ids)
    for key, cell in cells.items():
        what = outcome.get(key, "rejected" if key[-1] in rejected else "unchanged")
        yield cell, Counts(read=1, **{what: 1})


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


@retried_on_conflict
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

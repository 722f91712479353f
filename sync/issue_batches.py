"""How issues that a scan reads are stored: batch by batch while the next is asked for, each with
the checkpoint from which to go on.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from resources.backlog.errors import IncompleteScan
from resources.backlog.feed import whole as whole_number
from resources.backlog.position import Resume
from resources.backlog.scan import Scan, scan_window
from resources.backlog.window import Window
from resources.records import Page
from resources.warehouse.tombstones import ids_by_creation
from sync.deletions import mark_missed, mark_vanished
from sync.month_windows import Slice
from sync.quarantine_retries import resolve_issues_without_id
from sync.session import Session
from sync.visible_projects import Project
from sync.watermarks import keep_checkpoint
from sync.write_behind import WriteBehind


@dataclass(frozen=True)
class Stored:
    """Issues that were stored: how many were read, and the entries in quarantine of those without
    an id.
    """

    rows: int = 0
    without_id: frozenset[str] = frozenset()


def store_whole_project(
    session: Session, project: Project, part: Slice, resume: Resume | None
) -> Scan:
    """Read and store a project whole, or what is left of it, oldest first; mark what was stored, is
    not met and is gone.

    That is done before a checkpoint covers it, since the next try does not know what this one has
    met.
    """
    since = resume.position.known_before if resume else None
    with session.engine.connect() as connection:
        waiting = deque(
            ids_by_creation(
                connection, session.spec, project.id, space_key=session.space_key, since=since
            )
        )
    scan = scan_window(session.client, Window((project.id,)), resume=resume)
    met, without_id = set[int](), set[str]()
    with WriteBehind[Stored](session.client, session.events) as behind:
        for batch in scan:
            met.update(batch.ids)
            at, passed = scan.checkpoint, set()
            while at is not None and waiting and waiting[0][0] < at.position.moment:
                passed.add(waiting.popleft()[1])
            if missed := passed - met:
                without_id |= _show_stored(session, behind.wait())
                mark_missed(session, project, missed)
            store = partial(_store_batch, session, batch, [project], "created", at)
            without_id |= _show_stored(session, behind.begin(store, len(batch)))
        without_id |= _show_stored(session, behind.wait())
    if scan.proof.resumed:
        mark_missed(session, project, {issue for _, issue in waiting} - scan.seen_ids)
        return scan
    mark_vanished(session, project, part, scan.seen_ids)
    resolve_issues_without_id(session, project, without_id)
    return scan


def store_scan(
    session: Session, scan: Scan, projects: Sequence[Project], *, sort: str | None = "updated"
) -> tuple[set[int], set[str]]:
    """Store the batches of a scan, each with the checkpoint from which to go on, in an order; None:
    such a scan starts anew.

    Return the ids that were met, and the entries in quarantine of issues without an id.
    """
    ids, without_id = set[int](), set[str]()
    with WriteBehind[Stored](session.client, session.events) as behind:
        for batch in scan:
            if sort is None and len(projects) > 1:
                _refuse_unplaced(batch)
            ids.update(batch.ids)
            store = partial(_store_batch, session, batch, projects, sort, scan.checkpoint)
            without_id |= _show_stored(session, behind.begin(store, len(batch)))
        without_id |= _show_stored(session, behind.wait())
    return ids, without_id


def _refuse_unplaced(batch: Page) -> None:
    """Raise IncompleteScan where a record does not say its project: read by itself, each project
    knows its own in quarantine.
    """
    for record in batch.everything:
        if not isinstance(record, dict) or whole_number(record.get("projectId")) is None:
            raise IncompleteScan("a record does not say which project it is of")


def _show_stored(session: Session, stored: Sequence[Stored]) -> set[str]:
    """Show how many rows were stored, here and not in the middle of a wait for an answer; return
    the entries in quarantine of those without an id.
    """
    rows = sum(one.rows for one in stored)
    if rows:
        session.events.advanced(rows)
    return {entry for one in stored for entry in one.without_id}


def _store_batch(
    session: Session, batch: Page, projects: Sequence[Project], sort: str | None, at: Resume | None
) -> Stored:
    """Merge a batch in a transaction of its own: a load that is killed keeps all but the last."""
    with session.store.commit(batch) as commit:
        result = session.writer.merge(
            commit, batch, read_in=projects[0].id if len(projects) == 1 else None
        )
        if sort and at:
            keep_checkpoint(commit.connection, session, projects, sort, at)
    session.writer.count(result, batch, as_progress=False)
    return Stored(result.read, frozenset(result.without_id))

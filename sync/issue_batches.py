"""How issues that a pass reads are stored: batch by batch while the next is asked for, each with
the checkpoint from which to go on.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from resources.backlog.errors import IncompleteScan
from resources.backlog.feed import whole as whole_number
from resources.backlog.position import Resume
from resources.backlog.scan import Scan
from resources.records import Page
from resources.warehouse.tombstones import ids_by_creation
from sync.lookups import mark_missed
from sync.reads import Changes, Months, Pass, Snapshot
from sync.session import Session
from sync.watermarks import keep_checkpoint
from sync.write_behind import WriteBehind


@dataclass(frozen=True)
class Stored:
    """Issues that were stored: how many were read, and the entries in quarantine of those without
    an id.
    """

    rows: int = 0
    without_id: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Met:
    """What a pass has met: ids, and the entries in quarantine of issues without one. `unmet` are
    stored issues behind the last checkpoint that did not come.
    """

    ids: set[int]
    without_id: set[str]
    unmet: set[int]


def store_batches(session: Session, read: Pass, scan: Scan) -> Met:
    """Store the batches of a scan in the order in which they come, to its end.

    Of a snapshot that can be continued, what is stored, not met and gone is marked before a
    checkpoint covers it, since the next try does not know what this one has met.

    Raises:
        IncompleteScan: of several projects' months a record does not say which project it is of.
    """
    waiting = _waiting(session, read)
    met, without_id = set[int](), set[str]()
    with WriteBehind[Stored](session.client, session.events) as behind:
        for batch in scan:
            if isinstance(read, Months) and len(read.parts) > 1:
                _refuse_unplaced(batch)
            met.update(batch.ids)
            at, passed = scan.checkpoint, set()
            while at is not None and waiting and waiting[0][0] < at.position.moment:
                passed.add(waiting.popleft()[1])
            if missed := passed - met:
                without_id |= _show_stored(session, behind.wait())
                mark_missed(session, read.projects[0], missed)
            store = partial(_store_batch, session, read, batch, at)
            without_id |= _show_stored(session, behind.begin(store, len(batch)))
        without_id |= _show_stored(session, behind.wait())
    return Met(met, without_id, {issue for _, issue in waiting} - scan.seen_ids)


def _waiting(session: Session, read: Pass) -> deque[tuple[datetime, int]]:
    """Return what is stored of a project and its snapshot should meet, in the order in which it
    reads; of another read nothing.
    """
    if not isinstance(read, Snapshot) or not read.keeps_cursor:
        return deque()
    since = read.resume.position.known_before if read.resume else None
    with session.engine.connect() as connection:
        return deque(
            ids_by_creation(
                connection, session.spec, read.project.id, space_key=session.space_key, since=since
            )
        )


def _order(read: Pass) -> str | None:
    """Return the order of a read that can be continued, None where it cannot."""
    match read:
        case Snapshot(keeps_cursor=True):
            return "created"
        case Changes():
            return "updated"
    return None


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


def _store_batch(session: Session, read: Pass, batch: Page, at: Resume | None) -> Stored:
    """Merge a batch in a transaction of its own: a load that is killed keeps all but the last."""
    order, projects = _order(read), read.projects
    with session.store.transaction() as connection:
        result = session.writer.merge(
            connection, batch, read_in=projects[0].id if len(projects) == 1 else None
        )
        if order and at:
            keep_checkpoint(connection, session, projects, order, at)
    session.writer.count(result, batch, as_progress=False)
    return Stored(result.read, frozenset(result.without_id))

"""How the pages of issues that a read asks for are stored: each in a transaction of its own, with
the checkpoint from which to go on, while the next is asked for.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from resources.warehouse.raw.tombstones import ids_by_creation
from sync.ahead import Ahead
from sync.issue_reads import IssuePage, Listed, issue_pages
from sync.lookups import mark_missed
from sync.reads import Pass, Snapshot
from sync.session import Session
from sync.watermarks import keep_checkpoint


@dataclass(frozen=True)
class Met:
    """What a read has listed and what of it is stored: ids, and the entries in quarantine of issues
    without one. `unmet` are stored issues behind the last checkpoint that did not come.
    """

    listed: Listed
    ids: set[int]
    without_id: set[str]
    unmet: set[int]


def store_issues(session: Session, read: Pass) -> Met:
    """Ask for the issues of a read, and store them page by page in the order in which they come.

    Of a snapshot that can be continued, what is stored, not met and gone is marked before a
    checkpoint covers it, since the next try does not know what this one has met.

    Raises:
        IncompleteScan: nothing can be proven of the read.
    """
    waiting = _waiting(session, read)
    met, without_id = set[int](), set[str]()
    with Ahead(session.client, session.events, issue_pages(session.client, read)) as pages:
        for page in pages:
            met.update(page.issues.ids)
            passed = set()
            while page.cursor and waiting and waiting[0][0] < page.cursor.position.moment:
                passed.add(waiting.popleft()[1])
            if missed := passed - met:
                mark_missed(session, read.projects[0], missed)
            with pages.meanwhile(len(page.issues)):
                without_id |= _store(session, read, page)
        listed = pages.end
    return Met(listed, met, without_id, {issue for _, issue in waiting} - listed.ids)


def _waiting(session: Session, read: Pass) -> deque[tuple[datetime, int]]:
    """Return what is stored of a project and its snapshot should meet, in the order in which it
    reads; of another read nothing.
    """
    if not isinstance(read, Snapshot) or read.order is None:
        return deque()
    since = read.resume.position.known_before if read.resume else None
    with session.engine.connect() as connection:
        return deque(
            ids_by_creation(
                connection, session.spec, read.project.id, space_key=session.space_key, since=since
            )
        )


def _store(session: Session, read: Pass, page: IssuePage) -> set[str]:
    """Merge a page, and move the checkpoint: a load that is killed keeps all but the last.

    Return the entries in quarantine of issues without an id.
    """
    projects = read.projects
    read_in = projects[0].id if len(projects) == 1 else None
    with session.writer.storing(page.issues, read_in=read_in) as (commit, result):
        if read.order and page.cursor:
            keep_checkpoint(commit.connection, session, projects, read.order, page.cursor)
    return set(result.without_id)

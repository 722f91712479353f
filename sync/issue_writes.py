"""How the pages of issues that a read asks for are stored: each in a transaction of its own, with
the checkpoint from which to go on, while the next is asked for.
"""

from dataclasses import dataclass

from resources.warehouse.server.conflicts import retried_on_conflict
from sync.ahead import Ahead
from sync.issue_reads import IssuePage, Listed, issue_pages
from sync.lookups import mark_missed
from sync.reads import Pass
from sync.session import Session
from sync.watermarks import keep_checkpoint


@dataclass(frozen=True)
class Met:
    """What a read has listed and what of it is stored: ids, and the entries in quarantine of issues
    without one.
    """

    listed: Listed
    ids: set[int]
    without_id: set[str]


def store_issues(session: Session, read: Pass) -> Met:
    """Ask for the issues of a read, and store them page by page in the order in which they come.

    What should have come by now, and is gone, is marked before a checkpoint covers it, since the
    next try does not know what this one has met.

    Raises:
        IncompleteScan: nothing can be proven of the read.
    """
    ids, without_id = set[int](), set[str]()
    with Ahead(session.client, session.events, issue_pages(session.client, read)) as pages:
        for page in pages:
            mark_missed(session, page.projects, page.missed)
            with pages.meanwhile(len(page.issues)):
                without_id |= _store(session, page)
            ids.update(page.issues.ids)
        listed = pages.end
    return Met(listed, ids, without_id)


@retried_on_conflict
def _store(session: Session, page: IssuePage) -> set[str]:
    """Merge a page, and move the checkpoint: a load that is killed keeps all but the last.

    Return the entries in quarantine of issues without an id.
    """
    read_in = page.projects[0].id if len(page.projects) == 1 else None
    with session.writer.storing(page.issues, read_in=read_in) as (commit, result):
        if page.checkpoint:
            keep_checkpoint(commit.connection, session, page.projects, page.checkpoint)
    return set(result.without_id)

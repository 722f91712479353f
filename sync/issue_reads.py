"""The pages of issues that a read requests, one after the other. It uses no database: the caller
stores them.
"""

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from resources.backlog.client import BacklogClient
from resources.backlog.errors import IncompleteScan
from resources.backlog.feed import whole as whole_number
from resources.backlog.position import Resume
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import CompletenessProof, Window
from resources.records import Page
from resources.warehouse.state.sync_state import Checkpoint
from sync.reads import Changes, Months, Pass, Snapshot
from sync.visible_projects import Project


@dataclass(frozen=True)
class IssuePage:
    """Issues that came together, of projects.

    `checkpoint`: where another read goes on when all pages up to this one are stored, however far
    this read has come meanwhile; None: such a read starts anew. `missed`: expected issues that have
    not come, and that the checkpoint covers for the first time.
    """

    projects: tuple[Project, ...]
    issues: Page
    checkpoint: Checkpoint | None
    missed: frozenset[int]


@dataclass(frozen=True)
class Listed:
    """What a read has listed, once it has ended.

    `started_at`: the source's clock at its beginning. `complete_until`: all changes before are in
    its pages, or in those of the read that it continues. `ids`: all that it has seen, also outside
    of its window. `unmet`: expected issues behind the last checkpoint that have not come.
    """

    started_at: datetime
    complete_until: datetime
    proof: CompletenessProof
    ids: set[int]
    unmet: frozenset[int]


def issue_pages(client: BacklogClient, read: Pass) -> Generator[IssuePage, None, Listed]:
    """Ask for the issues of a read, in the order in which its checkpoint counts.

    Raises:
        BacklogError: a project refuses, or the source does not answer.
        IncompleteScan: nothing can be proven, or of several projects' months a record does not say
            which project it is of.
    """
    expected, met = _expected(read), set[int]()
    scan = _scan(client, read)
    for page in scan:
        if isinstance(read, Months) and len(read.parts) > 1:
            _refuse_unplaced(page)
        met.update(page.ids)
        at = scan.checkpoint
        passed = set[int]()
        while at and expected and expected[0][0] < at.position.moment:
            passed.add(expected.popleft()[1])
        yield IssuePage(read.projects, page, _checkpoint(read, at), frozenset(passed - met))
    unmet = frozenset(issue for _, issue in expected) - scan.seen_ids
    return Listed(scan.started_at, scan.next_watermark, scan.proof, scan.seen_ids, unmet)


def _expected(read: Pass) -> deque[tuple[datetime, int]]:
    """Return when the issues were created that a snapshot should meet, and their ids, in the order
    in which it reads; of another read nothing.
    """
    if not isinstance(read, Snapshot):
        return deque()
    if read.resume is None:
        return deque(read.expected)
    since = read.resume.position.known_before
    return deque(one for one in read.expected if one[0] >= since)


def _scan(client: BacklogClient, read: Pass) -> Scan:
    match read:
        case Snapshot():
            return scan_window(client, Window((read.project.id,)), resume=read.resume)
        case Months():
            return scan_window(client, Window(tuple(read.keys), read.since, read.until))
        case Changes():
            return scan_changes(client, tuple(read.keys), read.start, resume=read.resume)


def _checkpoint(read: Pass, at: Resume | None) -> Checkpoint | None:
    if at is None or read.order is None:
        return None
    return Checkpoint(read.order, at.position.as_dict(), at.started_at)


def _refuse_unplaced(page: Page) -> None:
    """Raise IncompleteScan where a record does not say its project: read by itself, each project
    knows its own in quarantine.
    """
    for record in page.everything:
        if not isinstance(record, dict) or whole_number(record.get("projectId")) is None:
            raise IncompleteScan("a record does not say which project it is of")

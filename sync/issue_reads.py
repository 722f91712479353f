"""The pages of issues that a read requests, one after the other. It uses no database: the caller
stores them.
"""

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
from sync.reads import Changes, Months, Pass, Snapshot


@dataclass(frozen=True)
class IssuePage:
    """Issues that came together. `cursor`: where another read goes on when all pages up to this one
    are stored, however far this read has come meanwhile; None: such a read starts anew.
    """

    issues: Page
    cursor: Resume | None


@dataclass(frozen=True)
class Listed:
    """What a read has listed, once it has ended.

    `started_at`: the source's clock at its beginning. `complete_until`: all changes before are in
    its pages, or in those of the read that it continues. `ids`: all that it has seen, also outside
    of its window.
    """

    started_at: datetime
    complete_until: datetime
    proof: CompletenessProof
    ids: set[int]


def issue_pages(client: BacklogClient, read: Pass) -> Generator[IssuePage, None, Listed]:
    """Ask for the issues of a read, in the order in which its cursor counts.

    Raises:
        BacklogError: a project refuses, or the source does not answer.
        IncompleteScan: nothing can be proven, or of several projects' months a record does not say
            which project it is of.
    """
    scan = _scan(client, read)
    for page in scan:
        if isinstance(read, Months) and len(read.parts) > 1:
            _refuse_unplaced(page)
        yield IssuePage(page, scan.checkpoint)
    return Listed(scan.started_at, scan.next_watermark, scan.proof, scan.seen_ids)


def _scan(client: BacklogClient, read: Pass) -> Scan:
    match read:
        case Snapshot():
            return scan_window(client, Window((read.project.id,)), resume=read.resume)
        case Months():
            return scan_window(client, Window(tuple(read.keys), read.since, read.until))
        case Changes():
            return scan_changes(client, tuple(read.keys), read.start, resume=read.resume)


def _refuse_unplaced(page: Page) -> None:
    """Raise IncompleteScan where a record does not say its project: read by itself, each project
    knows its own in quarantine.
    """
    for record in page.everything:
        if not isinstance(record, dict) or whole_number(record.get("projectId")) is None:
            raise IncompleteScan("a record does not say which project it is of")

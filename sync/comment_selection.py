"""Which issues a load reads the comments of: those that are due, the requested ones, a window
again, or tonight's share.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from resources.warehouse.raw.tombstones import comments_of
from resources.warehouse.raw.written_rows import all_there_before
from resources.warehouse.state import issue_sync_state as reads
from resources.warehouse.state.check_marks import note_right, right_until
from resources.warehouse.state.issue_sync_state import CommentRead
from sync.comment_reads import DueRead
from sync.month_windows import Slice
from sync.session import Session

#: So many chosen reads are looked at together once their project is locked: in a first load these
#: are all issues of the project, which would be held twice.
LOOKED_AT = 1_000
#: The rolling refresh has asked for every issue whole after so many days.
REFRESH_DAYS = 30
#: Minutes of the read budget that one rolling refresh may take at most.
REFRESH_MINUTES = 120
#: Requests a minute where the source does not say how many it allows; the plan with the fewest has
#: as many.
RATE_OTHERWISE = 60


#: Mark in `ops.check_marks`: of the issues written before it, none had comments to be read.
_NONE_DUE = ("issues", "no_comments_due")


def choose(session: Session, mode: str, covered: Sequence[Slice]) -> list[CommentRead]:
    """Return the issues whose comments a load asks for."""
    if mode == "refresh":
        return tonights_refresh(session)
    planned = [
        (part, project) for part in covered if (project := session.project_of(part.project_key))
    ]
    if mode == "incremental":
        return _pending(session, {project.id for _, project in planned})
    with session.engine.connect() as connection:
        if mode == "targeted":
            return reads.requested_comments(connection, session.space_key, list(session.visible))
        found = {
            # A renamed project may be covered under both of its keys.
            read.issue_id: read
            for part, project in planned
            for read in reads.window_comments(
                connection, session.space_key, project.id, part.since, part.until
            )
        }
    return list(found.values())


def _pending(session: Session, projects: Collection[int]) -> list[CommentRead]:
    """Return the due reads of some projects. Once a load has found none in the whole space, the
    next ones look only at issues that were written since, or requested, until a day later.
    """
    with session.store.transaction() as connection:
        since = right_until(connection, session.space_key, *_NONE_DUE)
        until = all_there_before(connection)
        due = reads.pending_comments(connection, session.space_key, None, since=since)
        if not due:
            note_right(connection, session.space_key, *_NONE_DUE, since, until)
    return [read for read in due if read.project_id in projects]


def still_due(session: Session, mode: str, chosen: Sequence[CommentRead]) -> list[CommentRead]:
    """Return what is left of chosen reads, LOOKED_AT at most, now that the lock of their project is
    held: another load may have served them meanwhile.

    What is read again whatever is known of it, as a window, stays chosen.
    """
    if mode not in ("incremental", "targeted"):
        return list(chosen)
    due = reads.pending_comments if mode == "incremental" else reads.requested_comments
    projects, issues = {read.project_id for read in chosen}, [read.issue_id for read in chosen]
    with session.engine.connect() as connection:
        found = due(connection, session.space_key, projects, issues)
    now = {read.issue_id: read for read in found}
    return [now[issue] for issue in issues if issue in now]


def with_known(session: Session, chosen: Sequence[CommentRead], *, whole: bool) -> list[DueRead]:
    """Return reads with the stored comments of those issues that are read whole: by the mode, or
    since the issue has moved. An issue that was never read has no comments that may be gone.

    To be called before the first of them is read, so that comments stored later are not expected.
    """
    again = {
        read.issue_id for read in chosen if read.from_id == 0 and (whole or read.last_comment_id)
    }
    with session.engine.connect() as connection:
        known = comments_of(connection, session.space_key, again) if again else {}
    return [DueRead(read, known.get(read.issue_id, ())) for read in chosen]


def night_size(issues: int, rate: float, reserve: float) -> tuple[int, int]:
    """Return how many issues a night reads, and how many it would have to to read all of them
    within REFRESH_DAYS.

    Args:
        issues: how many there are.
        rate: requests for comments that the source allows in a minute; an issue costs one as a
            rule.
        reserve: the share of them that is left to people.
    """
    # A day less than promised, for the night that is missed.
    share = ceil(issues / (REFRESH_DAYS - 1))
    return min(share, max(int(rate * (1 - reserve) * REFRESH_MINUTES), 1)), share


def tonights_refresh(session: Session) -> list[CommentRead]:
    """Return tonight's share of the issues: those not asked whole for longest, so many that all are
    read within REFRESH_DAYS.

    No more than the request budget has room for in REFRESH_MINUTES; when that is too little, the
    log says how long a round takes.
    """
    visible, since = list(session.visible), datetime.now(UTC) - timedelta(days=REFRESH_DAYS)
    limit = session.client.rate_limits.get("read")
    with session.engine.connect() as connection:
        present, overdue = reads.count_refreshed(connection, session.space_key, visible, since)
        size, share = night_size(
            present, limit.limit if limit else RATE_OTHERWISE, session.client.reserve
        )
        found = reads.refresh_share(connection, session.space_key, visible, size)
    if size < share:
        session.log.warning(
            f"the rolling refresh reads {size} of {present} issues, as many as {REFRESH_MINUTES} "
            "minutes of requests allow: "
            f"a round takes {ceil(present / size)} days instead of {REFRESH_DAYS}"
        )
    notes = session.reporter.notes
    notes["rolling_refresh"] = (
        f"{size} of {present} issues tonight; {overdue} not read whole in the "
        f"last {REFRESH_DAYS} days"
    )
    return found

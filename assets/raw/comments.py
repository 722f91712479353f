"""Comments and the change log: which issues are asked for theirs, and how comments and changes are stored together.

Add here: a rule of the sync of comments. Keep out: which issues are worth asking (`resources/warehouse/reads.py`), the words of a
change (`resources/backlog/changelog.py`), what its values referred to (`change_ids.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import ceil

from sqlalchemy import Connection, func, select, update

from assets.metadata import Counts, Window
from assets.partitions import Slice, month_of
from assets.raw.change_ids import ChangeIds
from assets.raw.comment_report import CommentTally, report_comments, report_totals
from assets.raw.issue_scope import Project, project_of, visible_projects
from assets.raw.table_load import TableLoad, in_history
from resources.backlog.changelog import changes_of
from resources.backlog.errors import AuthenticationError, NotFound, PermanentError
from resources.backlog.feed import whole
from resources.backlog.models import Record
from resources.backlog.paging import PAGE_SIZE
from resources.warehouse import reads
from resources.warehouse.deletes import hold_issues, mark_comments_deleted, stored_ids
from resources.warehouse.loader import MergeResult
from resources.warehouse.reads import CommentRead, Want
from resources.warehouse.schema import SPECS

#: The nightly pass has asked for every issue whole after so many days.
DEEP_DAYS = 30
#: Minutes of the read budget that one nightly pass may take at most.
DEEP_MINUTES = 120
#: Requests a minute where the source does not say how many it allows; the plan with the fewest has as many.
DEEP_RATE_OTHERWISE = 60


def load_comments(load: TableLoad, mode: str, covered: Sequence[Slice]) -> TableLoad:
    """Read the comments of the issues that the mode chooses; return the load of `issue_changes` that goes with it.

    `covered` are the partitions of the run: for a backfill those whose issues are read again, else those that are recorded.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every issue.
        WarehouseError: the warehouse cannot be used.
    """
    visible = visible_projects(load)
    changes = replace(load, spec=SPECS["issue_changes"], counts=Counts(), failures=[], notes={})
    months: dict[int, tuple[str, set[str]]] = {}
    for part in covered:
        project = project_of(load, part.project_key, visible)
        if project is not None:
            months.setdefault(project.id, (part.project_key, set()))[1].update(part.months)
    chosen = choose(load, mode, covered, visible)
    load.progress.start(load.spec.name, None)
    with in_history(load, mode):
        with load.engine.connect() as connection:
            ids = ChangeIds(connection, load.space_key)
        by_project = {
            project: list(group) for project, group in groupby(sorted(chosen, key=_place), key=lambda one: one.project_id)
        }
        for project_id in sorted({*by_project, *months}):
            if project_id in load.lock_projects([project_id], wait=mode != "touched"):
                _Reader(load, changes, ids, visible[project_id], whole=mode in ("backfill", "deep")).read(
                    by_project.get(project_id, []), *months.get(project_id, (visible[project_id].key, set()))
                )
                load.unlock_projects([project_id])
    report_totals(load, changes)
    return changes


def choose(load: TableLoad, mode: str, covered: Sequence[Slice], visible: Mapping[int, Project]) -> list[CommentRead]:
    """Return the issues whose comments a load asks for."""
    with load.engine.connect() as connection:
        match mode:
            case "backfill":
                planned = [(part, project_of(load, part.project_key, dict(visible))) for part in covered]
                return [
                    read
                    for part, project in planned
                    if project is not None
                    for read in reads.window_comments(connection, load.space_key, project.id, part.since, part.until)
                ]
            case "touched":
                return reads.wanted_comments(connection, load.space_key, list(visible))
            case "deep":
                return deep_share(load, connection, visible)
            case _:
                projects = {project.id for part in covered if (project := project_of(load, part.project_key, dict(visible)))}
                return reads.pending_comments(connection, load.space_key, projects)


def deep_share(load: TableLoad, connection: Connection, visible: Mapping[int, Project]) -> list[CommentRead]:
    """Return tonight's share of the issues: those not asked whole for longest, so many that all have had their turn in DEEP_DAYS.

    No more than the request budget has room for in DEEP_MINUTES; when that is too little, the log says how long a round takes.
    """
    since = datetime.now(UTC) - timedelta(days=DEEP_DAYS)
    present, overdue = reads.count_deep(connection, load.space_key, list(visible), since)
    limit = load.client.rate_limits.get("read")
    budget = int((limit.limit if limit else DEEP_RATE_OTHERWISE) * (1 - load.client.reserve) * DEEP_MINUTES)
    # A day less than promised, for the night that is missed.
    share = ceil(present / (DEEP_DAYS - 1))
    size = min(share, budget)
    if size < share:
        load.context.log.warning(
            f"the nightly pass reads {size} of {present} issues, all that {DEEP_MINUTES} minutes of the request budget allow: "
            f"a round takes {ceil(present / size)} days instead of {DEEP_DAYS}"
        )
    load.notes["deep_pass"] = f"{size} of {present} issues tonight; {overdue} not read whole in the last {DEEP_DAYS} days"
    return reads.deep_share(connection, load.space_key, list(visible), size)


def _place(read: CommentRead) -> tuple[int, int]:
    return read.project_id, read.issue_id


class _Reader:
    """Reads the comments of issues of one project."""

    def __init__(self, load: TableLoad, changes: TableLoad, ids: ChangeIds, project: Project, *, whole: bool) -> None:
        self.load = load
        self.changes = changes
        self.ids = ids
        self.project = project
        self.whole = whole
        self.tally = CommentTally()

    def read(self, chosen: Sequence[CommentRead], project_key: str, months: set[str]) -> None:
        """Read issue by issue, each committed by itself, and record the partitions."""
        before = self.load.client.stats.snapshot()
        for read in chosen:
            try:
                self._issue(read)
            except AuthenticationError:
                raise
            except NotFound as error:
                # Deleted since it was read, or out of sight: the next load of issues asks for it by id.
                self._ask_for_issue(read, str(error))
            except PermanentError as error:
                if not self.project.archived:
                    self.load.failed(f"{self.project.key}, issue {read.issue_id}", error)
                break
        touched = {month for _, month in self.tally.issues}
        report_comments(
            self.load,
            self.changes,
            [(self.project.id, project_key, month) for month in sorted(months | touched)],
            self.tally,
            Window(None, None),
            self.load.client.stats - before,
        )

    def _issue(self, read: CommentRead) -> None:
        # Read whole: by the mode, or since the issue has moved. Of one that was never read nothing can be gone.
        known = self._known(read) if read.from_id == 0 and (self.whole or read.last_comment_id) else set()
        last, seen, finished = read.last_comment_id, set[int](), False
        for page in self.load.client.comments(read.issue_id, min_id=read.from_id or None, order="asc"):
            ids = {int(row["id"]) for row in page}
            last, seen = max(last, *ids), seen | ids
            finished = len(page) < PAGE_SIZE - 1
            self._store(read, page, last, known - seen if finished else None)
        if not finished:
            self._store(read, [], last, known - seen)
        self.tally.issues[self._cell(read)] += 1

    def _known(self, read: CommentRead) -> set[int]:
        """Return the stored comments of an issue; those that another project had are written again, whatever they say of it."""
        comments = self.load.spec.table
        of_another = (
            comments.c.space_key == self.load.space_key,
            comments.c.issue_id == read.issue_id,
            comments.c.project_id != read.project_id,
        )
        with self.load.writing() as connection:
            connection.execute(update(comments).where(*of_another).values(content_hash=""))
            return stored_ids(connection, self.load.spec, {"issue_id": read.issue_id}, space_key=self.load.space_key)

    def _store(self, read: CommentRead, page: Sequence[Record], last: int, gone: set[int] | None) -> None:
        """Store a page with its changes and how far the issue is read, in one transaction; `gone` is known at the end only."""
        load, cell = self.load, self._cell(read)
        marked: tuple[int, int] = (0, 0)
        with load.writing() as connection:
            if not hold_issues(connection, [read.issue_id], space_key=load.space_key):
                return  # marked as deleted meanwhile, with all that hangs on it
            result = load.merge(connection, page, {"issue_id": read.issue_id, "project_id": read.project_id})
            changed = self._store_changes(connection, read, page, result)
            if gone is None:
                reads.reach_comments(connection, load.space_key, read, last)
            else:
                marked = self._mark(connection, read, gone) if gone else (0, 0)
                reads.finish_comments(connection, load.space_key, read, last)
            if result.rejected_ids:
                quarantined = Want(read.issue_id, read.project_id, reads.QUARANTINE, comments_from=min(result.rejected_ids))
                reads.want(connection, load.space_key, [quarantined])
        for one, merged, deleted, counted in (
            (load, result, marked[0], self.tally.comments),
            (self.changes, changed, marked[1], self.tally.changes),
        ):
            counted[cell] += Counts.of(merged) + Counts(deleted=deleted)
            one.count(merged)
            one.note_deleted(deleted)

    def _store_changes(self, connection: Connection, read: CommentRead, page: Sequence[Record], result: MergeResult) -> MergeResult:
        """Store the changes of the comments that were written, or of all when the issue is read whole: names may be known now."""
        written = {*result.inserted_ids, *result.updated_ids}
        of = [row for row in page if read.from_id == 0 or row.get("id") in written]
        # Where a comment says its project it is believed, as for the comment itself: the issue may have moved since it was read.
        translated = [
            change for row in of for change in changes_of(row, read.issue_id, whole(row.get("projectId")) or read.project_id)
        ]
        return self.changes.merge(connection, self.ids.resolve(connection, translated) if translated else [], {})

    def _mark(self, connection: Connection, read: CommentRead, gone: set[int]) -> tuple[int, int]:
        """Mark comments that a whole read did not meet; return how many they and their changes are."""
        changes = self.changes.spec.table.c
        query = select(func.count()).where(
            changes.space_key == self.load.space_key, changes.comment_id.in_(gone), changes.deleted_at.is_(None)
        )
        count = int(connection.execute(query).scalar_one())
        marked = mark_comments_deleted(
            connection,
            gone,
            space_key=self.load.space_key,
            evidence=f"issue re-read: GET /issues/{read.issue_id}/comments no longer lists it",
            run_id=self.load.context.run.run_id,
        )
        return len(marked), count

    def _ask_for_issue(self, read: CommentRead, error: str) -> None:
        self.load.context.log.info(f"{self.project.key}, issue {read.issue_id}: {error}")
        with self.load.writing() as connection:
            reads.want(connection, self.load.space_key, [Want(read.issue_id, read.project_id, "comments not found", issue=True)])

    def _cell(self, read: CommentRead) -> tuple[int, str]:
        return read.project_id, month_of(read.updated_at)

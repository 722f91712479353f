"""The deep comparison: every row of every table against the source, and what differs read once more before it is told.

The first pass only collects suspects. They are then read again, the row of the warehouse before that of the source: the source is
never older than what it is compared with, so that what changes meanwhile is newer there, which `Reasons` explains.

The feed `raw/activities` is left out: its rows are facts that the source trims, and nothing about them can be stale.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine, func, select

from resources.backlog.client import BacklogClient
from resources.backlog.errors import AuthenticationError, IncompleteScan, NotFound, PermanentError, PermissionDenied
from resources.backlog.scan import scan_window
from resources.backlog.window import Window
from resources.progress import Progress
from resources.warehouse.schema import SPECS
from sync.counts import by_bucket
from sync.reconcile.comment_changes import changes_of_comment
from sync.reconcile.differences import CONTENT, EXTRA, Difference
from sync.reconcile.labels import labelled
from sync.reconcile.lists import OF_PROJECT, OF_SPACE
from sync.reconcile.pairs import HISTORY, Found, Pairs, chunks
from sync.reconcile.rows import Reasons, in_quarantine
from sync.reconcile.sides import Row
from sync.visible_projects import Project

#: Rows that are compared at once; frames of a hundred cost more than what is in them.
AT_ONCE = 1_000


@dataclass
class Suspects:
    """Rows that may differ: lists as (table, project), issues by id, issues (id -> project) whose comments are to be looked at."""

    lists: set[tuple[str, int | None]] = field(default_factory=set)
    issues: set[int] = field(default_factory=set)
    comments: dict[int, int] = field(default_factory=dict)

    def add(self, found: Iterable[Difference]) -> None:
        """Note where differences were found."""
        for one in found:
            if one.table == "issues" and one.ids:
                self.issues.add(one.ids[0])
            elif one.table in HISTORY:
                self.comments[one.issue_id] = one.project_id
            elif one.table != "issues":
                self.lists.add((one.table, one.project_id if one.table in OF_PROJECT else None))

    def __bool__(self) -> bool:
        return bool(self.lists or self.issues or self.comments)


class Deep:
    """One deep comparison of some projects, and of the lists of the space when `of_space`.

    After `run` there are `source` (table and project -> rows there; project 0: the space), `errors`, one line for each part that
    could not be read, `incomplete`, the projects that these belong to, and `silent`, archived projects that list no issues.
    """

    def __init__(
        self,
        client: BacklogClient,
        engine: Engine,
        projects: Sequence[Project],
        progress: Progress,
        *,
        of_space: bool,
        comments: bool,
    ) -> None:
        space, visible = client.space_info(), client.visible_projects()
        self.space_key = str(space["spaceKey"])
        self.source: Counter[tuple[str, int]] = Counter()
        self.errors: list[str] = []
        self.incomplete: set[int] = set()
        self.silent: set[int] = set()
        self.reasons = Reasons.read(engine, self.space_key, [project.id for project in projects])
        self._client, self._engine, self._projects, self._progress = client, engine, projects, progress
        self._of_space, self._comments = of_space, comments
        ids = [int(project["id"]) for project in visible]
        self._pairs = Pairs(client, engine, self.space_key, str(space["timezone"]), ids, self.silent)
        self._suspects = Suspects()
        self._unreadable: list[Difference] = []

    def run(self) -> list[Difference]:
        """Compare everything, and return the rows that differ.

        Raises:
            BacklogError: the key is refused or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        with self._told("lists", len(OF_SPACE) * self._of_space + len(OF_PROJECT) * len(self._projects)):
            for table in OF_SPACE if self._of_space else ():
                with self._part(table):
                    self._list(table, None)
            for project in self._projects:
                for table in OF_PROJECT:
                    with self._part(f"{project.key}, {table}", project):
                        self._list(table, project.id)
        seen: dict[int, array[int]] = {}
        with self._told("issues", self._stored_rows("issues")):
            for project in self._projects:
                with self._part(project.key, project):
                    ids = self._issues(project)
                    if ids is None:
                        self.silent.add(project.id)
                    else:
                        seen[project.id] = ids
        if self._comments:
            with self._told("comments", sum(map(len, seen.values()))):
                for project in self._projects:
                    if project.id in seen:
                        with self._part(f"{project.key}, comments", project):
                            self._comments_of(project, seen[project.id])
        return [*in_quarantine(self._engine, self.space_key, self._unreadable), *self.recheck(self._suspects)]

    def recheck(self, suspects: Suspects) -> list[Difference]:
        """Read suspects once more, on both sides, and return those that differ still.

        Raises:
            BacklogError: the key is refused or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        if not suspects:
            return []
        found: Found = []
        with self._told("suspects", None):
            for table, project in sorted(suspects.lists, key=str):
                with self._part(table):
                    found += self._pairs.listed(table, project)[1]
            history = self._pairs.comments(suspects.comments)
            # An issue that has moved to another project takes its comments along, and tells that only in its own row.
            moved = {one.issue_id for one, _ in history if one.kind == CONTENT}
            found += self._pairs.issues(suspects.issues | moved)
            # With an issue that is gone its comments are gone too: one difference, not many.
            gone = {one.ids[0] for one, _ in found if one.table == "issues" and one.kind == EXTRA}
            found += [(one, record) for one, record in history if one.issue_id not in gone]
            return labelled(self._engine, self.space_key, self.reasons.explain(self._client, self._engine, self.space_key, found))

    def stored(self, table: str, project_id: int | None) -> int:
        """Count the rows of a table that are not marked deleted, of a project or of the space."""
        columns = SPECS[table].table.c
        query = select(func.count()).where(columns.space_key == self.space_key)
        if SPECS[table].vanishes:
            query = query.where(columns.deleted_at.is_(None))
        if project_id is not None:
            query = query.where(columns.project_id == project_id)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    # -- one table after the other ------------------------------------------------------------------------------

    def _list(self, table: str, project_id: int | None) -> None:
        rows, found = self._pairs.listed(table, project_id, fresh=False)
        self.source[table, project_id or 0] = rows
        self._suspect(found)
        self._progress.advance("verify lists", 1)

    def _issues(self, project: Project) -> "array[int] | None":
        """Compare the issues of a project and return their ids; None when an archived project does not list them any more."""
        scan = scan_window(self._client, Window((project.id,)))
        rows = 0
        try:
            for batch in chunks((record for page in scan for record in page.everything), AT_ONCE):
                self._suspect(self._pairs.these_issues(batch))
                self._progress.advance("verify issues", len(batch))
                rows += len(batch)
        except (NotFound, PermissionDenied):
            if project.archived:
                return None
            raise
        if project.archived and not rows:
            return None
        self.source["issues", project.id] = len(scan.seen_ids)
        known = {one for one in scan.seen_ids if one >= 0}
        self._suspects.issues |= self._present("issues", "id", project.id) - known
        return array("q", sorted(known))

    def _comments_of(self, project: Project, ids: "array[int]") -> None:
        """Compare the comments of the issues of a project, about a thousand comments at a time."""
        issues: list[int] = []
        rows: list[Row] = []
        for issue in ids:
            read = self._pairs.comments_of(issue, project.id)
            if read is None:
                self._suspects.issues.add(issue)
                continue
            issues.append(issue)
            rows += read
            if len(rows) >= AT_ONCE:
                self._compare_comments(project, issues, rows)
                issues, rows = [], []
        self._compare_comments(project, issues, rows)
        # Comments that stand at no issue which the source lists, unless that issue is a suspect already.
        known = self._suspects.issues.union(ids)
        for table in HISTORY:
            strays = self._present(table, "issue_id", project.id) - known
            self._suspects.comments |= dict.fromkeys(strays, project.id)

    def _compare_comments(self, project: Project, issues: Sequence[int], rows: Sequence[Row]) -> None:
        self.source["comments", project.id] += len(rows)
        self.source["issue_changes", project.id] += sum(
            len(changes_of_comment(row.record, row.issue_id, project.id)) for row in rows
        )
        self._suspect(self._pairs.these_comments(issues, rows))
        self._progress.advance("verify comments", len(issues))

    def _suspect(self, found: Found) -> None:
        self._suspects.add(one for one, _ in found)
        self._unreadable += [one for one, _ in found if one.key.startswith("?")]

    # -- what all of them need ----------------------------------------------------------------------------------

    def _present(self, table: str, column: str, project_id: int) -> set[int]:
        columns = SPECS[table].table.c
        query = select(columns[column].distinct()).where(
            columns.space_key == self.space_key, columns.project_id == project_id, columns.deleted_at.is_(None)
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def _stored_rows(self, table: str) -> int:
        return sum(self.stored(table, project.id) for project in self._projects)

    @contextmanager
    def _part(self, what: str, project: Project | None = None) -> Iterator[None]:
        """Let the other parts go on when the source refuses one."""
        try:
            yield
        except AuthenticationError:
            raise
        except (PermanentError, IncompleteScan) as error:
            self.errors.append(f"{what}: {error}")
            self.incomplete |= {project.id} if project else set()

    @contextmanager
    def _told(self, what: str, total: int | None) -> Iterator[None]:
        before = self._client.stats.snapshot()
        self._progress.start(f"verify {what}", total)
        try:
            yield
        finally:
            self._progress.done(f"verify {what}", {}, by_bucket(self._client.stats - before))

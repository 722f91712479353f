"""Row reconciliation: every row of every table against the source. What differs is read once more
before it is reported.

The first pass only collects suspects. They are then read again, the row of the warehouse before
that of the source: the source is never older than what it is compared with, so that what changes
meanwhile is newer there, which `LoadedUntil` explains.

The feed `raw/activities` is left out: its rows are facts that the source trims, and nothing about
them can be stale.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Engine, func, select

from resources.backlog.client import BacklogClient
from resources.backlog.errors import (
    AuthenticationError,
    IncompleteScan,
    NotFound,
    PermanentError,
    PermissionDenied,
)
from resources.backlog.scan import scan_window
from resources.backlog.window import Window
from resources.masking import Mask
from resources.progress import Progress
from resources.warehouse.people.forgetting import mask_of
from resources.warehouse.raw.schema import SPECS
from sync.by_id import chunks
from sync.counts import by_bucket
from sync.reconcile.compare_rows import Row
from sync.reconcile.explanations import LoadedUntil, in_quarantine
from sync.reconcile.lists import OF_PROJECT, OF_SPACE
from sync.reconcile.masked_people import People
from sync.reconcile.pairs import HISTORY, PARTS, Found, Pairs, Parts, changes_of_comment, labelled
from sync.reconcile.suspects import Suspects
from sync.reconcile.verdict import (
    CONTENT,
    EXTRA,
    Difference,
    ProjectReconciliation,
    Reconciliation,
    with_outcome,
)
from sync.visible_projects import Project


class RowReconciliation:
    """One row reconciliation of the projects with `only` these keys (None: all), and when these are
    all, of the lists of the space.

    It remembers `_source` (table and project -> rows there; project 0: the space), `_errors`, a
    line for each part that could not be read, `_incomplete`, the projects of these, `_silent`,
    archived projects that list no issues, and `_whole`, what the source has shown whole, by table
    and project.
    """

    def __init__(
        self,
        client: BacklogClient,
        engine: Engine,
        only: Collection[str] | None,
        progress: Progress,
        *,
        mask: Mask,
        comments: bool,
        parts: Parts = PARTS,
    ) -> None:
        space = client.space_info()
        visible = [
            Project(int(project["id"]), str(project["projectKey"]), bool(project.get("archived")))
            for project in client.visible_projects()
        ]
        projects = [project for project in visible if only is None or project.key in only]
        self._space_key = str(space["spaceKey"])
        self._source: Counter[tuple[str, int]] = Counter()
        self._errors: list[str] = []
        self._incomplete: set[int] = set()
        self._silent: set[int] = set()
        self._whole: set[tuple[str, int]] = set()
        self._loaded = LoadedUntil.read(
            engine, self._space_key, [project.id for project in projects]
        )
        self._client, self._engine, self._projects, self._progress = (
            client,
            engine,
            projects,
            progress,
        )
        self._of_space, self._comments = len(projects) == len(visible), comments
        ids = [project.id for project in visible]
        self._people = People(mask_of(engine, self._space_key, mask))
        timezone = str(space["timezone"])
        self._pairs = Pairs(client, self._people, engine, self._space_key, timezone, ids, parts)
        self._suspects = Suspects()
        self._unreadable: list[Difference] = []

    def run(self) -> Reconciliation:
        """Compare everything.

        Raises:
            BacklogError: the key is refused or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        with self._measured(
            "lists", len(OF_SPACE) * self._of_space + len(OF_PROJECT) * len(self._projects)
        ):
            for table in OF_SPACE if self._of_space else ():
                with self._part(table):
                    self._list(table, None)
            for project in self._projects:
                for table in OF_PROJECT:
                    with self._part(f"{project.key}, {table}", project):
                        self._list(table, project.id)
        seen: dict[int, array[int]] = {}
        with self._measured("issues", self._stored_rows("issues")):
            for project in self._projects:
                with self._part(project.key, project):
                    ids = self._issues(project)
                    if ids is None:
                        self._silent.add(project.id)
                    else:
                        seen[project.id] = ids
        if self._comments:
            with self._measured("comments", sum(map(len, seen.values()))):
                for project in self._projects:
                    if project.id in seen:
                        with self._part(f"{project.key}, comments", project):
                            self._comments_of(project, seen[project.id])
        unreadable = in_quarantine(self._engine, self._space_key, self._unreadable)
        return self._result([*unreadable, *self._recheck(self._suspects)])

    def again(self, found: Reconciliation) -> Reconciliation:
        """Compare once more what differed, and only that; what does not any more is repaired.

        Raises:
            BacklogError: the key is refused or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        suspects = Suspects()
        suspects.add(found.differences)
        left = [
            one for one in found.differences if not one.ids and one.table != "space"
        ] + self._recheck(suspects)
        remaining = {(one.table, one.key) for one in left}
        repaired = [one for one in found.differences if (one.table, one.key) not in remaining]
        return replace(self._result(left), repaired_rows=repaired)

    def _recheck(self, suspects: Suspects) -> list[Difference]:
        """Read suspects once more, on both sides, and return those that differ still."""
        if not suspects:
            return []
        found: Found = []
        with self._measured("suspects", None):
            for table, project in sorted(suspects.lists, key=str):
                with self._part(table):
                    found += self._pairs.listed(table, project)[1]
            history = self._pairs.comments(suspects.comments)
            # An issue that has moved to another project takes its comments along, and shows that
            # only in its own row.
            moved = {one.issue_id for one, _ in history if one.kind == CONTENT}
            # Whether an archived project that lists no issues still has them is not documented:
            # there absence proves nothing.
            issues = self._pairs.issues(suspects.issues | moved)
            found += [
                (one, record)
                for one, record in issues
                if one.kind != EXTRA or one.project_id not in self._silent
            ]
            # With an issue that is gone its comments are gone too: one difference, not many.
            gone = {one.ids[0] for one, _ in found if one.table == "issues" and one.kind == EXTRA}
            found += [(one, record) for one, record in history if one.issue_id not in gone]
            return labelled(
                self._engine,
                self._space_key,
                self._loaded.explain(self._client, self._engine, self._space_key, found),
            )

    def _stored(self, table: str, project_id: int | None) -> int:
        """Count the rows of a table that are not marked deleted, of a project or of the space."""
        columns = SPECS[table].table.c
        query = select(func.count()).where(columns.space_key == self._space_key)
        if SPECS[table].vanishes:
            query = query.where(columns.deleted_at.is_(None))
        if project_id is not None:
            query = query.where(columns.project_id == project_id)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    # -- the result --------------------------------------------------------------------------------

    def _result(self, differences: Sequence[Difference]) -> Reconciliation:
        tables = [
            *(OF_SPACE if self._of_space else ()),
            *OF_PROJECT,
            "issues",
            *(HISTORY if self._comments else ()),
        ]
        ids = [project.id for project in self._projects]
        scopes = {table: [0] if table in OF_SPACE else ids for table in tables}
        parts = [(table, project) for table in tables for project in scopes[table]]
        unequal = {(one.table, project) for one in differences for project in one.projects}
        # The comments of an issue that is gone are no differences of their own.
        gone = [one for one in differences if one.table == "issues" and one.kind == EXTRA]
        unequal |= {(table, one.project_id) for table in HISTORY for one in gone}
        counts = {part: self._counts(part, equal=part not in unequal) for part in parts}
        return Reconciliation(
            "rows",
            [self._project(one, differences, *counts["issues", one.id]) for one in self._projects],
            {table: _sum(counts[table, project] for project in scopes[table]) for table in tables},
            differences,
            (*self._errors, *self._shown_again()),
            partial={part[0] for part in parts if part not in self._whole},
        )

    def _counts(self, part: tuple[str, int], *, equal: bool) -> tuple[int, int]:
        """Return the rows of a table on both sides, of a project or of the space (0).

        Where a part was compared whole and is `equal`, the source has as many as the warehouse:
        what came or went on both sides since the source was read is in the newer number only.
        """
        table, project = part
        stored = self._stored(table, project or None)
        return (stored if equal and part in self._whole else self._source[part]), stored

    def _project(
        self,
        project: Project,
        differences: Sequence[Difference],
        source: int,
        stored: int,
    ) -> ProjectReconciliation:
        """Say how a project compares; an issue that has moved differs in the one it left, too."""
        mine = [one for one in differences if project.id in one.projects]
        quarantined, behind = (
            len(with_outcome("quarantined", mine)),
            len(with_outcome("behind", mine)),
        )
        watermark = self._loaded.watermarks.get(project.id)
        notes = [] if self._comments else ["without comments"]
        notes += ["it is archived and lists no issues"] if project.id in self._silent else []
        notes += ["not compared whole"] if project.id in self._incomplete else []
        notes += [f"{quarantined} in quarantine"] if quarantined else []
        return ProjectReconciliation(
            project.id,
            project.key,
            source,
            stored,
            len(with_outcome("different", mine)),
            {"changed": behind},
            watermark.isoformat() if watermark else None,
            "; ".join(notes) or None,
            quarantined,
            project.id not in self._incomplete | self._silent,
        )

    def _shown_again(self) -> Iterator[str]:
        """Yield a line for each table that shows a forgotten person by a name that became known
        meanwhile.
        """
        for table, rows in self._people.stored_names(self._engine, self._space_key).items():
            yield (
                f"{table}: {rows} rows show a new name of a forgotten person; "
                "`backlog-elt load` erases it"
            )

    # -- one table after the other -----------------------------------------------------------------

    def _list(self, table: str, project_id: int | None) -> None:
        listed, found = self._pairs.listed(table, project_id, fresh=False)
        self._source[table, project_id or 0] = len(listed.records)
        if listed.whole:
            self._whole.add((table, project_id or 0))
        self._suspect(found)
        self._progress.advance("verify lists", 1)

    def _issues(self, project: Project) -> "array[int] | None":
        """Compare the issues of a project and return their ids; None when an archived project does
        not list them any more.
        """
        scan = scan_window(self._client, Window((project.id,)))
        rows = 0
        try:
            records = (record for page in scan for record in page.everything)
            for batch in chunks(records, self._pairs.parts.rows):
                self._suspect(self._pairs.these_issues(batch))
                self._progress.advance("verify issues", len(batch))
                rows += len(batch)
        except (NotFound, PermissionDenied):
            if project.archived:
                return None
            raise
        if project.archived and not rows:
            return None
        self._source["issues", project.id] = len(scan.seen_ids)
        self._whole.add(("issues", project.id))
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
            if len(rows) >= self._pairs.parts.rows:
                self._compare_comments(project, issues, rows)
                issues, rows = [], []
        self._compare_comments(project, issues, rows)
        # Comments that stand at no issue which the source lists, unless that issue is a suspect
        # already.
        known = self._suspects.issues.union(ids)
        for table in HISTORY:
            strays = self._present(table, "issue_id", project.id) - known
            self._suspects.comments |= dict.fromkeys(strays, project.id)
            self._whole.add((table, project.id))

    def _compare_comments(
        self, project: Project, issues: Sequence[int], rows: Sequence[Row]
    ) -> None:
        self._source["comments", project.id] += len(rows)
        self._source["issue_changes", project.id] += sum(
            len(changes_of_comment(row.record, row.issue_id, project.id)) for row in rows
        )
        self._suspect(self._pairs.these_comments(issues, rows))
        self._progress.advance("verify comments", len(issues))

    def _suspect(self, found: Found) -> None:
        self._suspects.add(one for one, _ in found)
        self._unreadable += [one for one, _ in found if one.key.startswith("?")]

    # -- what all of them need ---------------------------------------------------------------------

    def _present(self, table: str, column: str, project_id: int) -> set[int]:
        columns = SPECS[table].table.c
        query = select(columns[column].distinct()).where(
            columns.space_key == self._space_key,
            columns.project_id == project_id,
            columns.deleted_at.is_(None),
        )
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def _stored_rows(self, table: str) -> int:
        return sum(self._stored(table, project.id) for project in self._projects)

    @contextmanager
    def _part(self, what: str, project: Project | None = None) -> Iterator[None]:
        """Let the other parts go on when the source refuses one."""
        try:
            yield
        except AuthenticationError:
            raise
        except (PermanentError, IncompleteScan) as error:
            self._errors.append(f"{what}: {error}")
            self._incomplete |= {project.id} if project else set()

    @contextmanager
    def _measured(self, what: str, total: int | None) -> Iterator[None]:
        before = self._client.stats.snapshot()
        self._progress.start(f"verify {what}", total)
        try:
            yield
        finally:
            self._progress.done(f"verify {what}", {}, by_bucket(self._client.stats - before))


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Add up rows at the source, and rows in the warehouse."""
    source, stored = (sum(side) for side in zip((0, 0), *counts, strict=True))
    return source, stored

"""A comparison from start to end: what is compared, what is recorded, and how a repaired project is compared again."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.progress import Progress
from resources.warehouse.people import showing
from resources.warehouse.reconciliations import How, Outcome, record
from sync.reconcile.count_level import quick
from sync.reconcile.differences import QUARANTINED, Difference
from sync.reconcile.lists import OF_PROJECT, OF_SPACE
from sync.reconcile.pairs import HISTORY
from sync.reconcile.repair import Repair, ask
from sync.reconcile.result import ProjectVerdict, Verification
from sync.reconcile.row_level import Deep, Suspects
from sync.visible_projects import Project


class Comparison:
    """A comparison of some projects (keys), and in the deep form of the lists of the space when all projects are compared."""

    def __init__(
        self, client: BacklogClient, engine: Engine, projects: Collection[str], progress: Progress, *, comments: bool = True
    ) -> None:
        visible = [
            Project(int(project["id"]), str(project["projectKey"]), bool(project.get("archived")))
            for project in client.visible_projects()
        ]
        self._chosen = [project for project in visible if project.key in projects]
        self._client, self._engine, self._progress = client, engine, progress
        self._space_key = str(client.space_info()["spaceKey"])
        self._whole, self._comments = len(self._chosen) == len(visible), comments
        self._deep: Deep | None = None

    def quick(self) -> Verification:
        """Compare numbers.

        Raises:
            BacklogError: a project refuses to be counted, or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        found = quick(self._client, self._engine, {project.key for project in self._chosen})
        self._keep(found)
        return found

    def deep(self) -> Verification:
        """Compare every row.

        Raises:
            BacklogError: the key is refused or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        self._deep = Deep(self._client, self._engine, self._chosen, self._progress, of_space=self._whole, comments=self._comments)
        found = self._verification(self._deep, self._deep.run())
        self._keep(found)
        return found

    def ask(self, found: Verification) -> Repair:
        """Put down what differs to be loaded again.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """
        return ask(self._engine, self._space_key, found.differences)

    def again(self, found: Verification) -> Verification:
        """Compare once more what differed in a deep comparison, and only that.

        Raises:
            BacklogError: the key is refused or the source is not available.
            WarehouseError: the warehouse cannot be used.
        """
        if self._deep is None:
            raise RuntimeError("there was no deep comparison")
        suspects = Suspects()
        suspects.add(found.differences)
        left = [one for one in found.differences if not one.ids and one.table != "space"] + self._deep.recheck(suspects)
        remaining = {(one.table, one.key) for one in left}
        repaired = [one for one in found.differences if (one.table, one.key) not in remaining]
        after = replace(self._verification(self._deep, left), repaired_rows=repaired)
        self._keep(after)
        return after

    def _verification(self, deep: Deep, differences: Sequence[Difference]) -> Verification:
        tables = [*(OF_SPACE if self._whole else ()), *OF_PROJECT, "issues", *(HISTORY if self._comments else ())]
        ids = [project.id for project in self._chosen]
        stored = {
            table: deep.stored(table, None) if table in OF_SPACE else sum(deep.stored(table, project) for project in ids)
            for table in tables
        }
        return Verification(
            "rows",
            [self._verdict(deep, project, differences) for project in self._chosen],
            {table: (sum(deep.source[table, project] for project in (0, *ids)), stored[table]) for table in tables},
            differences,
            (*deep.errors, *self._shown_again()),
        )

    def _shown_again(self) -> Iterator[str]:
        """Yield a line for each table that shows somebody who is forgotten by a name that the source has told meanwhile."""
        for table, rows in showing(self._engine, self._space_key, self._client.mask).items():
            yield f"{table}: {rows} rows show a new name of somebody who is forgotten; `backlog-elt load` erases it"

    def _verdict(self, deep: Deep, project: Project, differences: Sequence[Difference]) -> ProjectVerdict:
        mine = [one for one in differences if one.project_id == project.id]
        refused = sum(one.kind == QUARANTINED for one in mine)
        watermark = deep.reasons.watermarks.get(project.id)
        notes = [] if self._comments else ["without comments"]
        if project.id in deep.silent:
            notes.append("it is archived and lists no issues")
        if project.id in deep.incomplete:
            notes.append("not compared whole")
        notes += [f"{refused} in quarantine"] if refused else []
        return ProjectVerdict(
            project.id,
            project.key,
            deep.source["issues", project.id],
            deep.stored("issues", project.id),
            sum(one.different for one in mine),
            sum(one.behind for one in mine),
            watermark.isoformat() if watermark else None,
            "; ".join(notes) or None,
            refused,
        )

    def _keep(self, found: Verification) -> None:
        """Record how each project came out."""
        left_out = self._deep.incomplete | self._deep.silent if self._deep else set()
        kept: dict[How, list[Outcome]] = {"count": [], "rows": []}
        for project in found.projects:
            if project.conclusive and project.id not in left_out:
                notes = [project.note, f"changed since the last load: {project.behind}" if project.behind else None]
                outcome = Outcome(
                    project.id, project.source, project.warehouse, project.differences, "; ".join(filter(None, notes)) or None
                )
                # Without comments nothing is proven of these: then an equal project has the right numbers, no more.
                partial = not self._comments and not project.differences
                kept["count" if found.how == "count" or partial else "rows"].append(outcome)
        with self._engine.begin() as connection:
            for how, outcomes in kept.items():
                record(connection, self._space_key, how, outcomes)

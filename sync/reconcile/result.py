"""What a comparison found, for people and programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sync.reconcile.differences import QUARANTINED, Difference

Status = Literal["equal", "behind", "different"]
How = Literal["count", "rows"]
#: Differences in the object of `--json`; the counts are of all.
LISTED = 1_000


@dataclass(frozen=True)
class ProjectVerdict:
    """One project: its issues on both sides, and rows of all its tables that differ or are behind."""

    id: int
    key: str
    source: int
    warehouse: int
    differences: int
    behind: int
    loaded_until: str | None
    note: str | None = None
    quarantined: int = 0
    conclusive: bool = True
    """False where it changed too fast to be compared."""

    @property
    def status(self) -> Status:
        """Say how the project compares."""
        return status_of(self.differences, self.behind)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `verify --json`."""
        return {
            "project": self.key,
            "status": self.status,
            "source": self.source,
            "warehouse": self.warehouse,
            "differences": self.differences,
            "behind": self.behind,
            "quarantined": self.quarantined,
            "loaded_until": self.loaded_until,
            "note": self.note,
        }


@dataclass(frozen=True)
class Verification:
    """The whole comparison; `tables` has the rows of each table that were compared, as (source, warehouse)."""

    how: How
    projects: Sequence[ProjectVerdict]
    tables: dict[str, tuple[int, int]]
    differences: Sequence[Difference] = ()
    errors: Sequence[str] = ()
    repaired_rows: Sequence[Difference] = ()
    """Rows that differed and do not any more."""

    @property
    def repaired(self) -> dict[str, int]:
        """Table -> rows that were repaired, where there are any."""
        return dict(Counter(one.table for one in self.repaired_rows))

    @property
    def status(self) -> Status:
        """Say how the warehouse compares with the source, over all projects and the lists of the space."""
        unequal = sum(one.different for one in self.differences) + sum(project.differences for project in self.projects)
        behind = sum(one.behind for one in self.differences) + sum(project.behind for project in self.projects)
        return status_of(unequal, behind)

    def failed(self, *, strict: bool = False) -> bool:
        """Say whether the command is to end with 1: rows differ or could not be compared, or when `strict` are behind."""
        return self.status == "different" or (strict and self.status == "behind") or bool(self.errors)

    def as_json(self) -> dict[str, Any]:
        """Return the object of `verify --json`, but for what it cost."""
        names = {project.id: project.key for project in self.projects}
        counts = {
            "differences": Counter(one.table for one in self.differences if one.different),
            "behind": Counter(one.table for one in self.differences if one.behind),
            "quarantined": Counter(one.table for one in self.differences if one.kind == QUARANTINED),
        }
        if self.how == "count":
            counts = {name: Counter(issues=sum(getattr(project, name) for project in self.projects)) for name in counts}
        return {
            "status": self.status,
            "how": self.how,
            "projects": [project.as_json() for project in self.projects],
            "tables": {
                table: {"source": source, "warehouse": stored, **{name: rows[table] for name, rows in counts.items()}}
                for table, (source, stored) in self.tables.items()
            },
            "differences": [one.as_json(names) for one in sorted(self.differences, key=lambda one: not one.different)[:LISTED]],
            "repaired": self.repaired,
            "repaired_rows": [one.as_json(names) for one in self.repaired_rows[:LISTED]],
            "errors": list(self.errors),
        }


def status_of(differences: int, behind: int) -> Status:
    """Say in one word how two sides compare."""
    return "different" if differences else "behind" if behind else "equal"

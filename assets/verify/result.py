"""What a comparison found, for people and programs.

Add here: another figure of a comparison. Keep out: how it is drawn (`pipelines/console_verify.py`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assets.verify.differences import Difference

Status = Literal["equal", "behind", "different"]
How = Literal["quick", "deep"]
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
    mended_rows: Sequence[Difference] = ()
    """Rows that differed and do not any more."""

    @property
    def mended(self) -> dict[str, int]:
        """Table -> rows that were mended, where there are any."""
        return dict(Counter(one.table for one in self.mended_rows))

    @property
    def status(self) -> Status:
        """Say how the warehouse compares with the source, over all projects and the lists of the space."""
        rows = Counter(one.behind for one in self.differences)
        unequal = rows[False] + sum(project.differences for project in self.projects)
        return status_of(unequal, rows[True] + sum(project.behind for project in self.projects))

    @property
    def failed(self) -> bool:
        """Whether the command is to end with 1."""
        return self.status != "equal" or bool(self.errors)

    def as_json(self) -> dict[str, Any]:
        """Return the object of `verify --json`, but for what it cost."""
        names = {project.id: project.key for project in self.projects}
        different, behind = (Counter(one.table for one in self.differences if one.behind is late) for late in (False, True))
        if self.how == "quick":
            different["issues"], behind["issues"] = (
                sum(getattr(project, name) for project in self.projects) for name in ("differences", "behind")
            )
        return {
            "status": self.status,
            "how": self.how,
            "projects": [project.as_json() for project in self.projects],
            "tables": {
                table: {"source": source, "warehouse": stored, "differences": different[table], "behind": behind[table]}
                for table, (source, stored) in self.tables.items()
            },
            "differences": [one.as_json(names) for one in sorted(self.differences, key=lambda one: one.behind)[:LISTED]],
            "mended": self.mended,
            "mended_rows": [one.as_json(names) for one in self.mended_rows[:LISTED]],
            "errors": list(self.errors),
        }


def status_of(differences: int, behind: int) -> Status:
    """Say in one word how two sides compare."""
    return "different" if differences else "behind" if behind else "equal"

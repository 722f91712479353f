"""What a reconciliation found, for people and programs."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from resources.warehouse.state.reconciliations import Level

#: How a row, or a number of rows, compares. `sync/reconcile/__init__.py` says what each means.
Outcome = Literal["equal", "behind", "quarantined", "different"]
#: How a project or the warehouse compares: what is in quarantine does not make it unequal, and is
#: counted apart.
Status = Literal["equal", "behind", "different"]

MISSING = "missing in warehouse"
EXTRA = "not at source"
STALE = "stale"
CONTENT = "content differs"
COLUMN = "column differs from payload"
#: Every kind of difference, in the order in which they are shown.
KINDS: Final = (MISSING, EXTRA, STALE, CONTENT, COLUMN)
#: Shown instead of the kind of a row that the warehouse refuses.
QUARANTINED = "in quarantine"
TOO_FAST = "it changes too fast to be compared; try again when it is quieter"
#: Characters of a value that are shown of it.
SHOWN = 120


@dataclass(frozen=True)
class Difference:
    """One row that is not the same on both sides; the values are cut to what a reader needs to see
    the difference.
    """

    table: str
    project_id: int
    issue_id: int
    key: str
    kind: str
    source: str
    warehouse: str
    outcome: Outcome = "different"
    label: str = ""
    """What people know the row by, empty where there is no such thing."""
    stored_in: int = 0
    """The project of the row in the warehouse, where the source has it in another one."""

    @property
    def projects(self) -> set[int]:
        """The projects in which a row is missing, too much or different; 0 for the space."""
        return {self.project_id, self.stored_in or self.project_id}

    @property
    def ids(self) -> tuple[int, ...]:
        """The key as numbers; empty for a row that has none."""
        return (
            tuple(int(part) for part in self.key.split("/"))
            if self.key and not self.key.startswith("?")
            else ()
        )


def with_outcome(outcome: Outcome, differences: Iterable[Difference]) -> list[Difference]:
    """Return the differences that have an outcome."""
    return [one for one in differences if one.outcome == outcome]


@dataclass(frozen=True)
class ProjectReconciliation:
    """One project: its issues on both sides, and its rows that differ, by outcome.

    `differences`: rows that nothing explains. `since_load`: what has happened at the source since
        the last load, as `created` -> 3. Not `conclusive`: it could not be compared, or not whole.
    """

    id: int
    key: str
    source: int
    warehouse: int
    differences: int
    since_load: Mapping[str, int] = field(default_factory=dict)
    loaded_until: str | None = None
    note: str | None = None
    quarantined: int = 0
    conclusive: bool = True

    @property
    def behind(self) -> int:
        """Rows that came, went or changed at the source since the last load."""
        return sum(self.since_load.values())

    @property
    def status(self) -> Status:
        """Say how the project compares."""
        return status_of(self.differences, self.behind)

    @property
    def remark(self) -> str:
        """Say which part of a difference is no fault, and what else there is to know."""
        parts = ", ".join(f"{number} {name}" for name, number in self.since_load.items() if number)
        return "; ".join(filter(None, (f"{parts} since the last load" if parts else "", self.note)))


@dataclass(frozen=True)
class Reconciliation:
    """The whole comparison; `tables` has the rows of each table, as (source, warehouse).

    Of `partial` tables the source did not show all: whether a row is gone there is not known.
    """

    level: Level
    projects: Sequence[ProjectReconciliation]
    tables: dict[str, tuple[int, int]]
    differences: Sequence[Difference] = ()
    errors: Sequence[str] = ()
    repaired_rows: Sequence[Difference] = ()
    """Rows that differed and do not any more."""
    partial: Collection[str] = ()

    @property
    def repaired(self) -> dict[str, int]:
        """Table -> rows that were repaired, where there are any."""
        return dict(Counter(one.table for one in self.repaired_rows))

    @property
    def status(self) -> Status:
        """Say how the warehouse compares with the source, over all projects and the lists of the
        space.
        """
        unequal = len(with_outcome("different", self.differences)) + sum(
            project.differences for project in self.projects
        )
        behind = len(with_outcome("behind", self.differences)) + sum(
            project.behind for project in self.projects
        )
        return status_of(unequal, behind)


@dataclass(frozen=True)
class Repair:
    """The refetch that was requested: lists by their tables, and whether there are issues or
    comments to read.
    """

    tables: tuple[str, ...]
    issues: bool


def status_of(differences: int, behind: int) -> Status:
    """Say in one word how two sides compare."""
    return "different" if differences else "behind" if behind else "equal"


def short(text: str) -> str:
    """Cut a value to what is shown of it; characters that no terminal can write are replaced."""
    whole = text.encode(errors="replace").decode()
    return whole if len(whole) <= SHOWN else whole[: SHOWN - 1] + "…"

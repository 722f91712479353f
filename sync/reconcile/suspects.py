"""Rows that a first pass has found to differ: they are read once more before they are reported."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sync.reconcile.lists import OF_PROJECT
from sync.reconcile.pairs import HISTORY
from sync.reconcile.verdict import Difference


@dataclass
class Suspects:
    """Rows that may differ: lists as (table, project), issues by id, issues (id -> project) whose
    comments are to be looked at.
    """

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

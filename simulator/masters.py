"""The masters of a project: statuses, issue types, categories, versions, custom fields; and the
fixed lists.
"""

from dataclasses import dataclass, field
from typing import Any

TEXT, TEXT_AREA, NUMBER, DATE, SINGLE, MULTIPLE, CHECKBOX, RADIO = range(1, 9)
LIST_KINDS = (SINGLE, MULTIPLE, CHECKBOX, RADIO)
ADMINISTRATOR, MEMBER, REPORTER, VIEWER, GUEST_REPORTER, GUEST_VIEWER = range(1, 7)
PRIORITIES = {2: ("高", "High"), 3: ("中", "Normal"), 4: ("低", "Low")}
RESOLUTIONS = {
    0: ("対応済み", "Fixed"),
    1: ("対応しない", "Won't Fix"),
    2: ("無効", "Invalid"),
    3: ("重複", "Duplication"),
    4: ("再現しない", "Cannot Reproduce"),
}
OPEN, IN_PROGRESS, RESOLVED, CLOSED = range(1, 5)

Choice = tuple[tuple[int, ...], str | None]
"""Value of a list field: the chosen item ids, and the free text of "other"."""
FieldValue = str | float | Choice


@dataclass(slots=True)
class Status:
    """A state of issues; ids 1 to 4 are the same in every project."""

    id: int
    name: str
    color: str
    order: int


@dataclass(slots=True)
class IssueType:
    """A type of issues, with templates for new ones."""

    id: int
    name: str
    color: str
    order: int
    template_summary: str | None = None
    template_description: str | None = None


@dataclass(slots=True)
class Category:
    """A label of issues."""

    id: int
    name: str
    order: int


@dataclass(slots=True)
class Version:
    """A version of the product, also used as a milestone."""

    id: int
    name: str
    description: str | None
    start: str | None
    due: str | None
    archived: bool
    order: int


@dataclass(slots=True)
class Item:
    """A choice of a list field; ids are small numbers, unique within the field."""

    id: int
    name: str
    order: int
    removed: bool = False


@dataclass(slots=True)
class CustomField:
    """A field that a project has added to its issues; `extra` has what is specific to its kind."""

    id: int
    kind: int
    name: str
    description: str
    required: bool
    issue_types: list[int]
    order: int
    items: dict[int, Item] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def applies_to(self, type_id: int) -> bool:
        """Return whether issues of a type have this field."""
        return not self.issue_types or type_id in self.issue_types

"""Changes of single fields, as the change log of comments tells them: what of them can be compared.

The ids behind a value are found when a comment is loaded, from names as they were known then. They are no part of what the source
tells, so they are left out on both sides.
"""

from typing import Any

from resources.backlog.changelog import changes_of
from resources.warehouse.records import Record, content_hash
from resources.warehouse.spec import TableSpec
from sync.changes import ADDED


def changes_of_comment(comment: Any, issue_id: int, project_id: int) -> list[Record]:
    """Return the changes that a comment tells of; of one without a usable id, none."""
    known = isinstance(comment, dict) and isinstance(comment.get("id"), int)
    return changes_of(comment, issue_id, project_id) if known else []


def told_content(spec: TableSpec, change: Record) -> str:
    """Return a hash of what the source tells of a change."""
    return content_hash(spec, {name: value for name, value in change.items() if name not in ADDED})

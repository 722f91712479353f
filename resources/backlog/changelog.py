"""The change log of comments in standard words: one record for each field change, in the shape that
`raw.issue_changes` takes.

Source of the names: the constants of Nulab's own migration tools (`assigner`, `limitDate` and
`component` are Backlog's words for assignee, due date and category); the shapes:
https://developer.nulab.com/docs/backlog/api/2/get-comment-list/
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from resources.backlog.client_values import Record
from resources.backlog.feed import whole

FIELDS: Final[dict[str, str]] = {
    "summary": "summary",
    "description": "description",
    "status": "status",
    "assigner": "assignee",
    "issueType": "issue_type",
    "startDate": "start_date",
    "limitDate": "due_date",
    "component": "category",
    "version": "version",
    "milestone": "milestone",
    "priority": "priority",
    "resolution": "resolution",
    "estimatedHours": "estimated_hours",
    "actualHours": "actual_hours",
    "parentIssue": "parent_issue",
}
"""Field as the change log calls it -> its standard English name."""

_KINDS = ("attachment", "notification", "commit")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+")


def changes_of(comment: Record, issue_id: int, project_id: int) -> list[Record]:
    """Return the changes that a comment reports; ids are given only where the change log itself has
    them.

    `position` is the place in the change log: an entry that is no object makes no record, and the
    others keep their places. `field` is `custom_field_77` for a custom field (`sourceField` has its
    name of then), and the source's own word in snake_case for what is not documented, with the kind
    `other`. An empty value is None; the entry as received is in `changeLog`.
    """
    author = comment.get("createdUser")
    shared = {
        "commentId": comment.get("id"),
        "issueId": issue_id,
        "projectId": project_id,
        "created": comment.get("created"),
        "createdUser": {"id": author.get("id")} if isinstance(author, dict) else None,
    }
    return [
        {**shared, "position": position, **_change(item), "changeLog": item}
        for position, item in _items(comment)
    ]


def _items(comment: Record) -> Iterator[tuple[int, dict[str, Any]]]:
    log = comment.get("changeLog")
    return (
        (position, item)
        for position, item in enumerate(log if isinstance(log, list) else [])
        if isinstance(item, dict)
    )


def _change(item: dict[str, Any]) -> dict[str, Any]:
    source = _value_text(item.get("field"))
    custom_field_id = _id_in(item.get("attributeInfo"))
    kind = _kind(item, source)
    old, new = _value_text(item.get("originalValue")), _value_text(item.get("newValue"))
    file_id = _id_in(item.get("attachmentInfo")) if kind == "attachment" else None
    old_id = None if old is None else file_id
    new_id = None if new is None else file_id
    return {
        "field": _field(kind, source, custom_field_id),
        "sourceField": source,
        "kind": kind,
        "oldValue": old,
        "newValue": new,
        "oldId": old_id,
        "newId": new_id,
        "oldIds": None if old_id is None else [old_id],
        "newIds": None if new_id is None else [new_id],
        "customFieldId": custom_field_id if kind == "custom" else None,
    }


def _kind(item: dict[str, Any], source: str | None) -> str:
    """Find the kind by the info that goes with an entry, since a custom field may have any name; by
    its field otherwise.
    """
    for info, kind in (
        ("attributeInfo", "custom"),
        ("attachmentInfo", "attachment"),
        ("notificationInfo", "notification"),
    ):
        if isinstance(item.get(info), dict) and item[info]:
            return kind
    if source in FIELDS:
        return "standard"
    return source if source in _KINDS else "other"


def _field(kind: str, source: str | None, custom_field_id: int | None) -> str | None:
    if kind == "custom":
        return "custom_field" if custom_field_id is None else f"custom_field_{custom_field_id}"
    if kind in _KINDS:
        return kind
    if source is None:
        return None
    return FIELDS.get(source) or "_".join(_WORD.findall(source)).lower() or source


def _id_in(info: object) -> int | None:
    return whole(info.get("id")) if isinstance(info, dict) else None


def _value_text(value: object) -> str | None:
    """Return a value as text, None when it is empty; what is no text is given as JSON."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Converts the change log of comments to one record for each changed field, in the shape of
`raw.issue_changes`.

Source of the names: the constants of Nulab's own migration tools (`assigner`, `limitDate` and
`component` are Backlog's words for assignee, due date and category). Source of the shapes:
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
"""Name of a field in the change log -> its standard English name."""

_KINDS = ("attachment", "notification", "commit")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+")


def changes_of(comment: Record, issue_id: int, project_id: int) -> list[Record]:
    """Return the changes that a comment reports. Ids are set only where the change log has them.

    `position` is the index in the change log. An entry that is not an object makes no record, and
    the others keep their position. `field` is `custom_field_77` for a custom field, whose name at
    that time is in `sourceField`. An undocumented field has the kind `other` and the source's word
    in snake_case. An empty value is None. `changeLog` is the entry as received.
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
    """Return the kind of an entry, by its info object first: a custom field may have any name."""
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
    """Return a value as text: None when it is empty, JSON when it is not a string."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""The changes of an edit in Backlog's two forms: shown names (comments) and references
(activities).
"""

from collections.abc import Mapping
from typing import Any

from simulator.masters import LIST_KINDS, PRIORITIES, RESOLUTIONS, CustomField, FieldValue
from simulator.model import Change, Issue, Project
from simulator.state import State

FIELD_NAMES = {
    "summary": "summary",
    "description": "description",
    "status_id": "status",
    "assignee_id": "assigner",
    "type_id": "issueType",
    "start_date": "startDate",
    "due_date": "limitDate",
    "category_ids": "component",
    "version_ids": "version",
    "milestone_ids": "milestone",
    "priority_id": "priority",
    "resolution_id": "resolution",
    "estimated_hours": "estimatedHours",
    "actual_hours": "actualHours",
    "parent_id": "parentIssue",
}
"""Attribute of an issue -> its name in Backlog's history."""


def changes_of(
    state: State, issue: Issue, fields: Mapping[str, Any], custom: Mapping[int, FieldValue | None]
) -> tuple[Change, ...]:
    """Return the changes made by setting `fields` and `custom`; equal values are not changes.

    Raises:
        KeyError: an attribute cannot be edited, or an id does not belong to the project.
    """
    project = state.projects[issue.project_id]
    changes = []
    for name, new in fields.items():
        old = getattr(issue, name)
        if old != new:
            new_text, new_ref = _shown_value(state, project, name, new)
            old_text, old_ref = _shown_value(state, project, name, old)
            ids = _ids(name, new), _ids(name, old)
            changes.append(
                Change(FIELD_NAMES[name], new_text, old_text, new_ref, old_ref, None, None, *ids)
            )
    for field_id, choice in custom.items():
        was = issue.custom.get(field_id)
        if was != choice:
            definition = project.fields[field_id]
            new_text, old_text = field_text(definition, choice), field_text(definition, was)
            attribute = (definition.id, definition.kind)
            ids = _item_ids(definition, choice), _item_ids(definition, was)
            changes.append(
                Change(
                    definition.name, new_text, old_text, new_text, old_text, attribute, None, *ids
                )
            )
    return tuple(changes)


def field_text(definition: CustomField, value: FieldValue | None) -> str:
    """Return the value of a custom field as shown in the history."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        names = [definition.items[item].name for item in value[0]]
        return ", ".join([*names, value[1]] if value[1] else names)
    return str(value)


def _ids(name: str, value: Any) -> tuple[int, ...] | None:
    """Return the ids that an attribute refers to; None when it does not refer to anything with an
    id.
    """
    if not name.endswith(("_id", "_ids")):
        return None
    return () if value is None else value if isinstance(value, tuple) else (value,)


def _item_ids(definition: CustomField, value: FieldValue | None) -> tuple[int, ...] | None:
    if definition.kind not in LIST_KINDS:
        return None
    return value[0] if isinstance(value, tuple) else ()


def _shown_value(state: State, project: Project, name: str, value: Any) -> tuple[str, str]:
    """Return the shown name and the reference of a value."""
    if value is None or value == ():
        return "", ""
    lang = 0 if state.spec.lang == "ja" else 1
    match name:
        case "status_id":
            return project.statuses[value].name, str(value)
        case "priority_id":
            return PRIORITIES[value][lang], str(value)
        case "resolution_id":
            return RESOLUTIONS[value][lang], str(value)
        case "assignee_id":
            text = state.users[value].name
        case "type_id":
            text = project.issue_types[value].name
        case "category_ids":
            text = ", ".join(project.categories[one].name for one in value)
        case "version_ids" | "milestone_ids":
            text = ", ".join(project.versions[one].name for one in value)
        case "parent_id":
            text = state.issue_key(state.issues[value])
        case _:
            text = str(value)
    return text, text

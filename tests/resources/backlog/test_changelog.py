"""The change log in standard words, whatever shape its entries have."""

from typing import Any

import pytest

from resources.backlog.changelog import FIELDS, changes_of
from simulator.changes import FIELD_NAMES

Item = dict[str, Any]
CREATED = "2026-08-02T01:00:00Z"


def an_item(field: Any = "status", new: Any = "Closed", old: Any = "Open", **infos: Any) -> Item:
    empty = {"attachmentInfo": None, "attributeInfo": None, "notificationInfo": None}
    return {"field": field, "newValue": new, "originalValue": old} | empty | infos


def a_comment(*items: Any, **changes: Any) -> Item:
    author = {"id": 5_001, "name": "Mori A."}
    return {
        "id": 640_021,
        "content": "",
        "changeLog": list(items),
        "createdUser": author,
        "created": CREATED,
    } | changes


def change(item: Item) -> Item:
    [found] = changes_of(a_comment(item), 90_017, 300)
    return found


def fields_of(item: Item, *names: str) -> tuple[Any, ...]:
    found = change(item)
    return tuple(found[name] for name in names)


def test_a_change_has_the_whole_shape() -> None:
    assert change(an_item()) == {
        "commentId": 640_021, "position": 0, "issueId": 90_017, "projectId": 300,
        "created": CREATED,
        "createdUser": {"id": 5_001}, "field": "status", "sourceField": "status",
        "kind": "standard",
        "oldValue": "Open", "newValue": "Closed", "oldId": None, "newId": None, "oldIds": None,
        "newIds": None,
        "customFieldId": None, "changeLog": an_item(),
    }  # fmt: skip


def test_every_field_that_the_simulated_space_changes_has_a_standard_name() -> None:
    assert set(FIELD_NAMES.values()) <= set(FIELDS)


@pytest.mark.parametrize(
    ("source", "field", "kind"),
    [
        *(
            (source, field, "standard")
            for source, field in {
                "assigner": "assignee", "limitDate": "due_date", "component": "category",
                "issueType": "issue_type", "startDate": "start_date",
                "parentIssue": "parent_issue", "estimatedHours": "estimated_hours",
                "actualHours": "actual_hours", "milestone": "milestone", "version": "version",
                "summary": "summary",
            }.items()
        ),
        # What nobody has documented keeps its own word.
        *(
            (source, field, "other")
            for source, field in {
                "sprintGoal": "sprint_goal", "URL": "url", "apiURLPath": "api_url_path",
                "story points": "story_points", "due_day": "due_day", "工数": "工数", "--": "--",
                "v2Field": "v2_field",
            }.items()
        ),
    ],
)  # fmt: skip
def test_a_field_is_given_its_standard_name(source: str, field: str, kind: str) -> None:
    assert fields_of(an_item(source), "field", "sourceField", "kind") == (field, source, kind)


FILE = {"id": 8, "name": "a.pdf"}
ADDED = an_item("attachment", "a.pdf", "", attachmentInfo=FILE)
REMOVED = an_item("attachment", None, "a.pdf", attachmentInfo=FILE)
IDS = ("oldId", "newId", "oldIds", "newIds")
VALUES = ("oldValue", "newValue")
KIND = ("field", "kind", "customFieldId")
SAID = an_item("notification", "", None, notificationInfo={"type": "issue.create"})
NO_OBJECTS: list[Any] = [{}, [], "77", 77]
#: An entry of a change log -> some fields of what is made of it.
ENTRIES: list[tuple[Item, tuple[str, ...], tuple[Any, ...]]] = [
    # An entry without a field is kept.
    *(
        (
            an_item(none),
            ("field", "sourceField", "kind", "newValue"),
            (None, None, "other", "Closed"),
        )
        for none in (None, "")
    ),
    ({"newValue": "x"}, ("field", "kind", *VALUES), (None, "other", None, "x")),
    # An empty value is none, and all others are kept as they are.
    *((an_item("assigner", "Mori A.", empty), VALUES, (None, "Mori A.")) for empty in ("", None)),
    *((an_item("assigner", empty, "Mori A."), VALUES, ("Mori A.", None)) for empty in ("", None)),
    (an_item("limitDate", "2026/08/23", " 2026-08-01"), VALUES, (" 2026-08-01", "2026/08/23")),
    (an_item("actualHours", 2.5, 0), VALUES, ("0", "2.5")),
    (an_item("summary", ["鍵"], False), VALUES, ("false", '["鍵"]')),
    # A custom field without a usable id is still one, and an info that is no object says nothing.
    *(
        (an_item("Colour", attributeInfo=info), KIND, ("custom_field", "custom", None))
        for info in ({"id": None, "typeId": 1}, {"typeId": 1}, {"id": "x"})
    ),
    *(
        (an_item(attributeInfo=info, attachmentInfo=info), KIND, ("status", "standard", None))
        for info in NO_OBJECTS
    ),
    # An attachment has its id on the side where it is.
    *((one, ("field", "kind"), ("attachment", "attachment")) for one in (ADDED, REMOVED)),
    (ADDED, IDS, (None, 8, None, [8])),
    (REMOVED, IDS, (8, None, [8], None)),
    (an_item("attachment", "a.pdf", "", attachmentInfo=FILE | {"id": "8"}), IDS[:2], (None, 8)),
    (an_item("attachment", "", "", attachmentInfo=FILE), IDS, (None,) * 4),
    (an_item("attachment", "a.pdf", ""), ("kind", *IDS), ("attachment", *(None,) * 4)),
    # Notifications and commits are kinds of their own.
    (SAID, ("field", "kind", "newValue"), ("notification", "notification", None)),
    (
        an_item("commit", "a1b2c3", ""),
        ("field", "kind", "newValue"),
        ("commit", "commit", "a1b2c3"),
    ),
]


@pytest.mark.parametrize(("item", "names", "expected"), ENTRIES)
def test_an_entry_of_any_shape_becomes_a_change(
    item: Item, names: tuple[str, ...], expected: tuple[Any, ...]
) -> None:
    assert fields_of(item, *names) == expected


@pytest.mark.parametrize(
    "info", [{"id": 77, "typeId": 5}, {"id": 77, "typeId": "5"}, {"id": "77", "typeId": "5"}]
)
@pytest.mark.parametrize("name", ["Colour", "status", "attachment", "limitDate"])
def test_a_custom_field_is_known_by_its_id_whatever_its_name_is(name: str, info: Item) -> None:
    assert fields_of(an_item(name, attributeInfo=info), "sourceField", *KIND) == (
        name,
        "custom_field_77",
        "custom",
        77,
    )


def test_entries_that_are_no_objects_are_left_out_and_the_others_keep_their_places() -> None:
    found = changes_of(
        a_comment(None, an_item(), "text", ["x"], 7, an_item("summary")), 90_017, 300
    )
    assert [(one["position"], one["field"]) for one in found] == [(1, "status"), (5, "summary")]


@pytest.mark.parametrize("log", [None, [], {}, "status", 0])
def test_a_comment_without_a_change_log_has_no_changes(log: Any) -> None:
    assert changes_of(a_comment(changeLog=log), 90_017, 300) == []
    assert changes_of({"id": 1}, 90_017, 300) == []


@pytest.mark.parametrize("author", [None, "mori", {}])
def test_a_comment_without_a_known_author_has_its_changes(author: Any) -> None:
    [found] = changes_of(a_comment(an_item(), createdUser=author), 90_017, 300)
    assert (found["createdUser"] or {"id": None}) == {"id": None}


def test_the_comment_itself_is_left_alone() -> None:
    comment = a_comment(an_item("limitDate", ""))
    before = repr(comment)
    changes_of(comment, 90_017, 300)[0]["field"] = "x"
    assert repr(comment) == before

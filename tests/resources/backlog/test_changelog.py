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


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("assigner", "assignee"),
        ("limitDate", "due_date"),
        ("component", "category"),
        ("issueType", "issue_type"),
        ("startDate", "start_date"),
        ("parentIssue", "parent_issue"),
        ("estimatedHours", "estimated_hours"),
        ("actualHours", "actual_hours"),
        ("milestone", "milestone"),
        ("version", "version"),
        ("summary", "summary"),
    ],
)
def test_a_field_is_given_its_standard_name(source: str, field: str) -> None:
    assert fields_of(an_item(source), "field", "sourceField", "kind") == (field, source, "standard")


def test_every_field_that_the_simulated_space_changes_has_a_standard_name() -> None:
    assert set(FIELD_NAMES.values()) <= set(FIELDS)


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("sprintGoal", "sprint_goal"),
        ("URL", "url"),
        ("apiURLPath", "api_url_path"),
        ("story points", "story_points"),
        ("due_day", "due_day"),
        ("工数", "工数"),
        ("--", "--"),
        ("v2Field", "v2_field"),
    ],
)
def test_a_field_that_nobody_has_documented_keeps_its_own_word(source: str, field: str) -> None:
    assert fields_of(an_item(source), "field", "sourceField", "kind") == (field, source, "other")


@pytest.mark.parametrize("field", [None, ""])
def test_an_entry_without_a_field_is_kept(field: Any) -> None:
    assert fields_of(an_item(field), "field", "sourceField", "kind", "newValue") == (
        None,
        None,
        "other",
        "Closed",
    )
    assert fields_of({"newValue": "x"}, "field", "kind", "oldValue", "newValue") == (
        None,
        "other",
        None,
        "x",
    )


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_value_is_none(empty: Any) -> None:
    assert fields_of(an_item("assigner", new="Mori A.", old=empty), "oldValue", "newValue") == (
        None,
        "Mori A.",
    )
    assert fields_of(an_item("assigner", new=empty, old="Mori A."), "oldValue", "newValue") == (
        "Mori A.",
        None,
    )


def test_values_are_kept_as_they_are() -> None:
    assert fields_of(an_item("limitDate", "2026/08/23", " 2026-08-01"), "oldValue", "newValue") == (
        " 2026-08-01",
        "2026/08/23",
    )
    assert fields_of(an_item("actualHours", 2.5, 0), "oldValue", "newValue") == ("0", "2.5")
    assert fields_of(an_item("summary", ["鍵"], False), "oldValue", "newValue") == (
        "false",
        '["鍵"]',
    )


@pytest.mark.parametrize(
    "info", [{"id": 77, "typeId": 5}, {"id": 77, "typeId": "5"}, {"id": "77", "typeId": "5"}]
)
@pytest.mark.parametrize("name", ["Colour", "status", "attachment", "limitDate"])
def test_a_custom_field_is_known_by_its_id_whatever_its_name_is(name: str, info: Item) -> None:
    found = fields_of(
        an_item(name, attributeInfo=info), "field", "sourceField", "kind", "customFieldId"
    )
    assert found == ("custom_field_77", name, "custom", 77)


@pytest.mark.parametrize("info", [{"id": None, "typeId": 1}, {"typeId": 1}, {"id": "x"}])
def test_a_custom_field_without_a_usable_id_is_still_one(info: Item) -> None:
    assert fields_of(an_item("Colour", attributeInfo=info), "field", "kind", "customFieldId") == (
        "custom_field",
        "custom",
        None,
    )


@pytest.mark.parametrize("info", [{}, [], "77", 77])
def test_an_info_that_is_no_object_says_nothing(info: Any) -> None:
    assert fields_of(an_item("status", attributeInfo=info, attachmentInfo=info), "field", "kind",
        "customFieldId") == (
        "status", "standard", None,
    )  # fmt: skip


@pytest.mark.parametrize("identifier", [8, "8"])
def test_an_attachment_has_its_id_on_the_side_where_it_is(identifier: Any) -> None:
    info = {"id": identifier, "name": "a.pdf"}
    sides = ("kind", "field", "oldId", "newId", "oldIds", "newIds")
    added = an_item("attachment", "a.pdf", "", attachmentInfo=info)
    assert fields_of(added, *sides) == ("attachment", "attachment", None, 8, None, [8])
    removed = an_item("attachment", None, "a.pdf", attachmentInfo=info)
    assert fields_of(removed, *sides) == ("attachment", "attachment", 8, None, [8], None)
    assert fields_of(an_item("attachment", "", "", attachmentInfo=info), *sides[2:]) == (
        None,
        None,
        None,
        None,
    )
    assert fields_of(an_item("attachment", "a.pdf", ""), *sides) == (
        "attachment",
        "attachment",
        None,
        None,
        None,
        None,
    )


def test_a_notification_and_a_commit_are_kinds_of_their_own() -> None:
    notification = an_item("notification", "", None, notificationInfo={"type": "issue.create"})
    assert fields_of(notification, "field", "kind", "newValue") == (
        "notification",
        "notification",
        None,
    )
    assert fields_of(an_item("commit", "a1b2c3", ""), "field", "kind", "newValue") == (
        "commit",
        "commit",
        "a1b2c3",
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

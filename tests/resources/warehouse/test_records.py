"""What counts as a change of a record."""

from typing import Any

import pytest

from resources.warehouse.raw.record_content import (
    BadRecordError,
    content_hash,
    record_key,
    unexpected_fields,
)
from resources.warehouse.raw.schema import SPECS

ISSUES = SPECS["issues"]


def _field(number: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "fieldTypeId": 6, "name": "Colour", "value": value} | more


def _item(number: int, name: str = "Red") -> dict[str, Any]:
    return {"id": number, "name": name, "displayOrder": 0}


def _file(**changes: Any) -> dict[str, Any]:
    return {
        "id": 8,
        "dir": "/",
        "name": "a.pdf",
        "size": 10,
        "updated": "2026-08-01T00:00:00Z",
    } | changes


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a user logged in": (
        {"assignee": {"id": 1, "lastLoginTime": "2026-01-01T00:00:00Z"}},
        {"assignee": {"id": 1, "lastLoginTime": "2026-01-02T00:00:00Z"}},
    ),
    "a status was renamed": (
        {"status": {"id": 4, "name": "Closed"}},
        {"status": {"id": 4, "name": "完了"}},
    ),
    "categories in another order": (
        {"category": [{"id": 2}, {"id": 1}]},
        {"category": [{"id": 1}, {"id": 2}]},
    ),
    "a milestone was archived": (
        {"milestone": [{"id": 1, "archived": False}]},
        {"milestone": [{"id": 1, "archived": True}]},
    ),
    "custom fields in another order": (
        {"customFields": [_field(2, "b"), _field(1, "a")]},
        {"customFields": [_field(1, "a"), _field(2, "b")]},
    ),
    "list items in another order, one renamed": (
        {"customFields": [_field(1, [_item(2), _item(1)])]},
        {"customFields": [_field(1, [_item(1, "赤"), _item(2)])]},
    ),
    "an empty list value as null": (
        {"customFields": [_field(1, [])]},
        {"customFields": [_field(1, None)]},
    ),
    "a star's giver logged in": (
        {"stars": [{"id": 1, "presenter": {"lastLoginTime": "a"}}]},
        {"stars": [{"id": 1, "presenter": {"lastLoginTime": "b"}}]},
    ),
    "an empty list as null": ({"attachments": []}, {"attachments": None}),
}

SAME_COMMENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a notification was read": (
        {
            "notifications": [
                {"id": 1, "user": {"id": 5}, "alreadyRead": False, "resourceAlreadyRead": False}
            ]
        },
        {
            "notifications": [
                {"id": 1, "user": {"id": 5}, "alreadyRead": True, "resourceAlreadyRead": True}
            ]
        },
    ),
    "who was notified logged in": (
        {"notifications": [{"id": 1, "user": {"id": 5, "lastLoginTime": "a"}}]},
        {"notifications": [{"id": 1, "user": {"id": 5, "lastLoginTime": "b"}}]},
    ),
    "its author was renamed": (
        {"createdUser": {"id": 1, "name": "a"}},
        {"createdUser": {"id": 1, "name": "b"}},
    ),
}

DIFFERENT_COMMENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another was notified": (
        {"notifications": [{"id": 1, "user": {"id": 5}}]},
        {"notifications": [{"id": 1, "user": {"id": 6}}]},
    ),
    "edited": ({"content": "a"}, {"content": "b"}),
    "starred": ({"stars": []}, {"stars": [{"id": 1}]}),
    "another order of its changes": (
        {"changeLog": [{"field": "a"}, {"field": "b"}]},
        {"changeLog": [{"field": "b"}, {"field": "a"}]},
    ),
}

DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "assigned": ({"assignee": None}, {"assignee": {"id": 1}}),
    "resolved as 0": ({"resolution": None}, {"resolution": {"id": 0}}),
    "the key of its project changed": ({"issueKey": "OPS-1"}, {"issueKey": "DEV-1"}),
    "touched without a change": (
        {"updated": "2026-08-02T01:00:00Z"},
        {"updated": "2026-08-02T01:00:01Z"},
    ),
    "a category more": ({"category": [{"id": 1}]}, {"category": [{"id": 1}, {"id": 2}]}),
    "another list item": (
        {"customFields": [_field(1, _item(1))]},
        {"customFields": [_field(1, _item(2))]},
    ),
    "another free text": (
        {"customFields": [_field(1, [], otherValue="a")]},
        {"customFields": [_field(1, [], otherValue="b")]},
    ),
    "a number": ({"customFields": [_field(1, 99.9)]}, {"customFields": [_field(1, 99.8)]}),
    "an attachment": ({"attachments": []}, {"attachments": [{"id": 1}]}),
    "a shared file of another size": (
        {"sharedFiles": [_file()]},
        {"sharedFiles": [_file(size=11)]},
    ),
    "an external link": (
        {"externalFileLinks": []},
        {"externalFileLinks": [{"name": "a", "url": "b"}]},
    ),
    "a field nobody knows": ({"risk": {"id": 1, "level": 2}}, {"risk": {"id": 1, "level": 3}}),
    "text against null": ({"description": ""}, {"description": None}),
}


CASES = [
    pytest.param(table, same, *versions, id=f"{table}: {name}")
    for table, same, pairs in (
        ("issues", True, SAME), ("issues", False, DIFFERENT),
        ("comments", True, SAME_COMMENT), ("comments", False, DIFFERENT_COMMENT),
    )
    for name, versions in pairs.items()
]  # fmt: skip


@pytest.mark.parametrize(("table", "same", "one", "other"), CASES)
def test_two_versions_of_a_record_are_the_same_or_not(
    issue: Any, table: str, same: bool, one: dict[str, Any], other: dict[str, Any]
) -> None:
    whole = issue(1) if table == "issues" else {}
    hashes = [content_hash(SPECS[table], whole | version) for version in (one, other)]
    assert (hashes[0] == hashes[1]) is same


def test_another_name_changes_the_user_but_no_membership(user: Any) -> None:
    before, after = user(1), user(1, name="New")
    assert content_hash(SPECS["users"], before) != content_hash(SPECS["users"], after)
    assert content_hash(SPECS["project_members"], before) == content_hash(
        SPECS["project_members"], after
    )


@pytest.mark.parametrize("nested", ["a field nobody knows", "list"])
def test_a_login_is_no_change_of_the_user_or_of_whatever_holds_one(user: Any, nested: str) -> None:
    before, after = user(1), user(1, lastLoginTime="2026-08-01T00:00:00Z")
    assert content_hash(SPECS["users"], before) == content_hash(SPECS["users"], after)
    cascading_references = [
        {"id": 1, nested: [one] if nested == "list" else one}
        for one in (before, after, user(1, name="New"))
    ]
    hashes = [content_hash(ISSUES, holder) for holder in cascading_references]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_renamed_item_changes_the_custom_field_but_not_their_order() -> None:
    spec = SPECS["custom_fields"]
    before = {"id": 1, "items": [_item(1), _item(2)], "applicableIssueTypes": [1, 2]}
    assert content_hash(spec, before) == content_hash(
        spec, {"id": 1, "items": [_item(2), _item(1)], "applicableIssueTypes": [2, 1]}
    )
    assert content_hash(spec, before) != content_hash(
        spec, before | {"items": [_item(1, "赤"), _item(2)]}
    )


def test_fields_that_the_api_is_known_to_send_are_expected(issue: Any, user: Any) -> None:
    assert unexpected_fields(ISSUES, issue(1)) == set()
    assert unexpected_fields(SPECS["users"], user(1, keyword="mori")) == set()
    assert unexpected_fields(ISSUES, issue(1, risk=1)) == {"risk"}


@pytest.mark.parametrize("bad", [None, "", "x", "１", "9" * 5000, 1.0, True, [], {}, 2**63])
def test_a_key_that_is_no_integer_is_refused(bad: Any) -> None:
    with pytest.raises(BadRecordError, match="id is no 64-bit integer"):
        record_key(ISSUES, {"id": bad}, {})


def test_a_key_may_come_as_digits_and_as_zero() -> None:
    assert record_key(ISSUES, {"id": "42"}, {}) == (42,)
    assert record_key(SPECS["resolutions"], {"id": 0}, {}) == (0,)
    assert record_key(SPECS["statuses"], {"id": 1}, {"project_id": 300}) == (300, 1)
    assert record_key(SPECS["space"], {"spaceKey": "acme"}, {}) == ()

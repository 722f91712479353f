"""What an activity says of issues, in every shape that the feed and webhooks are known to have."""

from typing import Any

import pytest

from resources.backlog.feed import ABOUT_ISSUES, ABOUT_OTHERS, Touch, touches

ISSUE, PROJECT, COMMENT = 90017, 300, 640021


def activity(kind: Any, content: Any) -> dict[str, Any]:
    return {"id": 777001, "project": {"id": PROJECT, "projectKey": "OPS"}, "type": kind, "content": content}


def about(**more: Any) -> dict[str, Any]:
    return {"id": ISSUE, "key_id": 42, "summary": "Rotate keys", **more}


@pytest.mark.parametrize("kind", [1, 2, 4])
def test_an_issue_that_was_created_changed_or_deleted_is_to_be_read_itself(kind: int) -> None:
    [touch] = touches(activity(kind, about(comment={"id": COMMENT, "content": ""})))
    assert (touch.issue_id, touch.project_id, touch.row) == (ISSUE, PROJECT, True)


def test_a_comment_changes_the_history_only() -> None:
    assert touches(activity(3, about(comment={"id": COMMENT}))) == [Touch(ISSUE, PROJECT, COMMENT, row=False, key_id=42)]


def test_a_notification_changes_a_comment_that_may_be_known() -> None:
    assert touches(activity(17, about(comment={"id": COMMENT}))) == [
        Touch(ISSUE, PROJECT, COMMENT, row=False, changed=True, key_id=42)
    ]


def test_a_linked_file_comes_without_a_comment_and_changes_the_issue() -> None:
    assert touches(activity(2, about(comment=None, changes=[]))) == [Touch(ISSUE, PROJECT, None, row=True, key_id=42)]


@pytest.mark.parametrize("kind", [14, 34, 35, 47])
def test_a_bulk_activity_touches_every_linked_issue(kind: int) -> None:
    links = [{"id": ISSUE, "key_id": 42, "title": "a", "comment": {"id": COMMENT}}, {"id": ISSUE + 1, "key_id": 43, "title": "b"}]
    assert touches(activity(kind, {"link": links})) == [
        Touch(ISSUE, PROJECT, COMMENT, row=True, key_id=42),
        Touch(ISSUE + 1, PROJECT, None, row=True, key_id=43),
    ]


def test_ids_of_webhooks_are_strings() -> None:
    links = [{"id": str(ISSUE), "key_id": "42", "comment": {"id": str(COMMENT)}}]
    assert touches(activity("14", {"tx_id": "1", "link": links})) == [Touch(ISSUE, PROJECT, COMMENT, row=True, key_id=42)]


@pytest.mark.parametrize("kind", sorted(ABOUT_OTHERS))
def test_what_is_about_something_else_touches_no_issue(kind: int) -> None:
    assert touches(activity(kind, {"id": ISSUE, "key_id": 42})) == []


@pytest.mark.parametrize("kind", [27, 33, 39, 49, 1000])
def test_an_undocumented_type_is_taken_by_its_shape(kind: int) -> None:
    assert touches(activity(kind, about())) == [Touch(ISSUE, PROJECT, None, row=True, key_id=42)]
    assert touches(activity(kind, {"id": "0123abc", "title": "a document"})) == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"id": 1, "type": 2, "content": None},
        {"id": 1, "type": 2, "content": "x"},
        {"id": 1, "type": None, "content": about()},
        {"id": 1, "type": 14, "content": {"link": ["x", None]}},
        {"id": 1, "type": 2, "content": {"key_id": 42, "id": "none"}},
        {"id": 1, "type": True, "content": about()},
    ],
)
def test_what_cannot_be_read_touches_nothing(broken: dict[str, Any]) -> None:
    assert touches(broken) == []


def test_a_project_that_is_not_named_is_0() -> None:
    assert touches({"id": 1, "type": 2, "content": about()})[0].project_id == 0


def test_the_types_are_about_issues_or_about_others() -> None:
    assert not ABOUT_ISSUES & ABOUT_OTHERS

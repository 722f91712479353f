"""What an activity says of issues, in every shape that the feed and webhooks are known to have."""

from typing import Any

import pytest

from resources.backlog.feed import ABOUT_OTHERS, IssueEvent, issue_events

ISSUE, PROJECT, COMMENT = 90017, 300, 640021


def activity(kind: Any, content: Any) -> dict[str, Any]:
    return {
        "id": 777001,
        "project": {"id": PROJECT, "projectKey": "OPS"},
        "type": kind,
        "content": content,
    }


def about(**more: Any) -> dict[str, Any]:
    return {"id": ISSUE, "key_id": 42, "summary": "Rotate keys", **more}


@pytest.mark.parametrize("kind", [1, 2, 4])
def test_an_issue_that_was_created_changed_or_deleted_is_to_be_read_itself(kind: int) -> None:
    [event] = issue_events(activity(kind, about(comment={"id": COMMENT, "content": ""})))
    assert (event.issue_id, event.project_id, event.row) == (ISSUE, PROJECT, True)


def test_a_comment_changes_the_history_only() -> None:
    assert issue_events(activity(3, about(comment={"id": COMMENT}))) == [
        IssueEvent(ISSUE, PROJECT, COMMENT, row=False, key_id=42)
    ]


def test_a_notification_changes_a_comment_that_may_be_known() -> None:
    assert issue_events(activity(17, about(comment={"id": COMMENT}))) == [
        IssueEvent(ISSUE, PROJECT, COMMENT, row=False, changed=True, key_id=42)
    ]


def test_a_linked_file_comes_without_a_comment_and_changes_the_issue() -> None:
    assert issue_events(activity(2, about(comment=None, changes=[]))) == [
        IssueEvent(ISSUE, PROJECT, None, row=True, key_id=42)
    ]


@pytest.mark.parametrize("kind", [14, 34, 35, 47])
def test_a_bulk_activity_touches_every_linked_issue(kind: int) -> None:
    links = [
        {"id": ISSUE, "key_id": 42, "title": "a", "comment": {"id": COMMENT}},
        {"id": ISSUE + 1, "key_id": 43, "title": "b"},
    ]
    assert issue_events(activity(kind, {"link": links})) == [
        IssueEvent(ISSUE, PROJECT, COMMENT, row=True, key_id=42),
        IssueEvent(ISSUE + 1, PROJECT, None, row=True, key_id=43),
    ]


def test_ids_of_webhooks_are_strings() -> None:
    links = [{"id": str(ISSUE), "key_id": "42", "comment": {"id": str(COMMENT)}}]
    assert issue_events(activity("14", {"tx_id": "1", "link": links})) == [
        IssueEvent(ISSUE, PROJECT, COMMENT, row=True, key_id=42)
    ]


@pytest.mark.parametrize("kind", sorted(ABOUT_OTHERS))
def test_what_is_about_something_else_concerns_no_issue(kind: int) -> None:
    assert issue_events(activity(kind, {"id": ISSUE, "key_id": 42})) == []


@pytest.mark.parametrize("kind", [27, 33, 39, 49, 1000])
def test_an_undocumented_type_is_taken_by_its_shape(kind: int) -> None:
    assert issue_events(activity(kind, about())) == [
        IssueEvent(ISSUE, PROJECT, None, row=True, key_id=42)
    ]
    assert issue_events(activity(kind, {"id": "0123abc", "title": "a document"})) == []


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
def test_what_cannot_be_read_concerns_nothing(broken: dict[str, Any]) -> None:
    assert issue_events(broken) == []


def test_a_project_that_is_not_named_is_0() -> None:
    assert issue_events({"id": 1, "type": 2, "content": about()})[0].project_id == 0

"""What an activity says of issues, in every shape that the feed and webhooks are known to have."""

from dataclasses import replace
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


SAID = about(comment={"id": COMMENT, "content": ""})
LINKS = [
    {"id": ISSUE, "key_id": 42, "title": "a", "comment": {"id": COMMENT}},
    {"id": ISSUE + 1, "key_id": 43, "title": "b"},
]
#: As webhooks have them.
TEXTS = [{"id": str(ISSUE), "key_id": "42", "comment": {"id": str(COMMENT)}}]
WITH_COMMENT = IssueEvent(ISSUE, PROJECT, COMMENT, row=True, key_id=42)
ALONE = IssueEvent(ISSUE, PROJECT, None, row=True, key_id=42)


@pytest.mark.parametrize(
    ("kinds", "content", "events"),
    [
        ([1, 2, 4], SAID, [WITH_COMMENT]),
        ([3], SAID, [replace(WITH_COMMENT, row=False)]),
        ([17], SAID, [replace(WITH_COMMENT, row=False, changed=True)]),
        ([2], about(comment=None, changes=[]), [ALONE]),
        (
            [14, 34, 35, 47],
            {"link": LINKS},
            [WITH_COMMENT, replace(ALONE, issue_id=ISSUE + 1, key_id=43)],
        ),
        (["14"], {"tx_id": "1", "link": TEXTS}, [WITH_COMMENT]),
        ([27, 33, 39, 49, 1000], about(), [ALONE]),
        ([27, 33, 39, 49, 1000], {"id": "0123abc", "title": "a document"}, []),
        (sorted(ABOUT_OTHERS), {"id": ISSUE, "key_id": 42}, []),
    ],
    ids=[
        "created, changed or deleted", "a comment changes the history only",
        "a notification changes a comment", "a linked file", "a bulk activity", "ids as texts",
        "undocumented, of the shape of an issue", "undocumented, of another", "of something else",
    ],
)  # fmt: skip
def test_an_activity_tells_what_is_to_be_read(
    kinds: list[Any], content: Any, events: list[IssueEvent]
) -> None:
    assert [issue_events(activity(kind, content)) for kind in kinds] == [events] * len(kinds)


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
    [event] = issue_events({"id": 1, "type": 2, "content": about()})
    assert event.project_id == 0

"""Writes over HTTP: issues, comments, stars, webhooks and their delivery."""

import json
from typing import Any

import pytest

from simulator import Switches
from tests.simulator.conftest import Api, Serve
from tests.sinks import WebhookSink
from tests.sinks import sink as sink  # a fixture


def form_of(api: Api, **more: Any) -> dict[str, Any]:
    """Return the least that makes an issue."""
    project = api.simulator.space.project("OPS")
    return {
        "projectId": project.id,
        "summary": "新規 😀",
        "issueTypeId": next(iter(project.issue_types)),
        "priorityId": 2,
    } | more


def test_a_posted_issue_is_made_with_all_it_was_given(api: Api) -> None:
    project = api.simulator.space.project("OPS")
    kinds = {field.kind: field.id for field in project.fields.values()}
    category, version = next(iter(project.categories)), next(iter(project.versions))
    answer = api.answer("/issues", "POST", form_of(
        api, description="a\r\nb", startDate="2026-07-01", estimatedHours="2.5", **{
            "categoryId[]": category, "milestoneId[]": version,
            "notifiedUserId[]": project.members[0],
            f"customField_{kinds[1]}": "text", f"customField_{kinds[3]}": "1.5",
            f"customField_{kinds[6]}[0]": 1,
            f"customField_{kinds[6]}[1]": 3, f"customField_{kinds[8]}": 2,
            f"customField_{kinds[8]}_otherValue": "o",
        },
    ))  # fmt: skip
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"] == f"https://acme.backlog.com/view/{made['issueKey']}"
    told = {"summary": "新規 😀", "description": "a\r\nb", "estimatedHours": 2.5}
    assert {name: made[name] for name in told} == told
    assert (made["category"][0]["id"], made["milestone"][0]["id"]) == (category, version)
    values = {value["fieldTypeId"]: value for value in made["customFields"]}
    assert (values[1]["value"], values[3]["value"]) == ("text", 1.5)
    assert [item["id"] for item in values[6]["value"]] == [1, 3]
    assert (values[8]["value"]["id"], values[8]["otherValue"]) == (2, "o")
    assert api.get(f"/issues/{made['id']}/comments/count") == {"count": 1}


@pytest.mark.parametrize("missing", ["summary", "issueTypeId", "priorityId"])
def test_an_issue_needs_its_least(api: Api, missing: str) -> None:
    form = {name: value for name, value in form_of(api).items() if name != missing}
    assert api.answer("/issues", "POST", form).json()["errors"][0]["code"] == 7


def test_a_patch_sets_clears_and_comments(api: Api) -> None:
    issue = api.simulator.space.create_issue(
        "OPS", due_date="2026-08-01", assignee_id=api.simulator.space.administrator.id
    )
    form = {
        "statusId": 4, "resolutionId": 0, "dueDate": "", "assigneeId": "", "actualHours": "3",
        "comment": "done",
    }  # fmt: skip
    after = api.answer(f"/issues/{issue.id}", "PATCH", form).json()
    assert (after["status"]["id"], after["resolution"]["id"]) == (4, 0)
    assert (after["dueDate"], after["assignee"], after["actualHours"]) == (None, None, 3.0)
    [row] = api.get(f"/issues/{issue.id}/comments")
    changed = {change["field"] for change in row["changeLog"]}
    assert row["content"] == "done"
    assert changed == {"status", "resolution", "limitDate", "assigner", "actualHours"}


@pytest.mark.parametrize(
    "form",
    [{"statusId": 99}, {"priorityId": 1}, {"categoryId[]": 1}, {"dueDate": "2026/08/01"},
     {"actualHours": "many"}, {"parentIssueId": 1}],
)  # fmt: skip
def test_a_patch_with_a_wrong_value_changes_nothing(api: Api, form: dict[str, Any]) -> None:
    before = api.get("/issues/OPS-1")
    answer = api.answer("/issues/OPS-1", "PATCH", {"summary": "new", **form})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 7)
    assert api.get("/issues/OPS-1") == before


def test_a_comment_tells_more_people_later_and_is_gone_when_it_is_deleted(api: Api) -> None:
    user = api.simulator.space.administrator.id
    made = api.answer("/issues/OPS-1/comments", "POST", {"content": "c", "notifiedUserId[]": user})
    path = f"/issues/OPS-1/comments/{made.json()['id']}"
    notified = api.answer(f"{path}/notifications", "POST", {"notifiedUserId[]": user})
    assert len(notified.json()["notifications"]) == 2
    assert api.answer(path, "DELETE").status_code == 200
    assert api.error(path) == (404, 6)
    assert api.answer("/issues/OPS-1/comments", "POST", {}).status_code == 400


def test_stars_are_given_without_an_answer(api: Api) -> None:
    row = api.simulator.space.comment("OPS-1", "x")
    assert api.answer("/stars", "POST", {"commentId": row.id}).status_code == 204
    assert api.answer("/stars", "POST", {"issueId": 1}).status_code == 404
    assert len(api.get(f"/issues/OPS-1/comments/{row.id}")["stars"]) == 1


@pytest.mark.parametrize(
    ("mode", "failures", "arrived"),
    [
        ("once", 0, [0, 1, 2, 3]),
        ("once", 1, [1, 2, 3]),
        ("retry", 1, [0, 1, 2, 3]),
        ("duplicate", 0, [0, 0, 1, 1, 2, 2, 3, 3]),
        ("reorder", 0, [1, 0, 3, 2]),
    ],
)
def test_webhooks_arrive_in_the_way_that_is_switched_on(
    serve: Serve, sink: WebhookSink, mode: Any, failures: int, arrived: list[int]
) -> None:
    api = serve(switches=Switches(webhook_delivery=mode))
    sink.failures = failures
    hook = {"name": "h", "hookUrl": sink.url, "activityTypeIds[]": [1, 4]}
    assert api.answer("/projects/OPS/webhooks", "POST", hook).json()["allEvent"] is False
    space = api.simulator.space
    for n in range(3):
        space.create_issue("OPS", summary=f"w{n}")
        space.comment("OPS-1", "not sent")
    space.delete_issue("OPS-1")
    sent = [activity.id for activity in space.activities if activity.type in (1, 4)][-4:]
    api.simulator.stop()
    bodies = [json.loads(body) for _, body in sink.received]
    assert [sent.index(body["id"]) for body in bodies] == arrived
    assert bodies[0]["createdUser"]["mailAddress"] is None

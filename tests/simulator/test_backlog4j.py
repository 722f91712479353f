"""What backlog4j, Nulab's client for Java, sends and needs, replayed; the client itself runs
nowhere here.

Taken from its public source: parameters of `GetIssuesParams`, `UpdateIssueParams` and the like, the
HTTP client's headers, and the fields of its JSON classes.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from simulator import SpaceSpec
from tests.simulator.conftest import Api

HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    "User-Agent": "backlog4jv2",
}
INT_FIELDS = {"id", "keyId", "projectId", "tx_id", "key_id", "fieldTypeId", "typeId", "roleType"}
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
STAMPED = {"created", "updated", "startDate", "dueDate", "releaseDueDate"}


class Java:
    """Sends requests as backlog4j does: the key in the query, always; forms in UTF-8."""

    def __init__(self, api: Api) -> None:
        self.http = httpx.Client(
            base_url=f"{api.simulator.url}/api/v2", headers=HEADERS, trust_env=False
        )
        self.key = api.simulator.api_key

    def send(
        self, method: str, path: str, query: str = "", form: list[tuple[str, Any]] | None = None
    ) -> Any:
        body = "" if form is None else urlencode(form)
        answer = self.http.request(method, f"{path}?apiKey={self.key}{query}", content=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


@pytest.fixture
def small(serve: Callable[..., Api]) -> Api:
    """Return a space whose ids fit backlog4j's 32-bit fields."""
    return serve(SpaceSpec(seed=7, users=12, projects=2, issues=200, ids="int32"))


@pytest.fixture
def java(small: Api) -> Iterator[Java]:
    """Return the replayed client."""
    client = Java(small)
    yield client
    client.http.close()


def named_values(value: Any) -> Iterator[tuple[str, Any]]:
    """Return all named values inside a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from named_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named_values(inner)


def test_every_number_fits_and_every_moment_parses_as_its_classes_need(java: Java) -> None:
    paths = (
        "/issues",
        "/space/activities",
        "/projects",
        "/users",
        "/projects/OPS/customFields",
        "/projects/OPS/versions",
    )
    for path in paths:
        for name, value in named_values(
            java.send("GET", path, "&count=100" if path in ("/issues", "/space/activities") else "")
        ):
            if name in INT_FIELDS and value is not None:
                assert isinstance(value, int)
                assert value < 2**31
            if name in STAMPED and value is not None:
                assert STAMP.fullmatch(value)


def test_arrays_its_getters_wrap_are_never_null(java: Java) -> None:
    arrays = (
        "category",
        "versions",
        "milestone",
        "customFields",
        "attachments",
        "sharedFiles",
        "stars",
    )
    for issue in java.send("GET", "/issues", "&count=100"):
        assert all(isinstance(issue[name], list) for name in arrays)
        for value in issue["customFields"]:
            assert value["fieldTypeId"] in range(1, 9)
            assert not (value["fieldTypeId"] in (6, 7) and value["value"] is None)
        for row in java.send("GET", f"/issues/{issue['id']}/comments"):
            assert all(
                isinstance(row[name], list) for name in ("changeLog", "stars", "notifications")
            )
    for definition in java.send("GET", "/projects/OPS/customFields"):
        assert isinstance(definition["required"], bool)
        assert isinstance(definition["applicableIssueTypes"], list)
        assert definition["typeId"] < 5 or isinstance(definition["items"], list)


def test_its_filters_of_issues_are_understood(java: Java, small: Api) -> None:
    project = small.simulator.space.project("OPS")
    kinds = {field.kind: field.id for field in project.fields.values()}
    base = f"&projectId[]={project.id}"
    filters = (
        "&statusId[]=1&statusId[]=2&priorityId[]=3&parentChild=1&attachment=false&sharedFile=false",
        "&sort=updated&order=asc&offset=0&count=50&createdSince=2025-01-01&updatedUntil=2026-12-31",
        (
            f"&sort=customField_{kinds[3]}"
            f"&customField_{kinds[3]}_min=0.5&customField_{kinds[3]}_max=100.0"
        ),
        (
            f"&customField_{kinds[4]}_min=2025-01-01"
            f"&customField_{kinds[1]}=ref&customField_{kinds[6]}[]=1"
        ),
        "&startDateSince=2025-01-01&dueDateUntil=2026-12-31&keyword=API",
    )
    for text in filters:
        assert isinstance(java.send("GET", "/issues", base + text), list)
        assert java.send("GET", "/issues/count", base + text)["count"] >= 0


def test_an_issue_is_made_changed_commented_on_and_deleted_by_its_forms(
    java: Java, small: Api
) -> None:
    project = small.simulator.space.project("OPS")
    kinds = {field.kind: field.id for field in project.fields.values()}
    type_id = str(next(iter(project.issue_types)))
    made = java.send("POST", "/issues", form=[
        ("projectId", str(project.id)), ("summary", "Java から ☕"), ("issueTypeId", type_id),
        ("priorityId", "3"),
        ("estimatedHours", "1.50"), (f"customField_{kinds[6]}", "1"), (f"customField_{kinds[6]}",
            "2"),
        (f"customField_{kinds[7]}", "1"), (f"customField_{kinds[7]}_otherValue", "他"),
    ])  # fmt: skip
    values = {value["fieldTypeId"]: value for value in made["customFields"]}
    assert made["summary"] == "Java から ☕"
    assert [item["id"] for item in values[6]["value"]] == [1, 2]
    assert values[7]["otherValue"] == "他"
    path = f"/issues/{made['id']}"
    form = [
        ("statusId", "4"), ("resolutionId", ""), ("startDate", ""), ("categoryId[]", ""),
        ("assigneeId", ""),
        ("parentIssueId", ""), (f"customField_{kinds[3]}", "2.5000"), ("comment", "done"),
    ]  # fmt: skip
    changed = java.send("PATCH", path, form=form)
    assert (changed["status"]["id"], changed["category"], changed["parentIssueId"]) == (4, [], None)
    row = java.send("POST", f"{path}/comments", form=[("content", "hello")])
    assert (
        java.send("PATCH", f"{path}/comments/{row['id']}", form=[("content", "hi")])["content"]
        == "hi"
    )
    assert (
        java.send("GET", f"{path}/comments", f"&minId={row['id']}&order=asc")[0]["id"] == row["id"]
    )
    assert java.send("DELETE", path)["id"] == made["id"]


def test_its_feed_filter_is_understood(java: Java) -> None:
    rows = java.send(
        "GET", "/space/activities", "&activityTypeId[]=2&activityTypeId[]=14&count=100&order=asc"
    )
    assert {row["type"] for row in rows} == {2, 14}

"""What backlog4j, Nulab's client for Java, sends and needs, replayed; the client itself runs
nowhere here.

Taken from its public source: parameters of `GetIssuesParams`, `UpdateIssueParams` and the like, the
HTTP client's headers, and the fields of its JSON classes.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from simulator import SpaceSpec
from tests.simulator.conftest import Api, Serve

HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    "User-Agent": "backlog4jv2",
}
INT_FIELDS = {"id", "keyId", "projectId", "tx_id", "key_id", "fieldTypeId", "typeId", "roleType"}
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
ARRAYS = (
    "category", "versions", "milestone", "customFields", "attachments", "sharedFiles", "stars",
)  # fmt: skip
STAMPED = {"created", "updated", "startDate", "dueDate", "releaseDueDate"}


class Java:
    """Sends requests as backlog4j does: the key in the query, always; forms in UTF-8."""

    def __init__(self, api: Api) -> None:
        self.http = httpx.Client(
            base_url=f"{api.simulator.url}/api/v2", headers=HEADERS, trust_env=False
        )
        self.key = api.simulator.api_key
        self.project = api.simulator.space.project("OPS")
        #: Kind of a custom field -> its parameter.
        self.fields = {one.kind: f"customField_{one.id}" for one in self.project.fields.values()}

    def send(
        self, method: str, path: str, query: str = "", form: list[tuple[str, Any]] | None = None
    ) -> Any:
        body = "" if form is None else urlencode(form)
        answer = self.http.request(method, f"{path}?apiKey={self.key}{query}", content=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


@pytest.fixture
def java(serve: Serve) -> Iterator[Java]:
    """Return the replayed client of a space whose ids fit its 32-bit fields."""
    client = Java(serve(SpaceSpec(seed=7, users=12, projects=2, issues=200, ids="int32")))
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


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/issues", "&count=100"),
        ("/space/activities", "&count=100"),
        ("/projects", ""),
        ("/users", ""),
        ("/projects/OPS/customFields", ""),
        ("/projects/OPS/versions", ""),
    ],
)
def test_every_number_fits_and_every_moment_parses_as_its_classes_need(
    java: Java, path: str, query: str
) -> None:
    for name, value in named_values(java.send("GET", path, query)):
        if name in INT_FIELDS and value is not None:
            assert isinstance(value, int)
            assert value < 2**31
        if name in STAMPED and value is not None:
            assert STAMP.fullmatch(value)


def test_arrays_its_getters_wrap_are_never_null(java: Java) -> None:
    for issue in java.send("GET", "/issues", "&count=100"):
        assert all(isinstance(issue[name], list) for name in ARRAYS)
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


def test_its_filters_of_issues_are_understood(java: Java) -> None:
    of = java.fields
    for text in (
        "statusId[]=1&statusId[]=2&priorityId[]=3&parentChild=1&attachment=false&sharedFile=false",
        "sort=updated&order=asc&offset=0&count=50&createdSince=2025-01-01&updatedUntil=2026-12-31",
        f"sort={of[3]}&{of[3]}_min=0.5&{of[3]}_max=100.0",
        f"{of[4]}_min=2025-01-01&{of[1]}=ref&{of[6]}[]=1",
        "startDateSince=2025-01-01&dueDateUntil=2026-12-31&keyword=API",
    ):
        query = f"&projectId[]={java.project.id}&{text}"
        assert isinstance(java.send("GET", "/issues", query), list)
        assert java.send("GET", "/issues/count", query)["count"] >= 0


def test_an_issue_is_made_and_changed_by_its_forms(java: Java) -> None:
    of = java.fields
    made = java.send("POST", "/issues", form=[
        ("projectId", str(java.project.id)), ("summary", "Java から ☕"),
        ("issueTypeId", str(next(iter(java.project.issue_types)))), ("priorityId", "3"),
        ("estimatedHours", "1.50"), (of[6], "1"), (of[6], "2"),
        (of[7], "1"), (f"{of[7]}_otherValue", "他"),
    ])  # fmt: skip
    values = {value["fieldTypeId"]: value for value in made["customFields"]}
    assert made["summary"] == "Java から ☕"
    assert [item["id"] for item in values[6]["value"]] == [1, 2]
    assert values[7]["otherValue"] == "他"
    changed = java.send("PATCH", f"/issues/{made['id']}", form=[
        ("statusId", "4"), ("resolutionId", ""), ("startDate", ""), ("categoryId[]", ""),
        ("assigneeId", ""), ("parentIssueId", ""), (of[3], "2.5000"), ("comment", "done"),
    ])  # fmt: skip
    assert (changed["status"]["id"], changed["category"], changed["parentIssueId"]) == (4, [], None)

"""The JSON of each endpoint that reads: names, types and the odd values that real spaces hold."""

import re
from typing import Any

import pytest

from simulator import Simulator, SpaceSpec
from tests.simulator.conftest import Api

USER = {
    "id",
    "userId",
    "name",
    "roleType",
    "lang",
    "nulabAccount",
    "mailAddress",
    "lastLoginTime",
    "keyword",
}
ISSUE = {
    "id", "projectId", "issueKey", "keyId", "issueType", "summary", "description", "resolution",
    "priority", "status",
    "assignee", "category", "versions", "milestone", "startDate", "dueDate", "estimatedHours",
    "actualHours",
    "parentIssueId", "createdUser", "created", "updatedUser", "updated", "customFields",
    "attachments", "sharedFiles",
    "externalFileLinks", "stars",
}  # fmt: skip
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def everything(api: Api) -> list[dict[str, Any]]:
    """Return all issues of the space."""
    issues: list[dict[str, Any]] = []
    while page := api.get("/issues", count=100, offset=len(issues), sort="created", order="asc"):
        issues += page
    return issues


def test_users_have_all_fields_and_the_gaps_of_real_ones(still: Api) -> None:
    users = still.get("/users")
    assert all(set(user) == USER for user in users)
    assert {user["roleType"] for user in users} == {1, 2, 3, 4, 5, 6}
    for gap in ("userId", "mailAddress", "lang", "nulabAccount", "lastLoginTime"):
        assert any(user[gap] is None for user in users), gap
        assert any(user[gap] is not None for user in users), gap


def test_projects_are_listed_with_settings_and_the_last_is_archived(still: Api) -> None:
    projects = still.get("/projects")
    assert [project["archived"] for project in projects] == [False, False, False, True]
    assert "grandchildIssueEnabled" in projects[0]
    assert still.get("/projects", archived="false") == projects[:3]
    assert still.get("/projects", archived="true") == projects[3:]
    assert (
        still.get(f"/projects/{projects[1]['projectKey']}")
        == still.get(f"/projects/{projects[1]['id']}")
        == projects[1]
    )


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("issueTypes", "id projectId name color displayOrder templateSummary templateDescription"),
        ("categories", "id projectId name displayOrder"),
        (
            "versions",
            "id projectId name description startDate releaseDueDate archived displayOrder",
        ),
        ("teams", "id name members displayOrder createdUser created updatedUser updated"),
    ],
)
def test_masters_have_exactly_the_fields_of_the_api(still: Api, path: str, fields: str) -> None:
    rows = still.get(f"/projects/OPS/{path}")
    assert rows
    assert all(set(row) == set(fields.split()) for row in rows)


def test_custom_field_definitions_cover_all_kinds_with_the_fields_of_each(still: Api) -> None:
    by_kind = {one["typeId"]: one for one in still.get("/projects/OPS/customFields")}
    assert set(by_kind) == set(range(1, 9))
    assert {"min", "max", "initialValue", "unit"} <= set(by_kind[3])
    assert by_kind[4]["initialDate"] == {"id": 2, "shift": 7}
    assert [item["id"] for item in by_kind[5]["items"]] == [1, 2, 3, 4]
    assert by_kind[7]["allowInput"] is by_kind[8]["allowInput"] is True
    assert by_kind[2]["useIssueType"] is True
    assert by_kind[2]["applicableIssueTypes"]


def test_an_issue_has_the_same_full_shape_in_a_list_and_alone(still: Api) -> None:
    for issue in still.get("/issues", count=20):
        assert set(issue) == ISSUE
        assert (
            still.get(f"/issues/{issue['id']}")
            == still.get(f"/issues/{issue['issueKey']}")
            == issue
        )
        assert set(issue["createdUser"]) == USER
        assert STAMP.fullmatch(issue["created"])


def test_issues_hold_every_kind_of_custom_value_set_and_empty(still: Api) -> None:
    kinds: dict[int, list[Any]] = {}
    for issue in everything(still):
        for value in issue["customFields"]:
            kinds.setdefault(value["fieldTypeId"], []).append(value["value"])
            assert ("otherValue" in value) == (value["fieldTypeId"] in (7, 8))
    shapes: dict[int, type] = {1: str, 2: str, 3: float, 4: str, 5: dict, 6: list, 7: list, 8: dict}
    for kind, shape in shapes.items():
        empty: list[Any] | None = [] if shape is list else None
        assert any(value == empty for value in kinds[kind]), kind
        assert any(isinstance(value, shape) and value != empty for value in kinds[kind]), kind


def test_families_files_and_stars_are_in_the_data(still: Api) -> None:
    issues = everything(still)
    by_id = {issue["id"]: issue for issue in issues}
    children = [issue for issue in issues if issue["parentIssueId"] is not None]
    assert children
    assert all(
        by_id[child["parentIssueId"]]["projectId"] == child["projectId"] for child in children
    )
    for part in ("attachments", "stars", "category", "versions", "milestone", "sharedFiles"):
        assert any(issue[part] for issue in issues), part


def test_what_hangs_on_an_issue_can_be_asked_for_alone(still: Api) -> None:
    issue = next(issue for issue in everything(still) if issue["attachments"])
    path = f"/issues/{issue['id']}"
    assert still.get(f"{path}/attachments") == issue["attachments"]
    assert still.get(f"{path}/sharedFiles") == issue["sharedFiles"]
    assert issue["createdUser"]["id"] in [user["id"] for user in still.get(f"{path}/participants")]
    file = still.answer(f"{path}/attachments/{issue['attachments'][0]['id']}")
    assert "filename*=UTF-8''" in file.headers["Content-Disposition"]
    assert file.content


def test_children_are_summed_up_only_when_asked_for(still: Api) -> None:
    [parent, *_] = still.get("/issues", parentChild=4, **{"expand[]": "childIssueSummary"})
    children = still.get("/issues", **{"parentIssueId[]": parent["id"]}, count=100)
    closed = sum(child["status"]["id"] == 4 for child in children)
    assert parent["childIssueSummary"] == {"total": len(children), "closed": closed}
    assert "childIssueSummary" not in still.get(f"/issues/{parent['id']}")


def test_a_lone_surrogate_leaves_as_a_json_escape(api: Api) -> None:
    made = api.simulator.space.create_issue(
        "OPS", summary="broken \ud83d end", description="nul \x00"
    )
    answer = api.answer(f"/issues/{made.id}")
    assert b"\\ud83d" in answer.content
    assert b"\\u0000" in answer.content


def test_members_by_team_only_can_be_left_out(api: Api) -> None:
    space = api.simulator.space
    outsider = space.add_user("Guest").id
    space.add_project_team("OPS", space.add_team("guests", [outsider]).id)
    ids = [user["id"] for user in api.get("/projects/OPS/users")]
    alone = [user["id"] for user in api.get("/projects/OPS/users", excludeGroupMembers="true")]
    assert outsider in ids
    assert outsider not in alone


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others() -> None:
    def bytes_of(seed: int) -> bytes:
        with Simulator(SpaceSpec(seed=seed, issues=200)) as simulator:
            api = Api(simulator)
            paths = (
                "/users",
                "/projects",
                "/space/activities?count=100",
                "/issues?count=100&sort=created&order=asc",
            )
            found = b"".join(api.answer(path).content for path in paths)
            api.http.close()
            return found

    assert bytes_of(3) == bytes_of(3)
    assert bytes_of(3) != bytes_of(4)


def test_a_link_to_an_issue_leads_to_its_page_and_what_people_wrote_stays_text(api: Api) -> None:
    space = api.simulator.space
    made = space.create_issue(
        "OPS", summary="<script>alert(1)</script> 決済", description="a & b \ud83d"
    )
    space.comment(made.id, content="見ました <b>")
    page = api.http.get(f"{api.simulator.url}/view/{space.issue_key(made)}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (
        f"<h1>{space.issue_key(made)} &lt;script&gt;alert(1)&lt;/script&gt; 決済</h1>" in page.text
    )
    assert "a &amp; b ?" in page.text
    assert "見ました &lt;b&gt;" in page.text
    gone = api.http.get(f"{api.simulator.url}/view/OPS-999999")
    assert (gone.status_code, gone.text) == (404, "<h1>No issue OPS-999999</h1>")

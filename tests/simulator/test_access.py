"""Who is let in, how, and what each may see and do."""

import httpx
import pytest

from tests.simulator.conftest import Api, Login

REDIRECT = "http://127.0.0.1:1/back?x=1"


def plain(api: Api) -> httpx.Client:
    """Return a client without a key."""
    return httpx.Client(base_url=api.simulator.url, trust_env=False)


@pytest.mark.parametrize("path", ["/api/v2/space", "/api/v2/issues"])
def test_a_key_is_taken_in_the_header_or_in_the_query(api: Api, path: str) -> None:
    key = api.simulator.api_key
    with plain(api) as client:
        assert client.get(path, params={"apiKey": key}).status_code == 200
        assert client.get(path, headers={"Backlog-API-Key": key}).status_code == 200


@pytest.mark.parametrize("params", [{}, {"apiKey": "wrong"}])
def test_nobody_gets_in_without_a_good_key(api: Api, params: dict[str, str]) -> None:
    with plain(api) as client:
        answer = client.get("/api/v2/space", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, 11)


def test_a_revoked_key_and_a_closed_account_are_refused(api: Api, as_user: Login) -> None:
    member = as_user(api, 2)
    assert member.answer("/space").status_code == 200
    api.simulator.space.delete_user(member.get("/users/myself")["id"])
    assert member.error("/space") == (401, 11)
    api.simulator.site.keyring.revoke(api.simulator.api_key)
    assert api.error("/space") == (401, 11)


@pytest.mark.parametrize("path", ["/users", "/teams", "/groups"])
def test_only_those_who_administer_something_list_all_users_and_teams(
    api: Api, as_user: Login, path: str
) -> None:
    space, member = api.simulator.space, as_user(api, 2)
    user = member.get("/users/myself")["id"]
    for project in space.projects.values():
        project.administrators = [one for one in project.administrators if one != user]
    assert api.get(path)
    assert member.error(path) == (403, 5)
    space.project("OPS").administrators.append(user)
    assert [one["id"] for one in member.get(path)] == [one["id"] for one in api.get(path)]


def test_everybody_reads_the_licence_and_administrators_alone_the_disk_usage(
    api: Api, as_user: Login
) -> None:
    member, space = as_user(api, 2), api.simulator.space
    space.change_licence(userLimit=7)
    assert member.get("/space/licence") == api.get("/space/licence")
    assert api.get("/space/licence")["userLimit"] == 7
    assert member.error("/space/diskUsage") == (403, 5)
    usage = api.get("/space/diskUsage")
    assert [one["projectId"] for one in usage["details"]] == list(space.projects)
    assert usage["issue"] == sum(one["issue"] for one in usage["details"]) > 0


def test_a_member_sees_the_teams_of_a_project_and_only_administrators_one_by_its_id(
    api: Api, as_user: Login
) -> None:
    space, member = api.simulator.space, as_user(api, 2)
    space.add_member("OPS", member.get("/users/myself")["id"])
    teams = member.get("/projects/OPS/teams")
    assert [team["id"] for team in teams] == space.project("OPS").teams != []
    assert api.get(f"/teams/{teams[0]['id']}")["id"] == teams[0]["id"]
    assert member.error(f"/teams/{teams[0]['id']}") == (403, 5)


def test_a_project_one_does_not_belong_to_does_not_exist(api: Api, as_user: Login) -> None:
    space, member = api.simulator.space, as_user(api, 2)
    user, web = member.get("/users/myself")["id"], space.project("WEB")
    for project in space.projects.values():
        if user in project.members:
            space.remove_member(project.id, user)
        project.teams.clear()
    space.add_member("WEB", user)
    for params in ({}, {"all": "true"}):
        assert [one["projectKey"] for one in member.get("/projects", **params)] == ["WEB"]
    for path in ("/projects/OPS", "/issues/OPS-1"):
        assert member.error(path) == (404, 6)
    for asked in ({}, {"projectId[]": list(space.projects)}):
        assert member.get("/issues/count", **asked) == {"count": len(web.issues)}
    assert {one["project"]["id"] for one in member.get("/space/activities", count=100)} == {web.id}


def test_an_administrator_asks_for_all_projects_to_see_those_not_joined(api: Api) -> None:
    api.simulator.space.add_project("NEW", "New").members.clear()
    assert "NEW" not in [project["projectKey"] for project in api.get("/projects")]
    assert "NEW" in [project["projectKey"] for project in api.get("/projects", all="true")]


@pytest.mark.parametrize(
    "path",
    [
        "/issues/1", "/issues/OPS-99999", "/projects/NOPE", "/users/1", "/teams/1",
        "/activities/1", "/nope",
    ],
)  # fmt: skip
def test_what_is_gone_or_never_was_is_not_found(still: Api, path: str) -> None:
    assert still.error(path) == (404, 6)


def test_viewers_write_nothing_and_reporters_only_add(api: Api, as_user: Login) -> None:
    space = api.simulator.space
    project = space.project("OPS")
    viewer, reporter = as_user(api, 4), as_user(api, 3)
    for one in (viewer, reporter):
        space.add_member("OPS", one.get("/users/myself")["id"])
    form = {
        "projectId": project.id,
        "summary": "s",
        "issueTypeId": next(iter(project.issue_types)),
        "priorityId": 3,
    }
    assert viewer.answer("/issues", "POST", form).status_code == 403
    assert reporter.answer("/issues", "POST", form).status_code == 201
    assert reporter.answer("/issues/OPS-1", "PATCH", {"summary": "t"}).status_code == 403
    assert viewer.answer("/issues/OPS-1/comments", "POST", {"content": "c"}).status_code == 403


def test_a_wrong_application_or_grant_gets_nowhere(api: Api) -> None:
    keyring = api.simulator.site.keyring
    asked = {"response_type": "code", "client_id": "other", "redirect_uri": REDIRECT}
    right = {"client_id": keyring.client_id, "client_secret": keyring.client_secret}
    code = keyring.issue_code(api.simulator.space.administrator.id, REDIRECT)
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    with plain(api) as client:
        assert client.get("/OAuth2AccessRequest.action", params=asked).status_code == 400
        answers = [
            client.post("/api/v2/oauth2/token", data=right | form)
            for form in (
                {"grant_type": "password"},
                exchange | {"client_secret": "wrong"},
                exchange,
                exchange,
            )
        ]
    assert [(answer.status_code, answer.json().get("error")) for answer in answers] == [
        (400, "unsupported_grant_type"),
        (401, "invalid_client"),
        (200, None),
        (400, "invalid_grant"),  # a code is good once
    ]


@pytest.mark.parametrize("form", ["challenge", "errors"])
def test_an_expired_token_is_reported_in_the_way_that_is_switched_on(api: Api, form: str) -> None:
    api.simulator.switch(bearer_refusal=form)
    keyring = api.simulator.site.keyring
    grant = {
        "client_id": keyring.client_id, "client_secret": keyring.client_secret,
        "grant_type": "authorization_code", "redirect_uri": REDIRECT,
        "code": keyring.issue_code(api.simulator.space.administrator.id, REDIRECT),
    }  # fmt: skip
    with plain(api) as client:
        access = client.post("/api/v2/oauth2/token", data=grant).json()["access_token"]
        api.simulator.clock.advance(3601)
        bearer = {"Authorization": f"Bearer {access}"}
        answer = client.get("/api/v2/users/myself", headers=bearer)
    assert answer.status_code == 401
    if form == "challenge":
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert answer.content == b""
    else:
        assert "WWW-Authenticate" not in answer.headers
        assert answer.json()["errors"][0]["code"] == 11

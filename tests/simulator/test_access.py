"""Who is let in, how, and what each may see and do."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.simulator.conftest import Api

Login = Callable[[Api, int], Api]
REDIRECT = "http://127.0.0.1:1/back?x=1"


def plain(api: Api) -> httpx.Client:
    """Return a client without a key."""
    return httpx.Client(base_url=api.simulator.url, trust_env=False)


def test_a_key_is_taken_in_the_header_or_in_the_query(api: Api) -> None:
    with plain(api) as client:
        key = api.simulator.api_key
        assert client.get("/api/v2/space", params={"apiKey": key}).status_code == 200
        assert client.get("/api/v2/space", headers={"Backlog-API-Key": key}).status_code == 200
        assert client.get("/api/v2/issues", params={"apiKey": key}).status_code == 200


@pytest.mark.parametrize("params", [{}, {"apiKey": "wrong"}])
def test_nobody_gets_in_without_a_good_key(api: Api, params: dict[str, str]) -> None:
    with plain(api) as client:
        answer = client.get("/api/v2/space", params=params)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == 11


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
    user = member.get("/users/myself")["id"]
    for project in list(space.projects.values()):
        if user in project.members:
            space.remove_member(project.id, user)
        project.teams.clear()
    space.add_member("WEB", user)
    assert [project["projectKey"] for project in member.get("/projects")] == ["WEB"]
    assert [project["projectKey"] for project in member.get("/projects", all="true")] == ["WEB"]
    assert member.error("/projects/OPS") == (404, 6)
    assert member.error("/issues/OPS-1") == (404, 6)
    web = space.project("WEB")
    assert member.get("/issues/count") == {"count": len(web.issues)}
    assert member.get("/issues/count", **{"projectId[]": list(space.projects)}) == {
        "count": len(web.issues)
    }
    assert {one["project"]["id"] for one in member.get("/space/activities", count=100)} == {web.id}


def test_an_administrator_asks_for_all_projects_to_see_those_not_joined(api: Api) -> None:
    api.simulator.space.add_project("NEW", "New").members.clear()
    assert "NEW" not in [project["projectKey"] for project in api.get("/projects")]
    assert "NEW" in [project["projectKey"] for project in api.get("/projects", all="true")]


def test_what_is_gone_or_never_was_is_not_found(api: Api) -> None:
    for path in (
        "/issues/1",
        "/issues/OPS-99999",
        "/projects/NOPE",
        "/users/1",
        "/teams/1",
        "/activities/1",
        "/nope",
    ):
        assert api.error(path) == (404, 6), path


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


def allowed(api: Api, client: httpx.Client, decision: str = "allow") -> dict[str, list[str]]:
    """Go through the consent page; return what comes back to the application."""
    keyring = api.simulator.site.keyring
    asked = {
        "response_type": "code",
        "client_id": keyring.client_id,
        "redirect_uri": REDIRECT,
        "state": "a&b",
    }
    assert "<form" in client.get("/OAuth2AccessRequest.action", params=asked).text
    answer = client.post("/OAuth2AccessRequest.action", data=asked | {"decision": decision})
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def token(api: Api, client: httpx.Client, **form: str) -> httpx.Response:
    """Ask the token endpoint."""
    keyring = api.simulator.site.keyring
    secret = {"client_id": keyring.client_id, "client_secret": keyring.client_secret}
    return client.post("/api/v2/oauth2/token", data=secret | form)


def logged_in(api: Api, client: httpx.Client) -> dict[str, Any]:
    """Return the first tokens of a user."""
    code = allowed(api, client)["code"][0]
    answer = token(api, client, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def whoami(client: httpx.Client, access: str) -> httpx.Response:
    """Ask with a bearer token."""
    return client.get("/api/v2/users/myself", headers={"Authorization": f"Bearer {access}"})


def test_a_user_may_refuse_and_a_wrong_application_gets_nowhere(api: Api) -> None:
    with plain(api) as client:
        assert allowed(api, client, "deny")["error"] == ["access_denied"]
        asked = {"response_type": "code", "client_id": "other", "redirect_uri": REDIRECT}
        assert client.get("/OAuth2AccessRequest.action", params=asked).status_code == 400
        wrong = client.post("/api/v2/oauth2/token", data={"client_id": "x", "client_secret": "y"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        assert token(api, client, grant_type="password").json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("form", ["challenge", "errors"])
def test_an_expired_token_is_reported_in_the_way_that_is_switched_on(api: Api, form: str) -> None:
    api.simulator.switch(bearer_refusal=form)
    with plain(api) as client:
        access = logged_in(api, client)["access_token"]
        api.simulator.clock.advance(3601)
        answer = whoami(client, access)
    assert answer.status_code == 401
    if form == "challenge":
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert answer.content == b""
    else:
        assert "WWW-Authenticate" not in answer.headers
        assert answer.json()["errors"][0]["code"] == 11
